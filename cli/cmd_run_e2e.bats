# run: arguments verbatim, exit codes, deadlines for the whole tree, limits, signals, the sandbox.
load ../tests/cli/helpers

# LeakSanitizer's own ptrace(2) does not work in a pid namespace, and ends the command.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*[ZX]' "/proc/$1/status"; }
sandboxed() { w run --sandbox -- true 2>"$T/why" || skip "no sandbox here: $(cat "$T/why")"; }

@test "arguments arrive as they are" {
    w run -- printf '[%s]' '' '[a,b]' '$(id)' ';' 'a b' '*' -- -x --env '"q"' $'\n' >"$T/out"
    printf '[%s]' '' '[a,b]' '$(id)' ';' 'a b' '*' -- -x --env '"q"' $'\n' | cmp - "$T/out"
}

@test "standard input, output and error are ours" {
    echo through | w run -- sh -c 'cat; echo trouble >&2' >"$T/out" 2>"$T/err"
    [ "$(cat "$T/out")" = through ]
    [ "$(cat "$T/err")" = trouble ]
}

@test "the exit code is the program's, 128 + n for a signal, 127 and 126 where it cannot run" {
    check 0 run -- true
    check 7 run -- sh -c 'exit 7'
    check 127 run -- sh -c 'exit 127'
    [ ! -s "$T/err" ]
    check 143 run -- sh -c 'kill -TERM $$'
    check 127 run -- no-such-program-anywhere
    complains no-such-program-anywhere
    : >"$T/plain"
    check 126 run -- "$T/plain"
    complains "$T/plain"
    chmod 755 "$T/plain"
    echo 'exit 0' >"$T/plain"
    check 126 run -- "$T/plain"
    complains
    check 125 run --directory "$T/none" -- true
    complains "$T/none"
}

@test "environment, name and directory" {
    [ "$(w run --clear-env --env A=1 --env B='x y=z' -- env)" = $'A=1\nB=x y=z' ]
    FROM_US=1 w run -- env | grep -qx FROM_US=1
    [ "$(FROM_US='x y=z' NOT_FROM_US=1 w run --env FROM_US --clear-env --env A=1 --env NOT_SET -- env | sort)" = $'A=1\nFROM_US=x y=z' ]
    FROM_US=1 NOT_NAMED=2 w run --env FROM_US -- env | grep -qx NOT_NAMED=2
    [ "$(FROM_US=1 w run --clear-env --env FROM_US=2 -- env)" = FROM_US=2 ]
    [ "$(w run --arg0 '[other]' -- sh -c 'echo "$0"')" = '[other]' ]
    [ "$(w run --directory "$T" -- pwd -P)" = "$(cd "$T" && pwd -P)" ]
    check 2 run --env =value -- true
    complains =value
    check 2 run --env '' -- true
    complains NAME=VALUE
    check 2 run --timeout soon -- true
    complains soon
    check 2 run --limit-output lots -- true
    complains lots
}

@test "a timeout ends grandchildren too, with 124" {
    code=0
    w run --timeout 500ms -- sh -c 'sh -c "sleep 60 & echo \$! >'"$T"'/a; wait" & setsid sleep 60 & echo $! >'"$T"'/b; wait' 2>"$T/err" || code=$?
    [ "$code" = 124 ]
    : >"$T/out"
    complains deadline
    eventually gone "$(cat "$T/a")"
    eventually gone "$(cat "$T/b")"
}

@test "a timeout ends whoever left the group and lost its parent too, and the limit of output does" {
    stray='setsid sh -c "echo \$\$ >'"$T"'/pid; exec sleep 60" & while [ ! -s '"$T"'/pid ]; do sleep 0.01; done'
    check 124 run --timeout 1s --grace 200ms -- sh -c '(sh -c "$0"); sleep 60' "$stray"
    gone "$(cat "$T/pid")"
    rm "$T/pid"
    code=0
    w run --limit-output 10 -- sh -c '(sh -c "$0"); yes' "$stray >/dev/null 2>&1" >/dev/null 2>&1 || code=$?
    [ "$code" = 125 ]
    gone "$(cat "$T/pid")"
}

@test "orphans are buried while the program runs, and a program that ends in time leaves its daemon alone" {
    zombies() { [ -z "$(cat /proc/"$wye"/task/*/children | xargs -rn1 sh -c 'grep -l "^State:.*Z" /proc/$0/status 2>/dev/null; :')" ]; }
    "$WYE" run --timeout 20s -- sh -c 'for i in 1 2 3 4 5; do (true & exec setsid sh -c "exit 0"); (sleep 0.05 & ) ; done; sleep 0.2; : >"$0/ready"; setsid sleep 60 >/dev/null & echo $! >"$0/pid"; i=0; while [ ! -e "$0/end" ] && [ $((i += 1)) -lt 200 ]; do sleep 0.05; done' "$T" &
    wye=$!
    eventually test -e "$T/ready"
    eventually zombies
    : >"$T/end"
    ended "$wye"
    [ "$code" = 0 ]
    ! gone "$(cat "$T/pid")"
    kill -9 "$(cat "$T/pid")"
}

