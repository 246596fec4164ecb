# cluster: servers of one's own on loopback, and what is kept while they are killed. They leave nothing.
load ../tests/cli/helpers

setup() {
    [ -x /usr/sbin/nats-server ] || command -v nats-server >/dev/null || skip "nats-server is not installed (./dev setup)"
    export TMPDIR=$T XDG_RUNTIME_DIR=$T
}

@test "demo: nothing acknowledged is lost while servers are killed, and nothing is left" {
    LIMIT=60 check 0 cluster demo --seconds 5 --seed 7 --json
    jq -e '.kills > 0 and (.rows | length) == 3 and all(.rows[]; .acked > 0 and .lost == 0)' "$T/out"
    [ -z "$(ls -d "$T"/wye-nats* 2>/dev/null)" ]
}

@test "up: prints the URI that a client needs; Ctrl-C ends it, and nothing is left" {
    "$WYE" cluster up >"$T/uri" 2>"$T/err" &
    pid=$!
    for _ in $(seq 100); do [ -s "$T/uri" ] && break; sleep 0.2; done
    [ -s "$T/uri" ]
    uri=$(sed 's|SUBJECT|hello|' "$T/uri")
    timeout 10 "$WYE" recv --count 1 "$uri" >"$T/got" &
    reader=$!
    for _ in $(seq 50); do
        echo -n "over NATS" | w send "$uri"
        [ -s "$T/got" ] && break
        sleep 0.1
    done
    wait "$reader"
    [ "$(cat "$T/got")" = "over NATS" ]
    server=$(pgrep -P "$pid")
    kill -INT "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" = 130 ]
    ! kill -0 "$server" 2>/dev/null
    [ -z "$(ls -d "$T"/wye-nats* 2>/dev/null)" ]
}

@test "killed, it takes its server with it" {
    [ -x /usr/bin/setpriv ] || skip "no setpriv(1)"
    "$WYE" cluster up >"$T/uri" 2>"$T/err" &
    pid=$!
    for _ in $(seq 100); do [ -s "$T/uri" ] && break; sleep 0.1; done
    server=$(pgrep -P "$pid")
    kill -KILL "$pid"
    for _ in $(seq 50); do kill -0 "$server" 2>/dev/null || break; sleep 0.1; done
    ! kill -0 "$server" 2>/dev/null
}

@test "what is no verb of it is said" {
    check 2 cluster down
    complains "wye cluster up"
    check 2 cluster demo --servers 12
    complains "--servers=12"
}
