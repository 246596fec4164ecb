# The pattern example of the README, unchanged, on what carries it.
: "${PATTERNS:?set it to the built examples/patterns.cpp}" "${WYE:?set it to the command}"

expected=$'image 1 to 640x480\nimage 2 to 640x480\nimage 3 to 640x480'

@test "patterns: on shm:" {
    name=wye-example-$$-$RANDOM
    [ "$(timeout 20 "$PATTERNS" "shm:$name")" = "$expected" ]
    "$WYE" rm "shm:$name"
}

@test "patterns: unchanged on nats:" {
    command -v nats-server >/dev/null || skip "no nats-server here"
    "$WYE" means --json | grep -q '"scheme": *"nats"' || skip "built without nats:"
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    nats-server --jetstream --store_dir "$BATS_TEST_TMPDIR" --addr 127.0.0.1 --port "$port" >/dev/null 2>&1 3>&- &
    server=$!
    for _ in $(seq 100); do (exec 4<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.05; done
    got=$(timeout 20 "$PATTERNS" "nats://127.0.0.1:$port/resize") || true
    kill $server
    wait $server || true
    [ "$got" = "$expected" ]
}
