# ls, and what makes it right or wrong: each scene is made by tests/factory, in namespaces of its own where nothing else is.
load ../tests/cli/helpers
load ../tests/cli/world

@test "two FIFOs with one inode number on two file systems are strangers" {
    world '
        mkdir "$T/a" "$T/b"
        scene fifo-on-tmpfs "$T/a"; one=$made
        scene fifo-on-tmpfs "$T/b"; two=$made
        [ "$(stat -c %i "/proc/$one/root/$T/a/f")" = "$(stat -c %i "/proc/$two/root/$T/b/f")" ]
        sees "[.[] | select(.kind == \"fifo\" and (.name | endswith(\"/f\")))] | length == 2 and all(.holders | length == 1)"'
}

@test "a listener in another network namespace is seen, with its file" {
    world '
        scene listen-other-net "$T/s"
        sees "any(.kind == \"unix\" and .name == \"$T/s\" and .facts.listens and .ns.own == false and .holders[0].pid == \$p)"
        [ -z "$(ss -Hxl src "$T/s")" ]
        [ "$(look who --json "$T/s" | jq ".items[].holders[].pid")" = "$made" ]'
}

@test "a listener whose socket was renamed is found by its file" {
    world '
        scene listen-renamed "$T/s" "$T/new"
        ss -xl | grep -qF "$T/s"
        [ "$(look who --json "$T/new" | jq ".items[].holders[].pid")" = "$made" ]'
}

@test "a socket file that nobody is bound to" {
    world '
        mkdir /tmp/wye-$$
        trap "rm -r /tmp/wye-$$" EXIT
        scene bound-gone /tmp/wye-$$/s
        sees "any(.name == \"/tmp/wye-$$/s\" and .held == false and (.use | startswith(\"nobody is bound\")))"'
}

@test "a listener that is full says so, and who is connected" {
    world '
        scene listen-full "$T/s"
        sees "any(.name == \"$T/s\" and .facts.listens and (.use | contains(\"FULL\")) and .facts.backlog == 2)"
        sees "[.[] | select(.name == \"$T/s\" and .use == \"connected\")] | length == 1"
        sees "[.[] | select(.name == \"$T/s\" and .use == \"connected, not accepted yet\" and .hidden_holders == 0)] | length == 2"'
}

@test "in its creator a semaphore is mapped under another name, and is seen all the same" {
    world '
        scene sem /e3sem
        grep -q "sem\..* (deleted)" "/proc/$made/maps"
        sees "any(.kind == \"posix-sem\" and .name == \"/e3sem\" and .holders[0].pid == \$p and .holders[0].via == \"map\" and .facts.value == 0)"'
}

@test "shared memory is held by a mapping alone, and is there without a name" {
    world '
        scene shm-map /ro
        sees "any(.name == \"/ro\" and .size == 65536 and .allocated == 0 and [.holders[] | .pid, .via, .mode] == [\$p, \"map\", \"r\"])"
        scene shm-unlinked /gone
        sees "any(.kind == \"posix-shm\" and .name == \"/gone (deleted)\" and .facts.unlinked and .holders[0].pid == \$p and .size == 65536)"
        : >/dev/shm/nobody
        mkdir /dev/shm/deep && : >/dev/shm/deep/er
        sees "any(.name == \"/nobody\" and .held == false) and any(.name == \"/deep/er\" and .uri == null)"'
}

@test "a descriptor that lies in a socket is told there" {
    world '
        scene shm-in-flight /flying
        sees "any(.kind == \"socketpair\" and .facts.descriptors_in_flight == 1 and .holders[0].pid == \$p)"
        sees "any(.name == \"/flying\" and .held == false)"'
}

@test "attaches are not processes: five with four" {
    world '
        scene attached 0x5151 3 1
        sees "any(.kind == \"sysv-shm\" and .facts.attaches == 5 and (.holders | length) == 4 and .hidden_holders == 0 and .uri == \"sysv-shm:key=0x5151\")"
        [ "$(ipcs -m | awk "\$1 == \"0x00005151\" {print \$6}")" = 5 ]'
}

