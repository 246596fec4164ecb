# orphans: verdicts and their evidence; what is held in any way is never one.
load ../tests/cli/helpers
load ../tests/cli/world

# verdict KIND NAME: the verdict of an object, whatever its age.
verdict() { look orphans --all --age 0 --json "$1" | jq -r --arg n "$2" '.items[] | select(.name == $n) | .class // .verdict'; }
# only KIND: the same of the only one of a kind.
only() { look orphans --all --age 0 --json "$1" | jq -r '.items[0] | .class // .verdict'; }
export -f verdict only

@test "a file in /dev/shm that nobody has is proven; one that is mapped, or in flight, is held" {
    world '
        echo left >/dev/shm/left
        [ "$(verdict posix-shm /left)" = proven ]
        look orphans --age 0 --explain posix-shm >"$T/why"
        grep -q "+ the kernel gave a write lease" "$T/why"
        scene shm-map /mapped
        [ "$(verdict posix-shm /mapped)" = held ]
        scene shm-in-flight /flying
        [ "$(verdict posix-shm /flying)" = held ]'
}

@test "what was changed just now is not yet an orphan" {
    world '
        echo left >/dev/shm/left
        look orphans --json posix-shm | jq -e ".items[0].verdict == \"unknown\""'
}

@test "a segment without attaches whose creator is dead is proven; one that is attached is held" {
    world '
        id=$(ipcmk -M 4096 | grep -o "[0-9]*$")
        [ "$(only sysv-shm)" = proven ]
        ipcrm -m "$id"
        scene segment 0x77
        [ "$(only sysv-shm)" = unknown ]
        scene attached 0x5151 0 0
        look orphans --age 0 --all --json sysv-shm | jq -e "[.items[].verdict] | index(\"held\") != null"'
}

@test "a set whose user has older processes is unknown: an idle server looks like none" {
    world '
        ipcmk -S 1 >/dev/null
        [ "$(only sysv-sem)" = unknown ]
        look orphans --age 0 --explain sysv-sem >"$T/why"
        grep -q "  ! nobody attaches a set" "$T/why"
        grep -q "  - .*, of the same user, runs since before the last operation: it may use this at any time" "$T/why"
        tail -n 3 "$T/why" | grep -q "  = unknown"'
}

@test "sets and queues of a user of whom nobody lives are proven, and likely where messages wait" {
    needs_root
    needs setpriv
    world '
        as() { setpriv --reuid=4242 --regid=4242 --clear-groups "$@"; }
        as ipcmk -S 2 >/dev/null
        as ipcmk -Q -p 0600 >/dev/null
        [ "$(only sysv-sem)" = proven ]
        [ "$(only sysv-mq)" = proven ]
        setpriv --reuid=4242 --regid=4242 --clear-groups sleep 30 & younger=$!
        eventually grep -q sleep /proc/$younger/comm
        [ "$(only sysv-sem)" = likely ] || [ "$(only sysv-sem)" = unknown ]  # within a second of it
        kill $younger; wait $younger || true
        echo hello | "$WYE" send "sysv-mq:id=$(ipcs -q | awk "/^0x/ {print \$2}")"
        [ "$(only sysv-mq)" = likely ]'
}

@test "a socket file that nobody is bound to is proven; one of another network namespace is held" {
    world '
        mount -t tmpfs none /var/tmp
        scene bound-gone /var/tmp/stale
        scene listen-other-net /var/tmp/elsewhere
        [ "$(verdict unix /var/tmp/stale)" = proven ]
        [ "$(verdict unix /var/tmp/elsewhere)" = held ]'
}

@test "a rule of the administrator keeps what it names" {
    world '
        echo x >/dev/shm/cache-1
        mount -t tmpfs none /etc
        mkdir /etc/wye
        echo "posix-shm /cache-* the nightly job reads it" >/etc/wye/persist
        [ "$(verdict posix-shm /cache-1)" = protected ]
        look orphans --all --explain posix-shm | grep -q "the nightly job reads it"'
}

