# doctor: each thing that is amiss is found on a machine of its own, and nothing is found where nothing is.
load ../tests/cli/helpers
load ../tests/cli/world

# As world, and /run, /tmp and /var/tmp are empty: what others left there is nobody's in these namespaces.
alone() {
    world '
        case " $WYE $FACTORY" in *" /tmp/"* | *" /run/"* | *" /var/tmp/"*)
            cp "$WYE" "$T/wye"; cp "$FACTORY" "$T/factory"
            WYE=$T/wye FACTORY=$T/factory ;;
        esac
        mount --bind "$T" /mnt
        for place in /run /var/tmp /tmp; do mount -t tmpfs none "$place"; done
        mkdir -p "$T"
        mount --bind /mnt "$T"
        '"$1"
}
# examine ARGS...: the page as JSON in $T/page, its exit code in $code.
examine() {
    code=0
    "$WYE" doctor --json "$@" >"$T/page" || code=$?
    jq -e ".schema == \"wye.doctor/1\"" "$T/page" >/dev/null
}
# found WHAT SEVERITY [TEXT]: exactly one finding of that kind, of that weight, with that text in its title or evidence.
found() {
    jq -e --arg w "$1" --arg s "$2" --arg t "${3:-}" \
        '[.findings[] | select(.what == $w and .severity == $s)] | length == 1 and ([.[0].title, .[0].evidence[]] | any(contains($t))) and (.[0].look | startswith("wye "))' \
        "$T/page" >/dev/null || { echo "no $2 $1 $3:"; cat "$T/page"; return 1; }
}
nothing_but_notes() { jq -e 'all(.findings[]; .severity == "note")' "$T/page" >/dev/null || { cat "$T/page"; return 1; }; }
# follows WHAT: the command that it names runs, and finds something.
follows() {
    local line
    line=$(jq -r --arg w "$1" '[.findings[] | select(.what == $w)][0].look' "$T/page")
    PATH=$(dirname "$WYE"):$PATH bash -c "$line" >"$T/followed" 2>&1 || [ $? -le 2 ]
    [ -s "$T/followed" ]
}
export -f examine found nothing_but_notes follows

@test "where nothing is amiss nothing is found, with 0, and the page says what was seen" {
    alone '
        scene shm /held
        scene pipe
        scene listen "$T/s"
        scene mq /q
        scene eventfds
        scene lock "$T/lock" flock
        code=0; "$WYE" doctor >"$T/out" || code=$?
        [ "$code" = 0 ] || { cat "$T/out"; false; }
        grep -q "^nothing found" "$T/out"
        tail -n 1 "$T/out" | grep -q "^coverage: "
        examine && [ "$code" = 0 ]'
}

@test "a deadlock is bad, with each who waits and for what" {
    alone '
        flock "$T/a" -c "touch $T/1; until [ -e $T/2 ]; do sleep 0.02; done; exec flock $T/b true" &
        flock "$T/b" -c "touch $T/2; until [ -e $T/1 ]; do sleep 0.02; done; exec flock $T/a true" &
        told() { examine && found deadlock bad "would have to let"; }
        eventually told
        [ "$code" = 1 ]
        follows deadlock
        "$WYE" doctor >"$T/out" || true
        grep -q "^bad  *deadlock: .*\[[0-9]*\] waits in flock for $T/[ab] -> " "$T/out"
        grep -q "look: wye wait --cycles$" "$T/out"'
}

@test "a full queue and a full listener, and who could take from them" {
    alone '
        "$WYE" mk "posix-mq:/q?depth=2"
        printf "a\nb\n" | "$WYE" send --lines posix-mq:/q
        examine && found full warning "2 of 2 messages"
        [ "$code" = 1 ]
        follows full
        "$WYE" rm posix-mq:/q
        scene listen-full "$T/s"
        examine && found full warning "$T/s"'
}

@test "a pipe without a reader, and who writes to it" {
    alone '
        scene pipe-unread
        examine && found no-reader warning "factory[$made]"
        [ "$code" = 1 ]
        follows no-reader'
}

@test "a descriptor that nobody received" {
    alone '
        scene shm-in-flight /flying
        examine && found in-flight warning "1 descriptor lies unreceived"
        [ "$code" = 1 ]
        follows in-flight'
}

@test "messages that nobody reads: not while they are young, or somebody waits" {
    alone '
        scene messages 0x88
        examine
        nothing_but_notes
        examine --age 0 && found unread warning "2 messages"
        follows unread
        kill "$made"
        ipcrm --all=msg
        scene mq /q
        examine --age 0
        nothing_but_notes'
}