@test "who attached and then went to another IPC namespace is still seen, and not taken for its namesake" {
    world '
        scene attached-twice 0x5151
        sees "[.[] | select(.kind == \"sysv-shm\")] | length == 2 and all(.facts.attaches == 1 and (.holders | length) == 1 and .holders[0].pid == \$p and .hidden_holders == 0)"
        # A stranger there attaches once more, and only there.
        nsenter --ipc="/proc/$made/ns/ipc" "$FACTORY" attached 0x5151 0 0 >"$T/other" &
        eventually grep -q ready "$T/other"
        sees "[.[] | select(.kind == \"sysv-shm\") | .holders | length] | sort == [1, 2]"'
}

@test "a removed segment keeps its holders" {
    world '
        scene attached-removed 0x77
        sees "any(.kind == \"sysv-shm\" and .facts.removed and .facts.key == \"0x0\" and .holders[0].pid == \$p)"
    '
}

@test "memory that two processes share counts once" {
    [ "${WYE_RACES:-FALSE}" = FALSE ] || skip "the checker of races follows no clone(2) with CLONE_VM"
    world '
        scene attached-vfork 0x78
        sees "any(.uri == \"sysv-shm:key=0x78\" and .facts.attaches == 1 and (.holders | length) == 1 and .hidden_holders == 0)"'
}

@test "processes that may not be looked into are counted and named, and make the view a partial one" {
    needs setpriv
    world '
        scene unreadable
        see
        jq -e ".coverage.unreadable == 0" "$T/ls"
        code=0
        setpriv --bounding-set -sys_ptrace "$WYE" ls --json >"$T/ls" || code=$?
        [ "$code" = 2 ]
        jq -e --argjson p "$made" "any(.coverage.unreadable_processes[]; .pid == \$p and .comm == \"factory\")" "$T/ls"
        (setpriv --bounding-set -sys_ptrace "$WYE" ls || true) | tail -n 1 | grep -q "processes, [1-9][0-9]* unreadable ([0-9]* bash"'
}

@test "a hidden attacher is what the kernel counts and nobody shows" {
    world '
        scene attached 0x5151 0 0
        # Seen from a pid namespace in which the attacher is not.
        unshare --pid --fork --mount-proc "$WYE" ls --json sysv-shm >"$T/in" || [ $? -le 2 ]
        jq -e "any(.items[]; .hidden_holders == 1 and .holders == [] and .held)" "$T/in"'
}

@test "a creator in another pid namespace is not taken for nobody" {
    world '
        scene attached-pid-ns 0x5151
        [ "$(awk "\$1 == 20817 {print \$5}" /proc/sysvipc/shm)" != 0 ]
        sees "any(.kind == \"sysv-shm\" and .facts.creator != null)"
        unshare --pid --fork --mount-proc "$WYE" ls --json sysv-shm >"$T/in" || [ $? -le 2 ]
        jq -e "any(.items[]; .facts | has(\"creator\") | not)" "$T/in"'
}

@test "who sleeps in semop, msgrcv, sem_wait and mq_receive is seen, in whichever thread" {
    world '
        scene semop 0x51
        eventually sees "any(.kind == \"sysv-sem\" and [.waiters[] | .pid, .what] == [\$p, \"semop\"] and .use == \"2 semaphores, 1 waiting\")"
        scene msgrcv 0x52
        eventually sees "any(.kind == \"sysv-mq\" and [.waiters[] | .pid, .what] == [\$p, \"msgrcv\"])"
        scene msgrcv-thread 0x53
        eventually sees "any(.facts.key == \"0x53\" and (.waiters | length) == 1 and .waiters[0].pid == \$p and .waiters[0].tid != \$p)"
        scene sem-wait /w
        eventually sees "any(.kind == \"posix-sem\" and [.waiters[] | .pid, .what] == [\$p, \"sem_wait\"] and .facts.waiting == 1)"
        scene mq-receive /q
        eventually sees "any(.kind == \"posix-mq\" and [.waiters[] | .pid, .what] == [\$p, \"mq_receive\"])"'
}

