# The patterns, as processes of a shell.
load ../tests/cli/helpers

setup() { C=shm:wye-e2e-$$-$BATS_TEST_NUMBER; }
teardown() {
    "$WYE" rm --force "$C" 2>/dev/null || true
    cleanup
}
has_readers() { [ "$(w inspect --json "$C" | jq '[.participants[]? | select(.role == "reader" and .alive)] | length')" -ge "$1" ]; }

@test "pub and sub: what is published comes, of the topics that were asked for" {
    w sub "$C" --filter 'fx.*' --count 2 --timeout 10s --lines --topics >"$T/some" &
    some=$!
    w sub "$C" --count 3 --timeout 10s --json >"$T/all" &
    all=$!
    eventually has_readers 2
    for pair in fx.eur:1.08 metal.gold:2000 fx.usd:1; do
        printf %s "${pair#*:}" | w pub "$C" --topic "${pair%:*}"
    done
    ended $some && [ "$code" = 0 ]
    ended $all && [ "$code" = 0 ]
    diff "$T/some" - <<<$'fx.eur 1.08\nfx.usd 1'
    [ "$(jq -r '[.schema, .number, .topic, .text, .lost] | @csv' "$T/all" | tail -n 1)" = '"wye.sample/1",3,"fx.usd","1",0' ]
}

@test "sub --history begins with what was there" {
    seq 10 | w pub "$C" --lines
    [ "$(w sub "$C" --history 3 --slow block --count 3 --timeout 5s --lines | xargs)" = "8 9 10" ]
}

@test "sub into head ends when nobody reads" {
    w sub "$C" --lines 2>"$T/err" | head -n 1 >"$T/got" &
    eventually has_readers 1
    for _ in 1 2 3; do echo x | w pub "$C" --lines; sleep 0.1; done
    wait $!
    [ "$(cat "$T/got")" = x ]
}

@test "pub --subscribers waits for them, and the deadline is 124" {
    check 124 pub "$C" --subscribers 1 --timeout 300ms "$BATS_TEST_FILENAME"
    w sub "$C" --count 1 --timeout 10s --slow block >"$T/got" &
    w pub "$C" --subscribers 1 --timeout 10s "$BATS_TEST_FILENAME"
    wait $!
    cmp "$T/got" "$BATS_TEST_FILENAME"
}

@test "put and take: each job once, a failed one again, and what nobody can do is set aside" {
    seq 20 | w put --lines "$C" --deliveries 2
    w take "$C" --count 10 --timeout 10s --lines >"$T/a" &
    w take "$C" --count 10 --timeout 10s --lines >"$T/b"
    wait $!
    [ "$(sort -n "$T/a" "$T/b" | xargs)" = "$(seq 20 | xargs)" ]
    echo bad | w put --lines "$C"
    check 0 take "$C" --idle 500ms -- false
    [ "$(grep -c 'false: exit status 1: the job goes back' "$T/err")" = 2 ]
    [ "$(w take "$C" --dead --lines)" = bad ]
    check 0 take "$C" --dead
    [ ! -s "$T/out" ]
}

@test "take -- CMD: the job is its input, and it knows how often it was tried" {
    printf 'one two' | w put "$C"
    # shellcheck disable=SC2016
    check 0 take "$C" --count 2 --timeout 10s -- sh -c 'echo "$WYE_DELIVERIES: $(cat)"; [ "$WYE_DELIVERIES" = 2 ]'
    diff "$T/out" - <<<$'1: one two\n2: one two'
}

@test "a worker that is killed has its job done by the next" {
    echo job | w put --lines "$C"
    "$WYE" take "$C" -- sleep 30 &
    worker=$!
    in_hand() { [ "$(w inspect --json "$C" | jq '[.participants[] | .leases // 0] | add')" = 1 ]; }
    eventually in_hand
    sleeper=$(pgrep -P $worker)
    kill -9 $worker $sleeper
    [ "$(w take "$C" --count 1 --timeout 5s --json | jq -c '[.deliveries, .text]')" = '[2,"job"]' ]
}

@test "priorities where the means has them, and no promise that it does not keep" {
    C=posix-mq:$(queue_name)
    check 2 put "$C" --priority 1 "$BATS_TEST_FILENAME"
    complains at-most-once
    for p in 1 5 3; do printf %s $p | w put "$C" --at-most-once --priority $p; done
    [ "$(w take "$C" --at-most-once --count 3 --timeout 5s --lines | xargs)" = "5 3 1" ]
    check 2 put shm:wye-e2e-nothing --priority 1 "$BATS_TEST_FILENAME"
    complains priorities
    w rm shm:wye-e2e-nothing
}

@test "call and serve" {
    "$WYE" serve "$C" -- tr a-z A-Z 2>"$T/err" &
    server=$!
    [ "$(printf hello | w call "$C")" = HELLO ]
    [ "$(printf x | w call --json "$C" | jq -c '[.schema, .part, .text]')" = '["wye.reply/1",1,"X"]' ]
    kill -INT $server
    ended $server && [ "$code" = 130 ]
}

@test "serve: what fails is the caller's error; what takes too long is ended" {
    # shellcheck disable=SC2016
    w serve "$C" --count 2 -- sh -c 'read -r t; sleep "$t"; exit 3' &
    server=$!
    check_call() { printf '%s\n' "$1" | w call "$C" --timeout "$2" >"$T/out" 2>"$T/err" && code=0 || code=$?; }
    check_call 0 10s
    [ "$code" = 1 ] && grep -q 'sh: exit status 3' "$T/err"
    check_call 60 500ms
    [ "$code" = 124 ]
    ended $server && [ "$code" = 0 ]
}

@test "serve --lines: an answer in parts" {
    w serve "$C" --count 1 --lines -- seq 5 &
    [ "$(printf '' | w call "$C" --lines | xargs)" = "1 2 3 4 5" ]
    wait $!
}

@test "what cannot be is refused with what can" {
    check 2 pub fifo:/tmp/x "$BATS_TEST_FILENAME"
    complains "shm:"
    check 2 sub "$C" --filter 'a.>.b'
    complains "comes last"
    check 2 pub "$C" --topic 'a b' "$BATS_TEST_FILENAME"
    complains "blank"
    check 2 pub "$C" --durability process "$BATS_TEST_FILENAME"
    complains "nats"
    check 2 take "$C" --slow
    complains --slow
    check 2 serve "$C"
    complains "no command"
    check 2 sub "$C" --slow often
    complains "--slow=often"
    check 2 call shm:
    complains "a name has"
}

@test "Ctrl-C ends a subscriber, a worker and a caller, and leaves nothing in their hands" {
    for verb in sub take; do
        "$WYE" $verb "$C-$verb" 2>"$T/err" &
        p=$!
        sleep 1
        kill -INT $p
        ended $p && [ "$code" = 130 ]
        w rm "$C-$verb"
    done
    "$WYE" call "$C" "$BATS_TEST_FILENAME" 2>"$T/err" &
    p=$!
    sleep 1
    kill -INT $p
    ended $p && [ "$code" = 130 ]
}
