# lock: a command under a lock; flock(1) is the other side, and the habits are its own.
load ../tests/cli/helpers

# Holds $T/l until it is killed: hold [flock|wye] [options]. Its pid is in $holder.
hold() {
    local by=$1
    shift
    rm -f "$T/held"
    # shellcheck disable=SC2016
    if [ "$by" = wye ]; then
        "$WYE" lock "$@" "$T/l" -- sh -c ': >"$0"; exec sleep 30' "$T/held" &
    else
        flock --no-fork "$@" "$T/l" sh -c ': >"$0"; exec sleep 30' "$T/held" &
    fi
    holder=$!
    eventually test -e "$T/held"
}

@test "the command runs, and its exit code is ours" {
    w lock "$T/l" -- echo hello | grep -qx hello
    check 0 lock "$T/l" -- true
    check 7 lock "$T/l" -- sh -c 'exit 7'
    [ -e "$T/l" ]
    check 0 lock "$T/l" -- sh -c 'cat' </dev/null
    check 0 lock "$T" -- true # a directory will do
}

@test "options after the command are the command's; -- is a courtesy" {
    [ "$(w lock "$T/l" echo -n -s x)" = "-s x" ]
    [ "$(w lock "$T/l" -- echo -n --timeout x)" = "--timeout x" ]
    [ "$(w lock "$T/l" -- echo -- x)" = "-- x" ]
    check 2 lock "$T/l"
    complains "no command"
    check 2 lock "$T/l" --nonsense -- true
    complains --nonsense
}

@test "not found is 127, not executable 126, killed is 128 and the signal" {
    check 127 lock "$T/l" -- "$T/none"
    complains "$T/none"
    : >"$T/plain"
    check 126 lock "$T/l" -- "$T/plain"
    complains "$T/plain"
    check 127 lock -o "$T/l" -- "$T/none"
    check 126 lock -o "$T/l" -- "$T/plain"
    for how in '' -o; do
        code=0
        # shellcheck disable=SC2016,SC2086
        "$WYE" lock $how "$T/l" -- sh -c 'kill -TERM $$' 2>/dev/null || code=$?
        [ "$code" = 143 ]
    done
}

@test "locked and not waited for: 5, or the code asked for, and the holder is named" {
    hold wye
    check 5 lock -n "$T/l" -- true
    complains "process $holder"
    check 42 lock -n -E 42 "$T/l" -- true
    check 124 lock -w 100ms "$T/l" -- true
    complains "process $holder"
    check 0 lock -w 0.1 -E 0 "$T/l" -- false
    check 5 lock -n -s "$T/l" -- true
    kill -KILL "$holder"
    ended "$holder"
    check 0 lock -n "$T/l" -- true
}

@test "flock(1) and wye lock keep each other out" {
    needs flock
    hold wye
    code=0
    flock -n -E 9 "$T/l" true || code=$?
    [ "$code" = 9 ]
    kill "$holder"
    ended "$holder"
    flock -n "$T/l" true
    hold flock
    check 5 lock -n "$T/l" -- true
    complains "process $holder"
    kill "$holder"
    ended "$holder"
    hold flock -s
    check 5 lock -n "$T/l" -- true
    complains shared
    check 0 lock -n -s "$T/l" -- true
}

@test "shared holders run together" {
    hold wye -s
    check 0 lock -n -s "$T/l" -- true
    check 5 lock -n -x "$T/l" -- true
}

@test "with --fair a reader waits behind a writer who waits" {
    hold wye --fair -s
    check 0 lock --fair -n -s "$T/l" -- true
    "$WYE" lock --fair -w 20s "$T/l" -- sh -c ": >$T/second" &
    waiter=$!
    waits() { ! w lock --fair -n -s "$T/l" -- true; }
    eventually waits
    check 0 lock -n -s "$T/l" -- true
    kill -KILL "$holder"
    ended "$waiter"
    [ "$code" = 0 ]
    [ -e "$T/second" ]
    check 0 lock --fair -n -s "$T/l" -- true
}

@test "with --close a command is told to end when its lock is lost" {
    "$WYE" lock -o "$T/l" -- sh -c 'echo $$ >"$0/pid"; exec sleep 60' "$T" &
    holder=$!
    eventually test -s "$T/pid"
    kill -KILL "$holder"
    gone() { ! kill -0 "$(cat "$T/pid")" 2>/dev/null || grep -q '^State:.Z' "/proc/$(cat "$T/pid")/status"; }
    eventually gone
}

@test "who waits gets it when the holder ends" {
    hold wye
    "$WYE" lock -w 10s "$T/l" -- sh -c ": >$T/second" &
    waiter=$!
    sleep 0.1
    [ ! -e "$T/second" ]
    kill -KILL "$holder"
    ended "$waiter"
    [ "$code" = 0 ]
    [ -e "$T/second" ]
}

@test "what the command leaves running keeps the lock; with --close it does not" {
    "$WYE" lock "$T/l" -- sh -c 'sleep 30 & echo $!' >"$T/pid"
    check 5 lock -n "$T/l" -- true
    kill "$(cat "$T/pid")"
    eventually w lock -n "$T/l" -- true
    "$WYE" lock -o "$T/l" -- sh -c 'sleep 30 >/dev/null & echo $!' >"$T/pid"
    check 0 lock -n "$T/l" -- true
    kill "$(cat "$T/pid")"
    ! w lock -o "$T/l" -- sh -c 'ls -l /proc/$$/fd' | grep -F "$T/l"
}

@test "counts are not lost by eight who write one file" {
    echo 0 >"$T/n"
    # shellcheck disable=SC2016
    for _ in 1 2 3 4 5 6 7 8; do
        for _ in 1 2 3 4 5; do "$WYE" lock "$T/l" -- sh -c 'echo $(($(cat "$0") + 1)) >"$0"' "$T/n"; done &
    done
    wait
    [ "$(cat "$T/n")" = 40 ]
}

@test "a symbolic link and another user's file are refused" {
    ln -s /etc/passwd "$T/link"
    check 1 lock "$T/link" -- true
    complains "$T/link"
    check 3 lock "$T/none/l" -- true
    needs_root
    : >"$T/theirs"
    chown 65534 "$T/theirs"
    check 4 lock "$T/theirs" -- true
    complains 65534
    check 0 lock --any-owner "$T/theirs" -- true
}

@test "the command gets SIGPIPE as it should" {
    code=0
    # shellcheck disable=SC2016
    w lock "$T/l" -- sh -c 'yes; echo $? >"$0"' "$T/code" | head -1 >/dev/null
    [ "$(cat "$T/code")" = 141 ]
}