@test "who is blocked in open of a FIFO is seen, and not woken" {
    world '
        mkfifo "$T/f" "$T/g"
        "$FACTORY" fifo-wait "$T/f" r >"$T/opener" & reader=$!
        (cd "$T" && exec "$FACTORY" fifo-wait g w) >"$T/opener2" &
        eventually sees "any(.kind == \"fifo\" and .name == \"$T/f\" and [.waiters[] | .pid, .what] == [$reader, \"open to read\"])"
        eventually sees "any(.kind == \"fifo\" and .name == \"g\" and .waiters[0].what == \"open to write\")"
        sees "any(.use == \"0 writers to 0 readers, 1 reader blocked in open\")"
        not grep -q woken "$T/opener" "$T/opener2"
        [ "$(look who --json "$T/g" | jq -r ".items[].waiters[].what")" = "open to write" ]
        : >"$T/f"
        eventually grep -q woken "$T/opener"'
}

@test "a thread with descriptors of its own is looked into, too" {
    world '
        mkfifo "$T/f"
        scene fifo-thread "$T/f"
        eventually sees "any(.name == \"$T/f\" and .holders[0].pid == \$p)"
        [ -z "$(find "/proc/$made/fd" -lname "$T/f")" ]'
}

@test "an IPC namespace that only a mount keeps is found, with what is in it" {
    world '
        : >"$T/ns"
        scene empty-ipc "$T/ns"
        sees "[.[] | select(.ns.own == false) | .kind] | sort == [\"ipc-namespace\", \"sysv-mq\", \"sysv-sem\", \"sysv-shm\"]"
        jq -e ".coverage.ipc_namespaces == {seen: 2, all: 2}" "$T/ls"
        look ls sysv-shm | grep -q "ipc:$(stat -c %i "$T/ns")"
        umount "$T/ns"'
}

@test "a queue of another IPC namespace is seen, where no mqueue is mounted" {
    world '
        scene mq-other-ipc /hidden_q
        sees "any(.kind == \"posix-mq\" and .name == \"/hidden_q\" and .ns.own == false and .holders[0].pid == \$p and .facts == {messages: 1, depth: 4, message_size: 100})"
        scene mq /own_q
        sees "any(.name == \"/own_q\" and .ns.own and .uri == \"posix-mq:/own_q\" and .use == \"1 of 4 messages\")"
        [ "$(names --ns self posix-mq)" = /own_q ]
        look ls --ns "$made" posix-mq | grep -q own_q'
}

@test "locks of each sort, their holders and who waits; a lease" {
    world '
        for kind in flock posix ofd; do
            scene lock "$T/$kind" "$kind"
            sees "any(.kind == \"lock\" and .name == \"$T/$kind\" and .use == \"$kind write\" and .holders[0].pid == \$p)"
            scene lock-wait "$T/$kind" "$kind"
            eventually sees "any(.name == \"$T/$kind\" and .use == \"$kind write, 1 waiting\" and .waiters[0].pid == \$p)"
        done
        scene lock "$T/leased" lease
        sees "any(.kind == \"lease\" and .name == \"$T/leased\" and .holders[0].pid == \$p)"'
}

@test "a lock that came in from outside the pid namespace is seen with those who have it here" {
    exec 7>"$T/outside"
    flock 7
    world 'sees "any(.kind == \"lock\" and (.name | endswith(\"/outside\")) and (.holders | length) > 0)"'
    exec 7>&-
}