@test "rules lie in files of which the first that says something decides; a wrong line is named, and nothing is judged" {
    world '
        echo x >/dev/shm/pulse-shm-1; echo x >/dev/shm/job-7; echo x >/dev/shm/other
        mount -t tmpfs none /etc
        mkdir -p /etc/wye/rules.d
        echo "claim posix-shm /job-* alive=process:sleep the batch job" >/etc/wye/rules.d/10-jobs.conf
        echo "protect posix-shm /job-*" >/etc/wye/rules.d/20-more.conf
        echo "rubbish" >/etc/wye/rules.d/README
        [ "$(verdict posix-shm /job-7)" = protected ]
        sleep 30 & job=$!
        eventually grep -qx sleep "/proc/$job/comm"
        [ "$(verdict posix-shm /job-7)" = held ]
        kill $job
        look orphans --list-rules | head -n 1 | grep -q "^claim posix-shm /job-\* alive=process:sleep the batch job  # /etc/wye/rules.d/10-jobs.conf:1\$"
        [ "$(verdict posix-shm /other)" = proven ]
        echo "protect posix-shm /other" >"$T/rules"
        [ "$(look orphans --rules "$T/rules" --all --age 0 --json posix-shm | jq -r ".items[] | select(.name == \"/other\") | .verdict")" = protected ]
        printf "protect posix-shm /x\nprotect posix-shn /other mine\n" >/etc/wye/rules.d/30-bad.conf
        code=0
        "$WYE" orphans >"$T/out" 2>"$T/err" || code=$?
        [ "$code" = 3 ] && [ ! -s "$T/out" ]
        grep -q "wye: orphans: /etc/wye/rules.d/30-bad.conf:2: \"posix-shn\" is no kind, did you mean \"posix-shm\"?" "$T/err"
        # ls says so and shows everything as protected.
        look ls --age 0 posix-shm --columns name,verdict >"$T/out" 2>"$T/err"
        grep -q "30-bad.conf:2" "$T/err"
        grep -q "^/other *protected" "$T/out"'
}

@test "evidence is for people and for programs" {
    world '
        head -c 8192 /dev/zero >/dev/shm/left
        look orphans --age 0 --explain posix-shm >"$T/why"
        head -n 1 "$T/why" | grep -q "^posix-shm /left   8.0K   owner "
        grep -q "^  + no descriptor and no mapping in [0-9]* processes that can be looked into" "$T/why"
        grep -q "^  = orphan (proven)" "$T/why"
        grep -q "^1 proven (8.0K), 0 likely, 0 unknown" "$T/why"
        look orphans --age 0 --json posix-shm | jq -e ".items[0] | [.verdict, .class] == [\"orphan\", \"proven\"] and any(.evidence[]; .test == \"lease\" and .result == \"granted\" and .mark == \"+\")"
        look ls --age 0 posix-shm | grep -q "orphan (proven)"
        look ls --age 0 --json posix-shm | jq -e ".items[0].class == \"proven\""
        look ls posix-shm --columns name,verdict | grep -q "^/left *unknown"  # of just now
        [ "$(names --age 0 --filter "verdict~proven")" = /left ]'
}

@test "a queue is proven by the lease, also where no mqueue is mounted, and likely with a message in it" {
    world '
        umount /dev/mqueue 2>/dev/null || true
        "$WYE" mk posix-mq:/left
        [ "$(verdict posix-mq /left)" = proven ]
        echo hello | "$WYE" send posix-mq:/left
        [ "$(verdict posix-mq /left)" = likely ]
        scene mq /open
        [ "$(verdict posix-mq /open)" = held ]'
}

@test "a FIFO is likely, and held by who waits to open it" {
    world '
        mount -t tmpfs none /var/tmp
        mkfifo /var/tmp/f
        [ "$(verdict fifo /var/tmp/f)" = likely ]
        "$FACTORY" fifo-wait /var/tmp/f r >"$T/opener" &
        eventually eval "[ \"\$(verdict fifo /var/tmp/f)\" = held ]"
        not grep -q woken "$T/opener"'
}

@test "pid and lock files: of the dead, of who has the number now, locked, and held by being there" {
    needs_root
    world '
        mount -t tmpfs none /var/tmp
        echo 999999 >/var/tmp/dead.pid
        printf "%10d\n" 999999 >/var/tmp/.X9-lock
        : >/var/tmp/plain.lock
        sleep 60 & child=$!
        echo $child >/var/tmp/live.pid; printf "%10d\n" $child >/var/tmp/.X8-lock
        [ "$(verdict pid-file /var/tmp/dead.pid)" = proven ]
        [ "$(verdict lock-file /var/tmp/.X9-lock)" = proven ]
        [ "$(verdict lock-file /var/tmp/plain.lock)" = likely ]
        [ "$(verdict pid-file /var/tmp/live.pid)" = held ]
        [ "$(verdict lock-file /var/tmp/.X8-lock)" = held ]
        # The number is given again.
        echo 7777 >/var/tmp/reused.pid
        sleep 3.2
        echo 7776 >/proc/sys/kernel/ns_last_pid || exit 77
        sleep 60 & reused=$!
        [ "$reused" = 7777 ]
        [ "$(verdict pid-file /var/tmp/reused.pid)" = proven ]
        look orphans --age 0 --explain pid-file | grep -q "+ pid 7777 is another.s now"
        for kind in flock posix ofd; do
            echo 999999 >/var/tmp/locked.pid
            scene lock /var/tmp/locked.pid $kind
            [ "$(verdict pid-file /var/tmp/locked.pid)" = held ]
            kill $made; wait $made || true
        done'
}

@test "a creator whose number was given again is dead; one of another pid namespace is not known" {
    needs_root
    world '
        echo 4999 >/proc/sys/kernel/ns_last_pid || exit 77
        "$FACTORY" segment 0x51 >"$T/s" & maker=$!
        [ "$maker" = 5000 ]
        eventually grep -q ready "$T/s"
        [ "$(only sysv-shm)" = unknown ]
        kill $maker; wait $maker || true
        sleep 2.2
        echo 4999 >/proc/sys/kernel/ns_last_pid
        sleep 60 & stranger=$!
        [ "$stranger" = 5000 ]
        [ "$(only sysv-shm)" = proven ]
        look orphans --age 0 --explain sysv-shm | grep -q "+ creator 5000 is dead: the number is another.s now"
        ipcrm -M 0x51
        # Seen from a pid namespace in which its creator is not.
        scene segment 0x52
        unshare --pid --fork --mount-proc "$WYE" orphans --age 0 --json sysv-shm >"$T/in" || [ $? -le 2 ]
        jq -e ".items[0] | .verdict == \"unknown\" and any(.evidence[]; .test == \"pid\" and .result == \"foreign\")" "$T/in"'
}

@test "a process that cannot be looked into lowers what was only seen, and not what the kernel says" {
    needs setpriv
    world '
        mount -t tmpfs none /var/tmp
        mkfifo /var/tmp/f
        echo x >/dev/shm/left
        blind() { setpriv --bounding-set -sys_ptrace "$WYE" orphans --age 0 --json "$1" | jq -r ".items[0] | .class // .verdict"; }
        scene unreadable
        [ "$(only fifo)" = likely ]
        [ "$(blind fifo)" = unknown ]
        [ "$(blind posix-shm)" = proven ]'
}

@test "another directory over /dev/shm: what lies under it keeps its holder, and its namesake is judged apart" {
    world '
        scene shm /x
        mount -t tmpfs none /dev/shm
        echo x >/dev/shm/x
        look orphans --all --age 0 --json posix-shm >"$T/all"
        jq -e "[.items[] | select(.name == \"/x\") | .class // .verdict] | sort == [\"held\", \"proven\"]" "$T/all"'
}

@test "an overlay is not trusted with a lease" {
    world '
        mkdir -p "$T/o"
        mount -t tmpfs none "$T/o"
        mkdir "$T/o/low" "$T/o/up" "$T/o/work" "$T/o/all"
        echo 999999 >"$T/o/low/dead.pid"
        mount -t overlay overlay -o "lowerdir=$T/o/low,upperdir=$T/o/up,workdir=$T/o/work" /var/tmp || exit 77
        look orphans --all --age 0 --json pid-file >"$T/all"
        jq -e ".items[] | select(.name == \"/var/tmp/dead.pid\") | any(.evidence[]; .test == \"lease\" and .result == \"unasked\") and all(.evidence[]; .result != \"granted\")" "$T/all"'
}

@test "a listener whose process has left its network namespace is not taken for nobody" {
    world '
        mount -t tmpfs none /var/tmp
        scene listen-left-net /var/tmp/s
        [ "$(verdict unix /var/tmp/s)" = unknown ]
        look orphans --age 0 --explain unix | grep -q "! 1 sockets are of network namespaces that were not found"'
}

@test "an IPC namespace that only a mount keeps is likely, and what is in it is left to who knows" {
    world '
        : >"$T/ns"
        scene empty-ipc "$T/ns"
        [ "$(verdict ipc-namespace "$T/ns")" = likely ]
        [ "$(only sysv-shm)" = unknown ]
        exec 7<"$T/ns"
        [ "$(verdict ipc-namespace "$T/ns")" = held ]
        exec 7<&-
        umount "$T/ns"'
}

@test "a temporary directory is likely once nobody works in it and nothing of it is open or of a user who lives" {
    needs_root
    needs setpriv
    world '
        mount -t tmpfs -o mode=1777 none /var/tmp
        d=$(setpriv --reuid=4242 --regid=4242 --clear-groups mktemp -d -p /var/tmp)
        : >"$d/f"; chown -R 4242 "$d"
        [ "$(verdict temp-dir "$d")" = likely ]
        (cd "$d" && exec sleep 60) & inside=$!
        eventually eval "[ \"\$(readlink /proc/$inside/cwd)\" = \"$d\" ]"
        [ "$(verdict temp-dir "$d")" = held ]
        kill $inside; wait $inside || true
        sleep 60 3<"$d/f" & holder=$!
        [ "$(verdict temp-dir "$d")" = held ]
        kill $holder; wait $holder || true
        mkdir "$d/m" && mount -t tmpfs none "$d/m"
        [ "$(verdict temp-dir "$d")" = unknown ]
        umount "$d/m"
        mkdir /var/tmp/not-by-chance
        [ -z "$(verdict temp-dir /var/tmp/not-by-chance)" ]'
}

@test "where /proc hides other users, nobody is called dead" {
    needs_root
    needs setpriv
    world '
        id=$(ipcmk -M 4096 -p 0666 | grep -o "[0-9]*$")
        [ "$(only sysv-shm)" = proven ]
        mount -t proc -o hidepid=2 proc /proc
        setpriv --reuid=4242 --regid=4242 --clear-groups "$WYE" orphans --age 0 --json sysv-shm >"$T/in" || [ $? -le 2 ]
        jq -e ".items[0].verdict == \"unknown\" and any(.coverage.blind[]; contains(\"hides\"))" "$T/in"'
}

@test "an MPI job that lives holds its segments; of a dead one they are proven" {
    world '
        echo x >/dev/shm/vader_segment.n1.0.73dc0001.2
        echo x >/dev/shm/vader_segment.n1.0.73dc0002.2
        PMIX_NAMESPACE=$((0x73dc0001)) sleep 60 & 
        eventually eval "[ \"\$(verdict posix-shm /vader_segment.n1.0.73dc0001.2)\" = held ]"
        [ "$(verdict posix-shm /vader_segment.n1.0.73dc0002.2)" = proven ]
        look orphans --age 0 --explain posix-shm | grep -q "+ by its name it is Open MPI.s; no process of that job lives"'
}

@test "as an ordinary user: own files are proven, the rest says what could not be seen" {
    needs_root
    needs setpriv
    world '
        mount -t tmpfs -o mode=1777 none /var/tmp
        chmod 1777 /dev/shm
        as() { setpriv --reuid=4242 --regid=4242 --clear-groups "$@"; }
        as sh -c "echo x >/dev/shm/mine; mkfifo /var/tmp/f"
        echo x >/dev/shm/roots
        scene bound-gone /var/tmp/s
        code=0
        as "$WYE" orphans --all --age 0 --json >"$T/all" 2>"$T/err" || code=$?
        [ "$code" = 2 ] && [ ! -s "$T/err" ]
        is() { [ "$(jq -r --arg k "$1" --arg n "$2" ".items[] | select(.kind == \$k and .name == \$n) | .class // .verdict" "$T/all")" = "$3" ]; }
        is posix-shm /mine proven
        is posix-shm /roots unknown
        is fifo /var/tmp/f unknown
        is unix /var/tmp/s unknown
        jq -e ".coverage.unreadable > 0" "$T/all"'
}

@test "looking for orphans changes nothing" {
    world '
        echo left >/dev/shm/left
        ipcmk -M 4096 >/dev/null
        before=$(stat -c "%i %Y %Z %X" /dev/shm/left; ipcs -a)
        look orphans --age 0 >/dev/null
        [ "$before" = "$(stat -c "%i %Y %Z %X" /dev/shm/left; ipcs -a)" ]'
}
