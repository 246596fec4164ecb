# sem: a command with a unit.
# shellcheck disable=SC2016
load ../tests/cli/helpers

setup() {
    : >"$T/key"
    S="sysv-sem:$T/key#7"
    mkdir "$T/in"
}

teardown() {
    "$WYE" rm --force "shm-sem:$(basename "$(queue_name)")"
    cleanup
}

# A command that counts, without a lock, how many of its kind run: each has a file while it does.
counting='touch "$0/in/$$"; ls "$0/in" | wc -l >>"$0/seen"; sleep 0.1; rm "$0/in/$$"'

@test "of eight at once two run, and all are run" {
    pids=()
    for _ in $(seq 8); do
        w sem --permits 2 "$S" -- sh -c "$counting" "$T" &
        pids+=($!)
    done
    for p in "${pids[@]}"; do
        ended "$p"
        [ "$code" = 0 ]
    done
    [ "$(wc -l <"$T/seen")" = 8 ]
    [ "$(sort -n "$T/seen" | tail -1)" -le 2 ]
}

@test "the exit code is the command's, or says how it ended or why it did not begin" {
    check 0 sem "$S" -- true
    check 7 sem "$S" -- sh -c 'exit 7'
    check 138 sem "$S" -- sh -c 'kill -USR1 $$'
    check 127 sem "$S" -- "$T/none"
    complains "$T/none"
    check 126 sem "$S" -- "$T/key"
    complains "$T/key"
    check 0 sem --timeout 1s "$S" -- true # each gave its unit back
}

@test "the words of the command are not touched" {
    w sem "$S" -- printf '%s,' '[a,b]' -- -x '' '[]' --help -n 3 >"$T/out"
    [ "$(cat "$T/out")" = '[a,b],--,-x,,[],--help,-n,3,' ]
    echo in | w sem "$S" -- cat >"$T/out"
    [ "$(cat "$T/out")" = in ]
}

@test "without a unit in time: 124, and the command is not run" {
    check 0 mk "sysv-sem:$T/key?initial=0#7"
    check 124 sem --timeout 200ms "$S" -- touch "$T/ran"
    complains "$S"
    [ ! -e "$T/ran" ]
}

@test "a killed one gives its unit back, and its command is told to end" {
    "$WYE" sem "$S" -- sh -c 'echo $$ >"$0/pid"; exec sleep 60' "$T" &
    first=$!
    eventually test -s "$T/pid"
    check 124 sem --timeout 200ms "$S" -- true
    kill -KILL "$first"
    check 0 sem --timeout 5s "$S" -- true
    gone() { ! kill -0 "$(cat "$T/pid")" 2>/dev/null || grep -q '^State:.Z' "/proc/$(cat "$T/pid")/status"; }
    eventually gone
    ended "$first"
    [ "$code" = 137 ]
}

@test "a killed command gives the unit back" {
    "$WYE" sem "$S" -- sh -c 'echo $$ >"$0/pid"; exec sleep 60' "$T" &
    first=$!
    eventually test -s "$T/pid"
    kill -KILL "$(cat "$T/pid")"
    ended "$first"
    [ "$code" = 137 ]
    check 0 sem --timeout 5s "$S" -- true
}

@test "signals go on to the command, whose end is ours" {
    for pair in TERM:3 INT:4 HUP:5; do
        rm -f "$T/ready"
        set -m # a shell without it starts its background with SIGINT ignored
        # shellcheck disable=SC2016
        "$WYE" sem "$S" -- sh -c 'trap "exit 3" TERM; trap "exit 4" INT; trap "exit 5" HUP; touch "$0/ready"; while :; do sleep 0.05; done' "$T" &
        pid=$!
        set +m
        eventually test -e "$T/ready"
        kill -"${pair%:*}" "$pid"
        ended "$pid"
        [ "$code" = "${pair#*:}" ]
    done
}

@test "what was ignored stays ignored, and nothing else is" {
    ignored=(sed -n 's/^SigIgn:\t//p' /proc/self/status)
    [ "$("${ignored[@]}")" = "$("$WYE" sem "$S" -- "${ignored[@]}")" ]
    trap '' HUP INT
    [ "$("${ignored[@]}")" = "$("$WYE" sem "$S" -- "${ignored[@]}")" ]
}

@test "SIGTERM while it waits for a unit: 143" {
    check 0 mk "sysv-sem:$T/key?initial=0#7"
    "$WYE" sem "$S" -- true 2>"$T/err" &
    pid=$!
    eventually resting "$pid"
    kill -TERM "$pid"
    ended "$pid"
    [ "$code" = 143 ]
}

@test "one that is there with another number of units is refused, and nothing is run" {
    crash="shm-sem:$(basename "$(queue_name)")"
    for uri in "$S" "$crash"; do
        check 0 sem -n 4 "$uri" -- true
        check 0 sem -n 4 --timeout 1s "$uri" -- true
        check 5 sem -n 2 "$uri" -- touch "$T/ran"
        complains '4 units'
        complains "$uri"
        [ ! -e "$T/ran" ]
        check 0 sem --timeout 1s "$uri" -- true # as it is
    done
    check 5 sem -n 5 "$crash" -- true # it knows its units, also those that are held
    complains '4 units'
    "$WYE" sem "$crash" -- sh -c ': >"$0/ready"; sleep 60' "$T" &
    holder=$!
    eventually test -e "$T/ready"
    check 0 sem -n 4 --timeout 1s "$crash" -- true
    kill -TERM "$holder"
    ended "$holder"
    check 0 rm "$crash"
}

@test "what is no semaphore, and what lacks a command, is wrong usage" {
    check 2 sem "fifo:$T/f" -- true
    complains semaphore
    check 2 sem "$S"
    complains "no command"
    check 2 sem "$S" true
    complains '--'
    check 2 sem --permits 0 "$S" -- true
    complains --permits
    check 2 sem --timeout x "$S" -- true
    complains --timeout=x
    check 3 sem "sysv-sem:$T/none#7" -- true
    complains "$T/none"
}

@test "mk, rm and means know semaphores" {
    p="posix-sem:$(queue_name)"
    for uri in "$S" "$p"; do
        check 0 mk "$uri"
        check 5 mk "$uri"
        check 0 sem --timeout 1s "$uri" -- true
        check 0 rm --dry-run "$uri"
        check 0 rm "$uri"
        check 3 rm "$uri"
        check 2 send "$uri"
        complains "carries no data"
    done
    has_scheme sysv-sem
    has_scheme posix-sem
}
