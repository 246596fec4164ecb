# watch: what comes and goes, as lines for programs.
load ../tests/cli/helpers
load ../tests/cli/world

@test "what appears, is let go, is orphaned and vanishes is told in that order" {
    world '
        "$WYE" watch --jsonl --interval 50ms --age 0 posix-shm >"$T/out" &
        watcher=$!
        eventually resting "$watcher"
        scene shm /x
        eventually sh -c "jq -se \"any(.what.use != \\\"-\\\")\" $T/out"
        kill -9 "$made"
        eventually sh -c "grep -q orphaned $T/out"
        rm /dev/shm/x
        eventually sh -c "grep -q vanished $T/out"
        kill "$watcher"
        # Who made it is seen a look later, when it was made in the middle of one.
        jq -r .event "$T/out" | paste -sd " " | grep -qxE "appeared( held)? let_go orphaned vanished" || { cat "$T/out"; false; }
        jq -se ".[0] | .schema == \"wye.watch/1\" and .what.name == \"/x\"" "$T/out"'
}

@test "it ends after so many rounds, and with the one who reads it" {
    "$WYE" watch --rounds 2 --interval 10ms memfd >/dev/null
    run "$WYE" watch --interval 1ns
    [ "$status" = 2 ]
    run "$WYE" watch nonsense
    [ "$status" = 2 ]
}

@test "what is an orphan when it comes is told as one; who takes it again, too" {
    world '
        "$WYE" watch --jsonl --interval 50ms --age 0 posix-shm >"$T/out" &
        watcher=$!
        eventually resting "$watcher"
        : >/dev/shm/left
        eventually sh -c "grep -q orphaned $T/out"
        exec 7</dev/shm/left
        eventually sh -c "jq -se \"any(.event == \\\"held\\\")\" $T/out"
        exec 7<&-
        eventually sh -c "[ \$(jq -r .event $T/out | grep -c orphaned) = 2 ]"
        kill "$watcher"
        # Who makes it has it for a moment.
        jq -r .event "$T/out" | paste -sd " " | grep -qxE "appeared( held)?( let_go)? orphaned held let_go orphaned"
        jq -se "[.[] | select(.event == \"orphaned\") | .what.verdict] == [\"proven\", \"proven\"]" "$T/out"'
}

@test "a limit that is crossed is told, and when there is room again" {
    world '
        echo 4 >/proc/sys/kernel/shmmni 2>/dev/null || exit 77
        "$WYE" watch --jsonl --interval 50ms --warn 70 sysv-shm >"$T/out" &
        watcher=$!
        eventually resting "$watcher"
        for n in 1 2 3; do ipcmk -M 4096 >/dev/null; done
        eventually sh -c "jq -se \"any(.event == \\\"limit\\\" and .what.name == \\\"SHMMNI\\\" and .what.percent == 75)\" $T/out"
        ipcrm -m "$(ipcs -m | awk "/^0x/ {print \$2; exit}")"
        eventually sh -c "jq -se \"any(.event == \\\"limit_over\\\" and .what.name == \\\"SHMMNI\\\")\" $T/out"
        kill "$watcher"'
}

@test "it ends when its reader does, though nothing is to be told" {
    world '
        "$WYE" watch >"$T/out" & first=$!
        mkfifo "$T/f"
        code=0
        { "$WYE" watch 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } >"$T/f" &
        exec 7<"$T/f"
        sleep 0.3
        exec 7<&-
        eventually [ -s "$T/code" ]
        [ "$(cat "$T/code")" = 0 ]
        [ ! -s "$T/err" ]
        kill "$first"'
}

@test "a full disk is an error" {
    world '
        scene shm /x
        (code=0; sh -c "echo \$\$ >$T/pid; exec \"\$0\" \"\$@\"" "$WYE" watch --interval 50ms posix-shm >/dev/full 2>"$T/err" || code=$?; echo "$code" >"$T/code") &
        eventually sh -c "[ -s $T/pid ]"
        eventually resting "$(cat "$T/pid")"
        : >/dev/shm/new
        eventually [ -s "$T/code" ]
        [ "$(cat "$T/code")" = 1 ]
        grep -q "No space left" "$T/err"'
}