@test "what nobody has any more, by kind, and how much it is" {
    alone '
        echo left >/dev/shm/left
        echo left >/dev/shm/left2
        examine
        nothing_but_notes
        [ "$code" = 0 ]
        examine --age 0 && found orphans warning "2 posix-shm are nobody"
        [ "$code" = 1 ]
        follows orphans
        next=$(jq -r ".findings[] | select(.what == \"orphans\").next" "$T/page")
        [ "$next" = "wye clean posix-shm" ]
        "$WYE" doctor --age 0 >"$T/out" || [ $? = 1 ]
        grep -q "next: $next " "$T/out"
        code=0; "$WYE" ${next#wye } --age 0 >"$T/out" || code=$?
        [ "$code" = 1 ] && grep -q "would remove 2 " "$T/out" && [ -e /dev/shm/left2 ]'
}

@test "a ring that nobody takes part in any more is stale" {
    alone '
        "$WYE" mk "shm:prices" 2>/dev/null || { echo x | timeout 1 "$WYE" send --create shm:prices || true; }
        examine --age 0 && found stale warning "1 shm is nobody"'
}

@test "a limit that is reached is bad, and what its error will say" {
    alone '
        echo 32000 1024000000 500 2 >/proc/sys/kernel/sem || exit 77
        ipcmk -S 1 >/dev/null; ipcmk -S 1 >/dev/null
        examine && jq -e "any(.findings[]; .what == \"limit\" and .severity == \"bad\" and (.title | startswith(\"SEMMNI\")) and .look == \"wye explain ENOSPC --call semget\")" "$T/page" >/dev/null
        [ "$code" = 1 ]'
}

@test "memory that was promised in /dev/shm and is not there" {
    alone '
        mount -t tmpfs -o size=1m none /dev/shm
        scene shm /small
        examine
        nothing_but_notes
        truncate -s 8M /dev/shm/large
        examine && found shm warning SIGBUS
        [ "$code" = 1 ]'
}

@test "who has waited long for another is told, with for how long; who waits for work is a note" {
    alone '
        [ -r /proc/self/sched ] || exit 77
        scene lock "$T/lock" flock; holder=$made
        flock "$T/lock" true &
        scene msgrcv 0x77
        told() { examine --blocked 1s && found blocked "$1" "$2"; }
        waits() { "$WYE" wait --json | jq -e ".waits | length == 2" >/dev/null; }
        eventually sh -c "\"$WYE\" wait --json >$T/w; jq -e \".waits | length == 2\" $T/w"
        examine
        nothing_but_notes
        sleep 1.5
        examine --blocked 1s
        [ "$code" = 1 ]
        jq -e --arg h "until factory[$holder]" "[.findings[] | select(.what == \"blocked\")] | length == 2 and
            (.[0] | .severity == \"warning\" and (.title | test(\"^flock.[0-9]+. has waited for [0-9]+ s in flock for lock \")) and (.evidence[0] | startswith(\$h))) and
            (.[1] | .severity == \"note\" and (.evidence[0] | test(\"msgrcv for sysv-mq\")))" "$T/page" >/dev/null || { cat "$T/page"; false; }
        kill "$holder"
        gone() { examine --blocked 1s; [ "$code" = 0 ]; }
        eventually gone'
}

@test "what could not be looked into is a note, and the exit code 2, whatever was found" {
    alone '
        scene unreadable
        code=0
        unshare -U --map-root-user "$WYE" doctor --json >"$T/page" || code=$?
        [ "$code" = 2 ]
        jq -e "any(.findings[]; .what == \"blind\" and .severity == \"note\")" "$T/page" >/dev/null'
}

@test "names of others cannot write on the terminal" {
    alone '
        : >"$(printf "/dev/shm/a\033[31mb")"
        "$WYE" doctor --age 0 >"$T/out" || true
        grep -q "a.x1b.31mb" "$T/out"
        not grep -q "$(printf "\033")" "$T/out"'
}

@test "it changes nothing" {
    alone '
        echo left >/dev/shm/left
        ipcmk -M 4096 >/dev/null; ipcmk -Q >/dev/null; ipcmk -S 2 >/dev/null
        scene mq /q
        mkdir "$T/mq"; mount -t mqueue none "$T/mq"
        state() { stat -c "%i %Y %Z %X %s" /dev/shm/left "$T/mq/q"; ipcs -a; ipcs -t; }
        before=$(state)
        examine --age 0
        [ "$before" = "$(state)" ]'
}

@test "wrong arguments end with 2" {
    check 2 doctor --warn 101
    complains
    check 2 doctor --age soon
    complains "--age=soon"
    check 2 doctor everything
    complains
}