@test "a child that ignores SIGTERM is killed after the grace" {
    code=0
    w run --timeout 300ms --grace 200ms -- sh -c 'trap "" TERM; echo $$ >'"$T"'/pid; while :; do sleep 60; done' 2>/dev/null || code=$?
    [ "$code" = 124 ]
    gone "$(cat "$T/pid")"
}

@test "a program that ends in time is not kept" {
    check 3 run --timeout 60s -- sh -c 'sleep 3 & exit 3'
}

@test "huge output into head ends quietly" {
    for option in --clear-env --limit-output=1G; do
        { code=0; w run "$option" -- /usr/bin/yes 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } | head -n 1 >"$T/out"
        [ "$(cat "$T/out")" = y ]
        [ "$(cat "$T/code")" = 141 ]
        [ ! -s "$T/err" ]
    done
}

@test "--limit-output: exactly so much, then 125" {
    code=0
    w run --limit-output 100000 -- yes >"$T/out" 2>"$T/err" || code=$?
    [ "$code" = 125 ]
    [ "$(wc -c <"$T/out")" = 100000 ]
    grep -q 'limit of 100000' "$T/err"
    [ "$(w run --limit-output 5 -- printf 12345)" = 12345 ]
    # A deadline holds although nobody reads what it writes.
    mkfifo "$T/f"
    exec 7<>"$T/f"
    check_full() { code=0; w run --timeout 500ms --limit-output 1G -- yes >"$T/f" 2>"$T/err" || code=$?; [ "$code" = 124 ]; }
    check_full
    exec 7>&-
}

@test "SIGTERM, SIGINT and SIGHUP reach the whole tree" {
    set -m
    for pair in TERM:143 INT:130 HUP:129; do
        rm -f "$T/pid" "$T/ready"
        "$WYE" run -- sh -c 'sleep 60 & echo $! >'"$T"'/pid; : >'"$T"'/ready; exec sleep 60' </dev/null &
        wye=$!
        eventually test -e "$T/ready"
        kill "-${pair%:*}" "$wye"
        ended "$wye"
        [ "$code" = "${pair#*:}" ]
        [ "${pair%:*}" = INT ] || eventually gone "$(cat "$T/pid")"
        kill -9 "$(cat "$T/pid")" 2>/dev/null || true
    done
}

@test "killed with -9, run leaves the program running; in the sandbox nothing is left" {
    "$WYE" run -- sh -c 'echo $$ >'"$T"'/pid; exec sleep 60' </dev/null &
    wye=$!
    eventually test -s "$T/pid"
    kill -9 "$wye"
    ended "$wye"
    ! gone "$(cat "$T/pid")"
    kill -9 "$(cat "$T/pid")"
    sandboxed
    rm "$T/pid"
    "$WYE" run --sandbox -- setsid sh -c 'sleep 61.'"$$"'; :' </dev/null &
    wye=$!
    eventually pgrep -f "^sleep 61.$$"
    kill -9 "$wye"
    ended "$wye"
    nobody() { ! pgrep -f "^sleep 61.$$"; }
    eventually nobody
}

@test "the sandbox: processes of its own, and none outlives the first" {
    sandboxed
    [ "$(w run --sandbox -- sh -c 'ls -d /proc/[0-9]* | wc -l')" -lt 8 ]
    check 7 run --sandbox -- sh -c 'setsid setsid sleep 62.'"$$"' & exit 7'
    ! pgrep -f "^sleep 62.$$"
    check 124 run --sandbox --timeout 500ms --grace 200ms -- sh -c 'trap "" TERM; (setsid sleep 63.'"$$"' &); sleep 60; sleep 60'
    ! pgrep -f "^sleep 63.$$"
    check 143 run --sandbox -- sh -c 'kill -TERM $$'
    check 127 run --sandbox -- no-such-program-anywhere
    complains
    w run --sandbox -- sh -c 'ipcs -q 2>/dev/null | grep -c ^0x || true' | grep -qx 0
    [ "$(B=b C=c w run --sandbox --arg0 '[x]' --clear-env --env 'A=[1,2]' --env B --directory / -- sh -c 'echo "$0 $A $B$C $PWD"')" = '[x] [1,2] b /' ]
}

@test "the sandbox as a user without rights, who gets none" {
    needs_root
    needs setpriv
    chmod 755 "$BATS_RUN_TMPDIR" "$(dirname "$T")" "$T"
    user() { timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups "$WYE" run --sandbox -- "$@"; }
    user true 2>"$T/why" || { grep -q 'wye: run:' "$T/why"; skip "$(cat "$T/why")"; }
    [ "$(user id -u)" = 65534 ]
    user sh -c 'grep CapEff /proc/self/status' | grep -qx 'CapEff:[[:space:]]*0*'
}

@test "where namespaces are forbidden, the reason is named, with 125" {
    needs_root
    needs setpriv
    chmod 755 "$BATS_RUN_TMPDIR" "$(dirname "$T")" "$T"
    # A user namespace that may have none inside: only ours is changed.
    code=0
    # shellcheck disable=SC2016
    timeout 10 unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$0" run --sandbox -- true' \
        "$WYE" >"$T/out" 2>"$T/err" || code=$?
    grep -q '^wye: run:' "$T/err" || skip "no such user namespace can be made here: $(cat "$T/err")"
    [ "$code" = 125 ]
    complains /proc/sys/user
}
