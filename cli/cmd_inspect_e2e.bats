# inspect, and the ring it looks into, as processes of the command.
load ../tests/cli/helpers

setup() { ring=wye-bats-$$-$BATS_TEST_NUMBER; }
teardown() { "$WYE" rm --force "shm:$ring" || true; }

@test "5 MB through a ring, by whoever comes first" {
    random_file "$T/sent" 5000000
    w send "shm:$ring?max=1M" "$T/sent" &
    w recv "shm:$ring?max=1M" >"$T/got"
    wait $!
    cmp "$T/sent" "$T/got"
}

@test "a ring to a socket and on to a ring" {
    random_file "$T/sent" 3000000
    w rm --force "shm:$ring-2"
    w recv "shm:$ring-2" >"$T/got" &
    last=$!
    w relay "unix:$T/s?listen" "shm:$ring-2" &
    second=$!
    eventually test -S "$T/s"
    w relay "shm:$ring" "unix:$T/s" &
    first=$!
    w send "shm:$ring" "$T/sent"
    wait "$first" "$second" "$last"
    w rm "shm:$ring-2"
    cmp "$T/sent" "$T/got"
}

@test "tee writes into rings, too" {
    w recv "shm:$ring" >"$T/got" &
    reader=$!
    seq 10000 | w tee "shm:$ring" >"$T/out"
    wait "$reader"
    seq 10000 | cmp - "$T/got"
    seq 10000 | cmp - "$T/out"
}

@test "who takes part is shown; the slow one is named; nothing is changed" {
    "$WYE" recv --timeout 15s --count 1 "shm:$ring?shape=broadcast&policy=block" >/dev/null &
    reader=$!
    eventually sh -c "'$WYE' inspect --json shm:$ring | jq -e '.participants | length == 1'" >/dev/null
    kill -STOP "$reader"
    yes | head -c 200000 | w send --lines --timeout 5s "shm:$ring?shape=broadcast" &
    writer=$!
    eventually sh -c "'$WYE' inspect --json shm:$ring | jq -e '[.participants[] | select(.slow)] | length == 1 and .[0].policy == \"block\" and .[0].alive'" >/dev/null
    w inspect "shm:$ring" >"$T/out"
    grep -q '^shape  *broadcast$' "$T/out"
    grep -q ' writer ' "$T/out"
    before=$(find "/dev/shm/wye-$(id -u)" -name "*.$ring*" -printf '%f %s %T@\n' | sort)
    w inspect "shm:$ring" >/dev/null
    [ "$before" = "$(find "/dev/shm/wye-$(id -u)" -name "*.$ring*" -printf '%f %s %T@\n' | sort)" ]
    kill -CONT "$reader"
    wait "$reader"
    wait "$writer" || true
}

@test "a queue gives each job once, and ends when its producers have gone" {
    w mk "shm:$ring?shape=queue"
    seq 3 | w send --lines "shm:$ring?shape=queue"
    w recv --count 1 --lines "shm:$ring?shape=queue" >"$T/one"
    w inspect --json "shm:$ring" | jq -e '.shape == "queue" and .waiting == 2' >/dev/null
    w recv --count 2 --lines "shm:$ring?shape=queue" >"$T/rest"
    seq 3 | cmp - <(cat "$T/one" "$T/rest")
}

@test "what cannot be looked into says so; a missing ring is 3" {
    check 2 inspect "fifo:$T/f"
    complains "cannot be looked into"
    check 3 inspect "shm:$ring"
    complains "$ring"
    check 2 inspect "shm:$ring?shape=round"
    complains shape
}

@test "inspect into a closed pipe ends quietly" {
    w mk "shm:$ring"
    w inspect --json "shm:$ring" | head -n 1 >"$T/out"
    [ "$(cat "$T/out")" = "{" ]
}
