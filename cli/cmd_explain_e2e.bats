# explain: from an error to the limits behind it.
load ../tests/cli/helpers

@test "an error's limits, each with its call, its use here and what to do" {
    w explain ENOSPC >"$T/out"
    head -n 1 "$T/out" | grep -qx 'ENOSPC "No space left on device"'
    for line in '^semget  SEMMNI: ' '^semget  SEMMNS: ' '^shmget  SHMMNI: ' '^msgget  MSGMNI: ' '^mq_open  queues_max: ' '^inotify_add_watch  max_user_watches: '; do
        grep -q "$line" "$T/out" || { echo "$line"; cat "$T/out"; false; }
    done
    grep -q '^    here: [0-9,]* of [0-9,]* used (ipc:\[' "$T/out"
    [ "$(grep -c '^    here: ' "$T/out")" = "$(grep -c '^    what to do: ' "$T/out")" ]
    [ "$(grep -c EMFILE "$T/out" || true)" = 0 ]
}

@test "--call asks for one call" {
    w explain EMFILE --call mq_open --json | jq -e '.schema == "wye.explain/1" and (.limits | length == 1) and .limits[0].limit == "RLIMIT_MSGQUEUE"'
    w explain EMFILE --call inotify_init --json | jq -e '[.limits[].limit] == ["max_user_instances"]'
    w explain EPERM --call fcntl --json | jq -e 'all(.limits[]; .call == "fcntl(F_SETPIPE_SZ)") and (.limits | length >= 2)'
    check 3 explain ENOSPC --call fork
    complains "semget"
}

@test "a number, small letters, a signal" {
    limits() { w explain "$1" --json | jq -c '[.error, (.limits | map(.limit) | sort)]'; }  # not their figures, which change
    [ "$(limits 28)" = "$(limits enospc)" ]
    w explain SIGBUS --json | jq -e '.text == "Bus error" and any(.limits[]; .limit == "shm-bytes")'
    w explain EWOULDBLOCK --json | jq -e '.error == "EAGAIN" and any(.limits[]; .call == "fork")'
}

@test "what is full here comes first" {
    unshare -Ur --ipc true 2>/dev/null || skip "no user namespaces for this user"
    unshare -Ur --ipc bash -c 'echo 32000 1024000000 500 2 >/proc/sys/kernel/sem; ipcmk -S 1; ipcmk -S 1; ipcmk -S 1 || true; "$1" explain ENOSPC --json' x "$WYE" 2>"$T/err" | sed '/^Sem/d;/^$/d' >"$T/json"
    grep -q 'No space left on device' "$T/err"
    jq -e '.limits[0].limit == "SEMMNI" and .limits[0].percent == 100' "$T/json"
}

@test "a mistyped name is met halfway; what no limit gives is 3" {
    check 2 explain EMFIL
    complains "EMFIL\": EMFILE?"
    check 2 explain xyzzyplugh
    complains ENOSPC
    check 2 explain 0
    complains
    check 3 explain ECHILD
    complains "No child processes"
    check 2 explain ENOSPC EMFILE
    complains
}

@test "into a closed pipe" {
    { code=0; w explain EAGAIN 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } | head -n 1 >/dev/null
    [ ! -s "$T/err" ]
    [ "$(cat "$T/code")" = 0 ]
}
