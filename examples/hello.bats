# Two processes talk with the example of the README.
: "${HELLO:?set it to the built examples/hello.cpp}"

@test "hello: one listens, the other says it" {
    name=unix:@hello-$$-$RANDOM
    timeout 20 "$HELLO" "$name?listen" >"$BATS_TEST_TMPDIR/heard" &
    for _ in $(seq 100); do
        timeout 20 "$HELLO" "$name" 'good morning' 2>/dev/null && break
        sleep 0.05
    done
    wait $!
    [ "$(cat "$BATS_TEST_TMPDIR/heard")" = 'good morning' ]
}

@test "hello: nobody listens" {
    run timeout 20 "$HELLO" "unix:@nobody-$$-$RANDOM" 'good morning'
    [ "$status" = 1 ]
    [ "${#lines[@]}" = 1 ]
}
