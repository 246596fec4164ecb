# clean: only what nobody has goes, all of it can come back, and who comes or dies in the middle loses nothing.
load ../tests/cli/helpers
load ../tests/cli/world

# A world where nothing is anybody else's.
place() { world "alone; $(declare -f clean run_of each_kind as_before summary_of); $1"; }
# The command with no grace, whatever it answers in $code.
clean() {
    code=0
    "$WYE" clean --age 0 "$@" || code=$?
}
run_of() { ls /var/lib/wye/undo | tail -1; }
summary_of() { clean "$@" | grep "remove"; }
# Objects of the kinds that can be proven or likely, of which nobody has any.
each_kind() {
    printf "shared words" >/dev/shm/words
    chmod 640 /dev/shm/words
    scene sem /left
    kill -KILL "$made"
    wait "$made" 2>/dev/null || true
    printf "one\ntwo\n" | "$WYE" send --lines --create posix-mq:/jobs
    segment=$(ipcmk -M 8192 -p 0640 | grep -o "[0-9]*$")
    mkfifo /var/tmp/pipe
    scene bound-gone /var/tmp/stale
    kill -KILL "$made"
    wait "$made" 2>/dev/null || true
    echo 4194300 >/var/tmp/dead.pid
}
as_before() {
    [ "$(cat /dev/shm/words)" = "shared words" ] && [ "$(stat -c %a /dev/shm/words)" = 640 ] &&
        [ -e /dev/shm/sem.left ] &&
        [ "$("$WYE" ls posix-mq --json | jq ".items[0].facts.messages")" = 2 ] &&
        [ "$(ipcs -m -i "$segment" | grep -c "bytes=8192")" = 1 ] &&
        [ -p /var/tmp/pipe ] && [ -S /var/tmp/stale ] && [ "$(cat /var/tmp/dead.pid)" = 4194300 ] &&
        [ "$(ls -A /dev/shm | wc -l)" = 2 ]
}
export -f place clean run_of each_kind as_before summary_of

@test "without --yes nothing happens: it is said what would, and where it can be undone" {
    place '
        printf "left behind" >/dev/shm/left
        before=$(stat -c "%i %Y %Z %X" /dev/shm/left)
        clean >"$T/out"
        [ "$code" = 1 ]
        grep -q "would remove 1 object, free 4.0K on /dev/shm" "$T/out"
        grep -q "run again with --yes.  It can be undone for 7 days: wye undo" "$T/out"
        [ "$before" = "$(stat -c "%i %Y %Z %X" /dev/shm/left)" ]
        [ -z "$(ls /var/lib)" ]
        rm /dev/shm/left
        clean >"$T/out"
        [ "$code" = 0 ]
        grep -q "would remove 0 objects" "$T/out"'
}