@test "pipes, socket pairs, eventfds, memfds, TCP and signals, with both ends" {
    needs ip
    world '
        ip link set lo up
        scene pipe
        sees "any(.kind == \"pipe\" and .use == \"2 writers to 2 readers\" and any(.holders[]; .pid == \$p))"
        scene pipe-unread
        sees "any(.kind == \"pipe\" and .use == \"1 writer to 0 readers\" and .holders[0].pid == \$p and .diagnosis == \"reader gone: SIGPIPE next\" and .verdict == \"held\")"
        look ls pipe | grep -q "reader gone: SIGPIPE next"
        scene eventfds
        sees "[.[] | select(.kind == \"eventfd\" and any(.holders[]; .pid == \$p)) | [.facts.count, (.holders | length), .facts.semaphore]] | sort == [[3, 1, true], [7, 2, false]]"
        scene memfd "a b"
        sees "any(.kind == \"memfd\" and .name == \"memfd:a b\" and ([.holders[] | select(.via == \"fd\") | .pid] | unique | length) == 2)"
        scene pair
        sees "any(.kind == \"socketpair\" and .facts.type == \"seqpacket\" and (.holders | length) == 4 and .hidden_holders == 0)"
        scene tcp 7001
        sees "any(.kind == \"tcp\" and .name == \"127.0.0.1:7001\" and .facts.listens and .uri == \"tcp://127.0.0.1:7001\")"
        sees "[.[] | select(.kind == \"tcp\" and .facts.loopback)] | length == 1 and .[0].use == \"connected\" and (.[0].holders | length) == 2"
        scene pending
        sees "any(.kind == \"signal\" and .id.pid == \$p and (.facts.pending | contains(\"USR1\")) and .facts.blocked)"'
}

@test "what ails what is held stands in the verdict's column, as far as it is sure" {
    needs setpriv
    world '
        ails() { look ls --json "$1" | jq -r ".items[0].diagnosis"; }
        scene shm-in-flight /flying
        [ "$(ails socketpair)" = "1 descriptor in flight, not received" ]
        # The reader of a pipe may be in flight, too.
        scene pipe-unread
        sees "any(.kind == \"pipe\" and .diagnosis == \"no reader is seen\")"
        kill %1; wait %1 || true
        eventually sees "any(.kind == \"pipe\" and .diagnosis == \"reader gone: SIGPIPE next\")"
        scene unreadable
        setpriv --bounding-set -sys_ptrace "$WYE" ls pipe >"$T/out" || [ $? -le 2 ]
        not grep -q "reader gone" "$T/out"
        scene attached-removed 0x77
        [ "$(ails sysv-shm)" = "removed: goes with its last attach" ]
        scene listen-full "$T/s"
        sees "any(.name == \"$T/s\" and .diagnosis == \"backlog full: EAGAIN next\")"'
}

@test "no lease is asked of what is held or young, nor where no verdict is shown" {
    needs strace
    world '
        strace -qo "$T/one" true 2>/dev/null || exit 77
        asked() { strace -fqo "$T/calls" -e trace=fcntl,open,openat "$@" >/dev/null || [ $? -le 2 ]; grep -c "\"/dev/shm/$name\"" "$T/calls" || true; }
        scene shm /held
        echo x >/dev/shm/left
        name=left; [ "$(asked "$WYE" ls --age 0)" = 1 ]
        grep -q "F_SETLEASE, F_WRLCK) *= 0" "$T/calls"
        [ "$(asked "$WYE" ls)" = 0 ]
        [ "$(asked "$WYE" ls --age 0 --columns kind,name,holders)" = 0 ]
        [ "$(asked "$WYE" ls --age 0 pipe)" = 0 ]
        name=held; [ "$(asked "$WYE" ls --age 0)" = 0 ]'
}

