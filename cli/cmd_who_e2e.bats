# who: the holders of one object by whatever names it, and all that one process holds.
load ../tests/cli/helpers
load ../tests/cli/world

pids() { look who --json "$1" | jq -r '[.items[].holders[].pid] | unique | map(tostring) | join(" ")'; }

@test "an object by its URI, its path, its kind and id, and its inode" {
    world '
        scene attached 0x5151 0 0; shm=$made
        [ "$(pids sysv-shm:key=0x5151)" = "$shm" ]
        [ "$(pids "sysv-shm:id=$(ipcs -m | awk "/^0x/ {print \$2}")")" = "$shm" ]
        [ "$(pids "sysv-shm:$(ipcs -m | awk "/^0x/ {print \$2}")")" = "$shm" ]
        scene shm /x
        [ "$(pids posix-shm:/x)" = "$made" ]
        [ "$(pids posix-shm:/x?size=1M)" = "$made" ]
        [ "$(pids /dev/shm/x)" = "$made" ]
        mkfifo "$T/f"
        scene fifo "$T/f" r
        [ "$(pids "fifo:$T/f")" = "$made" ]
        [ "$(pids "$T/f")" = "$made" ]
        ln "$T/f" "$T/other-name"
        [ "$(pids "$T/other-name")" = "$made" ]
        scene listen "$T/s"
        [ "$(pids "unix:$T/s")" = "$made" ]
        [ "$(pids "unix:$T/s?type=stream")" = "$made" ]
        scene pipe-unread
        pipe=$(readlink /proc/$made/fd/* | grep -v -F -f <(readlink /proc/self/fd/*) | grep pipe)
        [ "$(pids "$pipe")" = "$made" ]
        scene lock "$T/lock" flock
        [ "$(pids "$T/lock")" = "$made" ]
        [ "$(pids "lock:$T/lock")" = "$made" ]
        scene mq /q
        [ "$(pids posix-mq:/q)" = "$made" ]'
}

@test "a System V object by the file that its key is made of" {
    world '
        : >"$T/key"
        "$WYE" mk "sysv-shm:$T/key?size=4K#7"
        look who "sysv-shm:$T/key#7" >/dev/null
        code=0
        "$WYE" who "sysv-shm:$T/key#8" 2>/dev/null || code=$?
        [ "$code" = 3 ]'
}

@test "nobody holds it: 0; somebody: 1; it is not there: 3" {
    world '
        : >/dev/shm/idle
        mkfifo "$T/f"
        "$WYE" who posix-shm:/idle >/dev/null
        "$WYE" who "$T/f" >/dev/null
        code=0; "$WYE" who "$T/none" 2>"$T/err" || code=$?
        [ "$code" = 3 ] && grep -q "$T/none" "$T/err"
        scene shm /x
        code=0; "$WYE" who posix-shm:/x >"$T/out" || code=$?
        [ "$code" = 1 ]
        grep -Eq "^posix-shm +/x +$made +factory +fd +[0-9]+ +rw " "$T/out"
        grep -Eq "^posix-shm +/x +$made +factory +map +- +rw " "$T/out"
        tail -n 1 "$T/out" | grep -q "^coverage: "'
}

@test "everything of one process, and who else has it" {
    world '
        scene attached 0x5151 1 0; one=$made
        look who "$one" >"$T/out"
        grep -Eq "^sysv-shm +[0-9]+ key 0x5151 +attach +- +rw +2 attaches +factory\[[0-9]+\]" "$T/out"
        not grep -q "factory\[$one\]" "$T/out"
        scene semop 0x52
        eventually sees "any(.kind == \"sysv-sem\" and .waiters != [])"
        look who "$made" | grep -q "waits: semop"
        look who --json "$made" | jq -e ".schema == \"wye.who/1\" and ([.items[].kind] | index(\"sysv-sem\") != null and index(\"sysv-shm\") == null)"'
}

@test "hidden holders are told" {
    world '
        scene attached 0x5151 0 0
        unshare --pid --fork --mount-proc "$WYE" who sysv-shm:key=0x5151 >"$T/out" || [ $? -le 2 ]
        grep -q "1 more that no process here shows" "$T/out"'
}

@test "what is no object is named" {
    check 2 who nonsense
    complains nonsense
    check 2 who file:/x
    complains "no kind"
    check 3 who /no/such/file
    complains /no/such/file
    check 3 who 4194303
    complains "no such process"
}