@test "each kind goes, and comes back as it was" {
    place '
        each_kind
        clean --yes --likely >"$T/out"
        cat "$T/out"
        [ "$code" = 0 ]
        grep -q "removed 7 objects" "$T/out"
        [ -z "$(ls /dev/shm)" ]
        [ -z "$(ls /var/tmp)" ]
        [ "$(ipcs -m | grep -c ^0x || true)" = 0 ]
        [ "$("$WYE" ls posix-mq --json | jq ".items | length")" = 0 ]
        "$WYE" undo "$(run_of)" >"$T/undone"
        cat "$T/undone"
        grep -q "^7 of 7 objects are back" "$T/undone"
        as_before || exit 1
        [ "$("$WYE" recv --lines --count 2 posix-mq:/jobs)" = "one
two" ]
        [ -z "$(ls /var/lib/wye/undo)" ]'
}

@test "a ring and the memory of its loans go together, and come back together" {
    place '
        "$WYE" send --help >/dev/null
        mkdir -m 700 "/dev/shm/wye-$(id -u)"
        cd "/dev/shm/wye-$(id -u)"
        echo ring >ring.prices; echo bank >loan.prices.0; echo other >loan.prices.1.0
        clean --yes shm >"$T/out"
        [ "$(ls)" = loan.prices.1.0 ]
        "$WYE" undo "$(run_of)"
        [ "$(cat ring.prices loan.prices.0)" = "ring
bank" ]'
}

@test "what is held in any way stays, and is not spoken of" {
    place '
        scene shm-map /mapped
        scene shm-in-flight /flying
        scene attached 0x5151 0 0
        scene mq /open
        scene sem /there
        before=$(ls -i /dev/shm; ipcs -m)
        clean --yes --likely --json >"$T/out"
        [ "$code" = 0 ]
        jq -e ".schema == \"wye.clean/1\" and .objects == []" "$T/out"
        [ "$before" = "$(ls -i /dev/shm; ipcs -m)" ]'
}

@test "what is unknown is never removed; what is likely only with --likely" {
    place '
        echo x >/dev/shm/young
        scene segment 0x77
        mkfifo /var/tmp/pipe
        code=0
        "$WYE" clean --yes --likely --age 1h >"$T/out" || code=$?
        grep -q "removed 0 objects" "$T/out"
        grep -q "refuse 3 (unknown: .*changed less than" "$T/out"
        [ -e /dev/shm/young ]
        clean --yes >"$T/out"
        [ -p /var/tmp/pipe ]
        grep -q "leave 1 likely ones" "$T/out"
        [ ! -e /dev/shm/young ]
        [ "$(ipcs -m | grep -c 0x00000077)" = 1 ]
        clean --yes --likely >"$T/out"
        [ ! -e /var/tmp/pipe ]
        [ "$(ipcs -m | grep -c 0x00000077)" = 1 ]'
}

@test "what a rule protects is skipped, with the reason" {
    place '
        echo x >/dev/shm/PostgreSQL.1234
        echo x >/dev/shm/cache-1
        mount -t tmpfs none /etc
        mkdir /etc/wye
        echo "posix-shm /cache-* the nightly job reads it" >/etc/wye/persist
        clean --yes >"$T/out"
        [ -e /dev/shm/PostgreSQL.1234 ]
        [ -e /dev/shm/cache-1 ]
        grep "skip 2 (protected:" "$T/out" | grep -c "the nightly job reads it"'
}

@test "sets and queues of System V go with their values and messages, and come back with their ids" {
    needs_root
    needs setpriv
    place '
        as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
        set=$(as ipcmk -S 3 | grep -o "[0-9]*$")
        queue=$(as ipcmk -Q | grep -o "[0-9]*$")
        sleep 1.1
        clean --yes --likely --user 65534 >"$T/out"
        cat "$T/out"
        grep -q "removed 2 objects, freed 3 semaphores" "$T/out"
        [ "$(ipcs -s | grep -c 0x || true)" = 0 ]
        "$WYE" undo "$(run_of)" >"$T/undone"
        grep -q "but not .*times" "$T/undone"
        ipcs -s -i "$set" | grep -c "nsems = 3"
        [ "$(ipcs -s -i "$set" | grep -c "uid=65534")" = 1 ]
        [ "$(ipcs -q -i "$queue" | grep -c "uid=65534")" = 1 ]'
}

@test "an ordinary user takes only what is his" {
    needs_root
    needs setpriv
    chmod 755 "$BATS_RUN_TMPDIR" "$(dirname "$T")" "$T"
    place '
        as() { setpriv --reuid 65534 --regid 65534 --clear-groups env XDG_STATE_HOME=/var/tmp/state "$@"; }
        as "$WYE" version >/dev/null 2>&1 || exit 77
        chmod 1777 /dev/shm /var/tmp
        echo root >/dev/shm/roots
        as sh -c "echo his >/dev/shm/his"
        as "$WYE" clean --age 0 --yes >"$T/out" || true
        cat "$T/out"
        [ -e /dev/shm/roots ]
        [ ! -e /dev/shm/his ]
        as "$WYE" undo "$(ls /var/tmp/state/wye/undo)"
        [ "$(cat /dev/shm/his)" = his ]
        [ "$(stat -c %u /dev/shm/his)" = 65534 ]
        [ "$(stat -c %a /var/tmp/state/wye)" = 700 ]'
}

@test "what another namespace has stays" {
    place '
        mkdir /var/tmp/b
        scene mq-other-ipc /there
        scene fifo-on-tmpfs /var/tmp/b
        touch /var/tmp/ns
        "$FACTORY" empty-ipc /var/tmp/ns >"$T/ready" &
        eventually grep -q ready "$T/ready"
        clean --yes --likely --json >"$T/out"
        jq -e "[.objects[] | select(.outcome == \"removed\")] == []" "$T/out"
        [ "$(nsenter --ipc=/var/tmp/ns ipcs -m | grep -c 0x00000051)" = 1 ]
        [ "$(nsenter --ipc=/var/tmp/ns ipcs -s | grep -c 0x00000052)" = 1 ]'
}

@test "what processes outside of this pid namespace may have stays: they are not seen" {
    place '
        mkdir /tmp/shared "$T/host"
        mount --bind "$T/host" /tmp/shared
        mkfifo /tmp/shared/pipe /tmp/own
        scene bound-gone /tmp/shared/socket
        kill -KILL "$made"
        clean --yes --likely >"$T/out"
        cat "$T/out"
        [ -p /tmp/shared/pipe ]
        [ -S /tmp/shared/socket ]
        [ ! -e /tmp/own ]
        grep -q "refuse 2 (unknown: its file system may be shared" "$T/out"'
}

@test "at the end of a job: what this user made since, whatever its age" {
    place '
        echo old >/dev/shm/old
        sleep 1.2
        start=$(date +%s)
        echo new >/dev/shm/new
        "$WYE" clean --user "$(id -u)" --since "@$start" --yes >"$T/out"
        [ -e /dev/shm/old ]
        [ ! -e /dev/shm/new ]
        code=0
        "$WYE" clean --since 2h 2>"$T/err" || code=$?
        [ "$code" = 2 ]
        grep -q -- "--user" "$T/err"'
    check 2 clean --since yesterday
    complains "--since=yesterday"
    check 2 clean --user nobody-such
    complains nobody-such
    check 2 clean nokind
    complains "wye clean posix-shm"
    check 2 clean --quarantine /x --no-quarantine
    complains
}

@test "each act is in the log, with who, when and why" {
    place '
        echo x >/dev/shm/gone
        echo x >/dev/shm/kept
        scene segment 0x77
        clean --yes >/dev/null
        "$WYE" undo "$(run_of)" >/dev/null
        log=/var/lib/wye/log.jsonl
        [ "$(stat -c %a "$log")" = 600 ]
        jq -es "all(.[]; .time_ns > 0 and .run != null and .by.uid == 0 and .kind != null)" "$log"
        jq -es "[.[] | select(.event == \"removed\")] | length == 2 and all(.[]; .evidence | length >= 2)" "$log"
        jq -es "[.[] | select(.event == \"refused\" and .kind == \"sysv-shm\")] | length == 1" "$log"
        jq -es "[.[] | select(.event == \"restored\")] | length == 2" "$log"'
}

@test "--no-quarantine keeps nothing; --quarantine keeps it elsewhere; what is over is dropped" {
    place '
        echo x >/dev/shm/one
        clean --yes --no-quarantine >"$T/out"
        grep -q "There is no undo" "$T/out"
        [ -z "$(ls /dev/shm)$(ls /var/lib/wye/undo)" ]
        echo two >/dev/shm/two
        clean --yes --quarantine /var/tmp/mine >"$T/out"
        run=$(ls /var/tmp/mine/undo)
        grep -q "wye undo $run --quarantine /var/tmp/mine" "$T/out"
        "$WYE" undo --quarantine /var/tmp/mine --json | jq -e ".schema == \"wye.undo/1\" and .runs[0].objects == 1"
        "$WYE" undo --quarantine /var/tmp/mine "$run"
        [ "$(cat /dev/shm/two)" = two ]
        mkfifo /var/tmp/pipe
        clean --yes --likely --keep 0 >/dev/null
        [ "$(ls -A /var/tmp | grep -c "^.wye-undo")" = 1 ]
        clean --yes >/dev/null
        [ -z "$(ls -A /var/tmp | grep "^.wye-undo" || true)" ]
        [ -z "$(ls /var/lib/wye/undo)" ]'
}

@test "a state directory with no room: the object stays where it is" {
    place '
        mkdir /var/tmp/small
        mount -t tmpfs -o size=18m none /var/tmp/small
        head -c 8000000 /dev/zero | tr "\0" x >/dev/shm/big
        clean --yes --quarantine /var/tmp/small/wye >"$T/out"
        [ "$code" = 1 ]
        grep -q "no room to keep" "$T/out"
        [ "$(stat -c %s /dev/shm/big)" = 8000000 ]
        [ "$(ls -A /dev/shm)" = big ]'
}

@test "two at once do no harm, and together they take all" {
    place '
        for n in $(seq 300); do echo "$n" >"/dev/shm/f$n"; done
        printf "one\n" | "$WYE" send --lines --create posix-mq:/jobs
        "$WYE" clean --yes --likely --age 0 >"$T/a" 2>&1 &
        first=$!
        "$WYE" clean --yes --likely --age 0 >"$T/b" 2>&1 || true
        wait $first || true
        clean --yes --likely >"$T/out"
        [ -z "$(ls -A /dev/shm)" ]
        for r in $(ls /var/lib/wye/undo); do "$WYE" undo "$r" >/dev/null; done
        [ "$(ls -A /dev/shm | wc -l)" = 300 ]
        for n in 1 150 300; do [ "$(cat "/dev/shm/f$n")" = "$n" ]; done
        [ "$("$WYE" recv --lines --count 1 posix-mq:/jobs)" = one ]'
}

@test "Ctrl-C ends it between two objects, and what it took can come back" {
    place '
        for n in $(seq 2000); do echo "$n" >"/dev/shm/f$n"; done
        "$WYE" clean --yes --age 0 >"$T/out" 2>"$T/err" &
        pid=$!
        eventually grep -q removed /var/lib/wye/log.jsonl
        kill -TERM $pid
        code=0
        wait $pid || code=$?
        cat "$T/err"
        if [ "$code" = 143 ]; then grep -q "objects were not reached" "$T/err"; fi
        [ "$code" = 143 ] || [ "$code" = 0 ]
        "$WYE" undo "$(run_of)" >/dev/null
        [ "$(ls -A /dev/shm | wc -l)" = 2000 ]'
}

# Each call that changes something is where it may end.
@test "killed at any moment it leaves each object where it is or to be undone" {
    needs strace
    export SOAK=${WYE_SOAK:-}
    place '
        calls=renameat2,rename,renameat,unlink,unlinkat,write,pwrite64,ftruncate,fallocate,mq_timedreceive,mq_timedsend,mq_unlink,shmctl,semctl,msgctl,shmat,mkdir,mkdirat,linkat
        strace -qq -o /dev/null -e trace=mkdir true 2>/dev/null || exit 77
        mkdir /var/tmp/k
        each_kind
        strace -f -qq -o "$T/trace" -e trace=$calls "$WYE" clean --yes --likely --age 0 >/dev/null || true
        "$WYE" undo "$(run_of)" >/dev/null
        # "4242 unlink(...": each call by its name and how often it had been made.
        sed -n "s/^[0-9 ]*\([a-z0-9_]*\)(.*/\1/p" "$T/trace" | awk "{ print \$1, ++n[\$1] }" >"$T/calls"
        all=$(wc -l <"$T/calls")
        echo "$all calls"
        [ "$all" -gt 40 ]
        step=$(( all / 20 + 1 ))
        [ -z "$SOAK" ] || step=1
        kills=0
        while read -r call n; do
            strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
                "$WYE" clean --yes --likely --age 0 >/dev/null 2>&1 || kills=$((kills + 1))
            for r in $(ls /var/lib/wye/undo 2>/dev/null); do
                "$WYE" undo "$r" >"$T/undone" || { echo "after $call $n:"; cat "$T/undone"; exit 1; }
            done
            as_before || { echo "after $call $n"; exit 1; }
        done < <(awk "NR % $step == 0" "$T/calls")
        echo "$kills kills"
        [ "$kills" -gt 12 ]'
}
