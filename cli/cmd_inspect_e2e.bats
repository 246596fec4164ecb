# inspect, and the ring it looks into, as processes of the command.
load ../tests/cli/helpers
load ../tests/cli/world

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
    "$WYE" inspect --json "shm:$ring" >"$T/seen"
    jq -e '.bytes > 65536 and .places > 0 and (.lanes | length == 1 and .[0].messages > 0) and has("loan_bytes") and has("waiting") and has("sleepers") and has("writer_sleeps")' "$T/seen" >/dev/null
    jq -e '.participants | map(select(.role == "reader")) | .[0] | .behind > 0 and .bytes_held > 40000 and .lost == 0 and .kept_loans == 0 and .cursor >= 0 and .pid > 0' "$T/seen" >/dev/null
    jq -e '(.participants | map(select(.role == "reader")) | .[0] | .cursor + .behind) == .lanes[0].messages' "$T/seen" >/dev/null
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
    w inspect --json "shm:$ring" | jq -e '.shape == "queue" and .waiting == 2 and .returned == 0 and .poisoned == 0 and .order == "lanes"' >/dev/null
    w recv --count 2 --lines "shm:$ring?shape=queue" >"$T/rest"
    seq 3 | cmp - <(cat "$T/one" "$T/rest")
}

@test "a System V segment: who made it, who used it last, where it is mapped; looking is no use of it" {
    world '
        scene attached 0x5151 0 1
        "$WYE" inspect --json sysv-shm:key=0x5151 >"$T/seen"
        jq -e --arg p "$made" ".maker == \$p and .last_user == \$p and .attaches == 2 and .attached != \"never\" and .detached == \"never\"" "$T/seen"
        jq -e --argjson p "$made" ".mode == \"0600\" and .bytes == 8192 and (.removed | not) and (.mappings | length == 2 and all(.pid == \$p and .writes))" "$T/seen"
        from=$(jq -r ".mappings[0].from" "$T/seen")
        grep -q "^${from#0x}-.*/SYSV00005151" "/proc/$made/maps"
        "$WYE" inspect sysv-shm:key=0x5151 | grep -q "^last user  *$made$"
        "$WYE" inspect --json sysv-shm:key=0x5151 | jq -e --arg p "$made" ".last_user == \$p and .attaches == 2"
        id=$(jq .id "$T/seen")
        [ "$("$WYE" inspect --json "sysv-shm:id=$id" | jq -c "del(.uri)")" = "$(jq -c "del(.uri)" "$T/seen")" ]
        not "$WYE" inspect sysv-shm:key=0x5152 2>"$T/err"
        grep -q "no such segment" "$T/err"'
}

@test "POSIX shared memory: whose it is, and where it is mapped" {
    world '
        scene shm-map /pages
        "$WYE" inspect --json posix-shm:/pages >"$T/seen"
        jq -e --argjson p "$made" ".bytes == 65536 and .open == 0 and (.mappings | length == 1 and .[0].pid == \$p and (.[0].writes | not))" "$T/seen"
        from=$(jq -r ".mappings[0].from" "$T/seen")
        grep -q "^${from#0x}-.*/pages" "/proc/$made/maps"
        not "$WYE" inspect posix-shm:/none 2>"$T/err"
        grep -q "no such shared memory" "$T/err"'
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

@test "what lies in a directory that others have mounted, too, is ours" {
    world '
        truncate -s 4096 /dev/shm/x
        unshare --mount "$WYE" inspect posix-shm:/x | grep -q "^bytes *4096$"'
}
