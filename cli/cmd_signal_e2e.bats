# signal: sent by pidfd, taken one by one.
load ../tests/cli/helpers

# A process that waits, with output in $T/got: waits [options] SIGNAL...; its pid is in $pid.
waits() {
    "$WYE" signal wait "$@" >"$T/got" 2>"$T/said" &
    pid=$!
    eventually grep -q waits "$T/said"
    grep -q "process $pid waits" "$T/said"
}

@test "a signal with a word arrives with its sender" {
    waits --json RTMIN+1
    w signal send "$pid" RTMIN+1 --value 42
    ended "$pid"
    [ "$code" = 0 ]
    jq -e '.schema == "wye.signal/1" and .signal == "SIGRTMIN+1" and .value == 42 and .sender > 1 and .user == '"$(id -u)" "$T/got"
}

@test "real-time signals all arrive, in order" {
    waits -n 3 RTMIN+1
    kill -STOP "$pid"
    for n in 1 2 3; do w signal send "$pid" RTMIN+1 --value "$n"; done
    kill -CONT "$pid"
    ended "$pid"
    [ "$(grep -o 'value .*' "$T/got" | xargs)" = "value 1 value 2 value 3" ]
}

@test "kill(1) is a sender, and TERM can be waited for" {
    waits TERM USR1
    kill -USR1 "$pid"
    ended "$pid"
    [ "$code" = 0 ]
    grep -q '^SIGUSR1 from ' "$T/got"
    waits TERM
    w signal send "$pid" SIGTERM
    ended "$pid"
    [ "$code" = 0 ]
    grep -q '^SIGTERM from ' "$T/got"
}

@test "nothing comes: 124" {
    check 124 signal wait --timeout 100ms USR1
    [ ! -s "$T/out" ]
}

@test "Ctrl-C ends a wait for another signal: 130" {
    set -m
    waits USR1
    kill -INT "$pid"
    ended "$pid"
    [ "$code" = 130 ]
}

@test "whom it cannot reach, and what is no signal" {
    sleep 30 &
    pid=$!
    check 0 signal send "$pid" 0
    check 0 signal send "$pid" TERM
    ended "$pid"
    [ "$code" = 143 ]
    check 3 signal send "$pid" TERM
    complains "$pid"
    check 2 signal send "$pid" NONSENSE
    complains NONSENSE
    check 2 signal send x TERM
    complains x
    check 2 signal send 1
    complains "process id and a signal"
    check 2 signal send 1 TERM --value x
    complains --value=x
    check 2 signal wait
    complains "one signal or more"
    check 2 signal wait KILL
    check 2 signal hello
    complains hello
}

@test "--pidfile: to the holder of the lock, whatever the file says" {
    needs flock
    echo 1 >"$T/pid"
    check 3 signal send --pidfile "$T/pid" TERM
    complains "no process holds it"
    check 3 signal send --pidfile "$T/none" TERM
    flock --no-fork "$T/pid" sh -c ": >$T/held; exec sleep 30" &
    pid=$!
    eventually test -e "$T/held"
    check 0 signal send --pidfile "$T/pid" TERM
    ended "$pid"
    [ "$code" = 143 ]
    [ "$(cat "$T/pid")" = 1 ]
}
