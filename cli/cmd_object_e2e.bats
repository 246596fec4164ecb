# mk and rm: what outlives its maker.
load ../tests/cli/helpers

mode_of() { stat -c %a "$1"; }

@test "a FIFO, a log: made with exactly the permissions asked for, whatever the umask" {
    umask 077
    w mk "fifo:$T/a"
    [ -p "$T/a" ] && [ "$(mode_of "$T/a")" = 600 ]
    w mk --mode 0664 "fifo:$T/b"
    [ "$(mode_of "$T/b")" = 664 ]
    w mk -m 640 "file:$T/c"
    [ -f "$T/c" ] && [ "$(mode_of "$T/c")" = 640 ]
    w rm "fifo:$T/a" "fifo:$T/b" "file:$T/c"
    [ ! -e "$T/a" ] && [ ! -e "$T/b" ] && [ ! -e "$T/c" ]
}

@test "a POSIX queue, with its depth and size" {
    q=$(queue_name)
    w mk "posix-mq:$q?depth=2&size=100"
    head -c 100 /dev/zero | w send --whole "posix-mq:$q"
    w send --whole "posix-mq:$q" </dev/null # one empty message
    check 124 send --whole --timeout 200ms "posix-mq:$q"
    w rm "posix-mq:$q"
    check 3 rm "posix-mq:$q"
}

@test "a System V queue, by path and by key" {
    : >"$T/key"
    w mk "sysv-mq:$T/key#7"
    check 3 recv "sysv-mq:$T/key#8"
    w rm "sysv-mq:$T/key#7"
    key=$(printf 'sysv-mq:key=0x%x' $((0x51000000 + $$)))
    w mk "$key"
    echo hi | w send --lines "$key"
    [ "$(w recv --count 1 "$key")" = hi ]
    w rm "$key"
    check 3 recv "$key"
}

@test "shared memory, by name and by key: the size is part of what is made" {
    m=$(queue_name)
    check 2 mk "posix-shm:$m"
    complains size
    w mk -m 640 "posix-shm:$m?size=64K"
    [ "$(stat -c '%a %s' "/dev/shm$m")" = '640 65536' ]
    check 5 mk "posix-shm:$m?size=64K"
    check 0 mk --exist-ok "posix-shm:$m?size=32K"
    check 1 mk --exist-ok "posix-shm:$m?size=65K"
    complains 65536
    w rm "posix-shm:$m"
    [ ! -e "/dev/shm$m" ]
    : >"$T/key"
    w mk "sysv-shm:$T/key?size=64K#7"
    check 5 mk "sysv-shm:$T/key?size=64K#7"
    for verb in send recv; do
        check 2 "$verb" "sysv-shm:$T/key#7"
        complains memory
    done
    w rm "sysv-shm:$T/key#7"
}

@test "several at once: each is tried, and the worst code answered" {
    check 5 mk "fifo:$T/a" "fifo:$T/a" "fifo:$T/b"
    complains "$T/a"
    [ -p "$T/b" ]
    check 3 rm "fifo:$T/a" "fifo:$T/none" "fifo:$T/b"
    complains "$T/none"
    [ ! -e "$T/a" ] && [ ! -e "$T/b" ]
}

@test "--force is for what is missing and for nothing else" {
    check 0 rm --force "fifo:$T/none"
    check 2 rm --force nonsense
    complains nonsense
}

# `removed_alike CODE URI`: a dry run says of it what the real rm says after it, and does nothing.
removed_alike() {
    check "$1" rm --dry-run "$2"
    cp "$T/err" "$T/dry"
    if [ "$1" = 0 ]; then [ "$(cat "$T/out")" = "would remove $2" ]; else complains; fi
    check "$1" rm "$2"
    diff "$T/dry" "$T/err"
}

@test "--dry-run finds what rm removes, and leaves it there; then it is missing for both alike" {
    : >"$T/key"
    uris=("fifo:$T/a" "file:$T/b" "posix-mq:$(queue_name)" "sysv-mq:$T/key#7" "posix-shm:$(queue_name)?size=4K" "sysv-shm:$T/key?size=4K#7")
    w mk "${uris[@]}"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/s"
    for uri in "${uris[@]}" "unix:$T/s"; do
        check 0 rm --dry-run --force "$uri"
        removed_alike 0 "$uri"
        removed_alike 3 "$uri"
        check 0 rm --dry-run --force "$uri"
        [ ! -s "$T/out" ]
    done
}

@test "--dry-run refuses what rm would refuse" {
    w mk "fifo:$T/a"
    : >"$T/b"
    ln -s a "$T/link"
    removed_alike 1 "fifo:$T/b"
    removed_alike 1 "fifo:$T/link"
    removed_alike 1 "file:$T/a"
    removed_alike 1 "unix:$T/a"
    [ -p "$T/a" ] && [ -f "$T/b" ] && [ -L "$T/link" ]
    for uri in pipe: unix:@abstract fifo: file: unix: posix-mq:/a/b nonsense; do removed_alike 2 "$uri"; done
    removed_alike 3 "sysv-mq:$T/none#7"
    removed_alike 3 sysv-mq:id=2147483647
}

@test "what has no name cannot be made or removed" {
    for uri in pipe: fd:3 'exec:cat'; do
        for verb in mk rm; do
            check 2 "$verb" "$uri"
            complains "wye: $verb:"
        done
    done
}

@test "rm takes only what the URI says it is" {
    echo precious >"$T/file"
    check 1 rm "fifo:$T/file"
    complains "$T/file"
    mkdir "$T/dir"
    w rm "file:$T/dir" 2>/dev/null && false
    [ "$(cat "$T/file")" = precious ] && [ -d "$T/dir" ]
}

@test "mk in a directory that is missing" {
    check 3 mk "fifo:$T/none/f"
    complains "$T/none/f"
}