@test "pid files: who wrote it, who has the number now, and who is gone" {
    world '
        mkdir /tmp/wye-$$
        trap "rm -r /tmp/wye-$$" EXIT
        sleep 30 & child=$!
        echo "$child" >/tmp/wye-$$/live.pid
        echo 999999 >/tmp/wye-$$/dead.pid
        sees "any(.kind == \"pid-file\" and .name == \"/tmp/wye-$$/live.pid\" and .facts.alive and .holders[0].pid == $child)"
        sees "any(.name == \"/tmp/wye-$$/dead.pid\" and .held == false and .use == \"pid 999999, gone\")"'
}

@test "rings and their semaphores are themselves, and not shared memory of no kind" {
    world '
        "$WYE" mk "shm:prices"
        "$WYE" sem shm-sem:slots -- sleep 30 & 
        eventually sees "any(.kind == \"shm-sem\" and .name == \"slots\" and .held)"
        sees "any(.kind == \"shm\" and .name == \"prices\" and .uri == \"shm:prices\") and all(.kind != \"posix-shm\")"'
}

@test "looking changes nothing: times, counts and names are what they were" {
    world '
        mkdir "$T/mq" && mount -t mqueue none "$T/mq"
        scene attached 0x51 1 0
        scene messages 0x52
        scene sem /s
        scene shm /m
        scene mq /q
        mkfifo "$T/f"
        scene fifo "$T/f" r
        state() {
            cat /proc/sysvipc/*
            find /dev/shm "$T/mq" "$T/f" -printf "%p %i %s %m %A@ %C@ %T@\n" | sort
            cat /proc/self/mounts
        }
        sleep 0.1
        chmod 640 /dev/shm/*  # later than it was read last, so that a read would be noted
        state >/dev/null  # which reads directories itself
        state >"$T/before"
        sleep 1.1
        see
        look ls >/dev/null
        look who sysv-shm:0 >/dev/null
        state >"$T/after"
        diff "$T/before" "$T/after"
        umount "$T/mq"'
}

@test "System V objects and shared memory as ipcs and ls have them" {
    world '
        for n in 1 2 3; do scene segment 0x$n; scene messages 0x1$n; done
        scene semop 0x99
        see
        [ "$(jq -r ".items[] | select(.kind == \"sysv-shm\") | .facts.id" "$T/ls" | sort)" = "$(ipcs -m | awk "/^0x/ {print \$2}" | sort)" ]
        [ "$(jq -r ".items[] | select(.kind == \"sysv-mq\") | \"\(.facts.id) \(.size) \(.facts.messages)\"" "$T/ls" | sort)" = "$(ipcs -q | awk "/^0x/ {print \$2, \$5, \$6}" | sort)" ]
        [ "$(jq -r ".items[] | select(.kind == \"sysv-sem\") | .facts.id" "$T/ls")" = "$(ipcs -s | awk "/^0x/ {print \$2}")" ]'
}

@test "pipes and their holders as lsfd has them; sockets as ss" {
    needs lsfd
    world '
        scene pipe
        scene pipe-unread
        scene listen "$T/s"
        scene pair
        # Each tool sees its own pipes, too: those of this shell and the scenes are compared.
        tree="$$ $(pgrep -P $$ | tr "\n" " ") $(pgrep factory | tr "\n" " ")"
        see
        jq -r ".items[] | select(.kind == \"pipe\") | .id.ino as \$i | .holders[] | \"\(.pid) \(.fd) \(\$i)\"" "$T/ls" >"$T/ours"
        lsfd -rno PID,FD,INODE -Q "TYPE == \"FIFO\"" >"$T/theirs"
        for p in $(pgrep factory); do
            grep "^$p " "$T/theirs" | sort >"$T/a"
            grep "^$p " "$T/ours" | sort >"$T/b"
            [ -s "$T/a" ] || continue
            diff "$T/a" "$T/b"
            compared=1
        done
        [ "$compared" = 1 ]
        [ "$(ss -Hxa | wc -l)" = "$(jq "[.items[] | select(.kind == \"unix\" or .kind == \"socketpair\") | select(.use | startswith(\"nobody\") | not) | if .use | startswith(\"connected\") then 2 else 1 end] | add" "$T/ls")" ]'
}

@test "a hundred processes with 20 descriptors each cost less than 8000 system calls" {
    needs strace
    [ "${WYE_RACES:-FALSE}" = FALSE ] || skip "the checker of races has a thread, and with a second one no helper has descriptors of its own"
    strace -qc -o "$T/one" true 2>/dev/null || skip "no tracing here"
    world '
        # What others left in /tmp is looked through before it is called anybody'"'"'s.
        mount --bind "$T" /mnt
        for place in /run /var/tmp /tmp; do mount -t tmpfs none "$place"; done
        mkdir -p "$T"
        mount --bind /mnt "$T"
        mkdir "$T/crowd"
        "$FACTORY" crowd 100 "$T/crowd" >"$T/ready" &
        eventually grep -q ready "$T/ready"
        code=0
        strace -fqc -o "$T/calls" "$WYE" ls >/dev/null || code=$?
        [ "$code" -le 2 ]
        calls=$(awk "\$NF == \"total\" {print \$4}" "$T/calls")
        echo "$calls system calls"
        [ "$calls" -gt 1000 ] && [ "$calls" -lt 8000 ]'
}

@test "rows, order and columns as asked for" {
    world '
        scene shm /b; scene shm /a
        head -c 100000 /dev/zero >/dev/shm/large
        [ "$(names posix-shm --sort size | head -n 1)" = /large ]
        [ "$(names posix-shm --sort name | tr "\n" " ")" = "/a /b /large " ]
        [ "$(names posix-shm --unheld)" = /large ]
        [ "$(names posix-shm --held | wc -l)" = 2 ]
        look ls posix-shm --held | tail -n 1 | grep -q "; 1 hidden by --held"
        [ "$(names --filter "size>64K and kind=posix-shm")" = /large ]
        [ "$(names --filter "name~/a" --filter size=64K)" = /a ]
        [ -z "$(names --user 4242)" ]
        look ls --jsonl >"$T/lines"
        jq -es "all(.schema == \"wye.ls/1\") and (.[-1] | has(\"coverage\"))" "$T/lines"'
}

@test "exit codes: nothing, something, not all, an error" {
    needs setpriv
    world '
        is() { local want=$1 code=0; shift; "$@" >/dev/null 2>&1 || code=$?; [ "$code" = "$want" ] || { echo "$*: $code instead of $want"; false; }; }
        is 0 "$WYE" ls posix-shm
        scene shm /x
        is 1 "$WYE" ls posix-shm
        is 1 "$WYE" who posix-shm:/x
        is 3 "$WYE" who posix-shm:/none
        is 3 "$WYE" who 4194303
        is 3 "$WYE" ls --ns 4194303
        is 2 "$WYE" ls --sort nothing
        scene unreadable
        is 2 setpriv --bounding-set -sys_ptrace "$WYE" ls posix-shm'
}

@test "a name with a line break and worse stays on its line" {
    world '
        : >"/dev/shm/$(printf "a\nb\033[31m\377")"
        look ls posix-shm --columns name >"$T/out"
        [ "$(wc -l <"$T/out")" = 3 ]
        grep -qF "/a\\x0ab\\x1b[31m\\xff" "$T/out"
        see
        jq -e ".items[] | select(.kind == \"posix-shm\") | .name == \"/a\nb\u001b[31m\ufffd\"" "$T/ls"'
}

@test "what is mistyped is named" {
    check 2 ls fifi
    complains 'did you mean "fifo"'
    check 2 ls --columns name,colour
    complains colour
    check 2 ls --filter 'colour=red'
    complains colour
    check 2 ls --filter size
    complains 'size>1M'
    check 2 ls --user no-such-user-here
    complains no-such-user-here
    check 2 ls --ns neither
    complains neither
}
