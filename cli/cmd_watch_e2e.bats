# watch: what comes and goes, as lines for programs.
load ../tests/cli/helpers
load ../tests/cli/world

@test "what appears, is let go, is orphaned and vanishes is told in that order" {
    world '
        "$WYE" watch --jsonl --interval 50ms --age 0 posix-shm >"$T/out" &
        watcher=$!
        sleep 0.5
        scene shm /x
        eventually sh -c "grep -q appeared $T/out"
        kill -9 "$made"
        eventually sh -c "grep -q orphaned $T/out"
        rm /dev/shm/x
        eventually sh -c "grep -q vanished $T/out"
        kill "$watcher"
        [ "$(jq -r .event "$T/out" | paste -sd " ")" = "appeared let_go orphaned vanished" ]
        jq -se ".[0] | .schema == \"wye.watch/1\" and .what.name == \"/x\"" "$T/out"'
}

@test "it ends after so many rounds, and with the one who reads it" {
    "$WYE" watch --rounds 2 --interval 10ms memfd >/dev/null
    run "$WYE" watch --interval 1ns
    [ "$status" = 2 ]
    run "$WYE" watch nonsense
    [ "$status" = 2 ]
}
