# bench: that it measures, says what it could not, and leaves nothing behind. No figure is held against another.
load ../tests/cli/helpers

setup() {
    T=$BATS_TEST_TMPDIR
    export XDG_STATE_HOME=$T/state HOME=$T
}
teardown() { cleanup; }
bench() { TMPDIR=$T timeout 100 "$WYE" bench "$@"; }

@test "a few means: every figure is there, in JSON and as a table" {
    bench pipe unix shm-sem --workload latency,throughput --size 64 --rounds 2 --seconds 1 --json "$T/a.json" >"$T/text"
    jq -e '.schema == "wye.bench/1" and .complete and .mode == "own" and .rounds == 2' "$T/a.json"
    jq -e '.machine.processors >= 1 and .floor.line_ns > 0 and .floor.wake_ns > 0' "$T/a.json"
    # Polled and slept for; what carries nothing has no throughput.
    [ "$(jq -r '[.results[] | "\(.means) \(.workload) \(.wait)"] | sort | join(",")' "$T/a.json")" = \
        "pipe latency block,pipe latency poll,pipe throughput null,shm-sem latency block,shm-sem latency poll,unix latency block,unix latency poll,unix throughput null,unix:dgram latency block,unix:dgram latency poll,unix:dgram throughput null,unix:seqpacket latency block,unix:seqpacket latency poll,unix:seqpacket throughput null" ]
    jq -e 'all(.results[]; .messages > 0 and (.rounds | length) == 2 and .cpu_ns > 0)' "$T/a.json"
    jq -e 'all(.results[] | select(.workload == "latency"); .p50 > 0 and .p50 <= .p99 and .p99 <= .max and (.curve | length) > 3)' "$T/a.json"
    jq -e 'all(.results[] | select(.workload == "throughput"); .ns > 0 and .bytes_per_second > 0)' "$T/a.json"
    grep -q '^One way, to and fro, 64 B, polling' "$T/text"
    grep -q '^MEANS' "$T/text"
    # What was chosen is not what this machine's figures are.
    [ ! -e "$T/state/wye/bench.json" ]
}

@test "system calls are counted: a pipe that sleeps takes at least a read and a write" {
    bench pipe --workload latency --size 64 --rounds 1 --seconds 1 --json "$T/a.json" >/dev/null
    # A kernel or a container may forbid tracing.
    calls=$(jq '.results[] | select(.wait == "block") | .syscalls' "$T/a.json")
    [ "$calls" != null ] || skip "tracing is not allowed here"
    jq -e '.results[] | select(.wait == "block") | .syscalls >= 2 and .syscalls < 8' "$T/a.json"
}

@test "one to many, a queue, requests: for what carries them" {
    bench shm tcp pipe --workload fanout,queue,request --rounds 1 --seconds 1 --json - >"$T/a.json"
    [ "$(jq -r '[.results[] | "\(.means) \(.workload)"] | unique | join(",")' "$T/a.json")" = \
        "shm fanout,shm queue,shm request,shm request:answer,shm request:flight,tcp fanout,tcp queue,tcp request,tcp request:answer,tcp request:flight" ]
    [ "$(jq -c '[.results[] | select(.workload == "request:flight" and .means == "tcp") | .at_once]' "$T/a.json")" = "[1,16]" ]
    [ "$(jq -c '[.results[] | select(.workload == "request:answer" and .means == "shm") | .size]' "$T/a.json")" = "[64,1048576]" ]
    [ "$(jq -c '[.results[] | select(.workload == "request" and .means == "shm") | .wait]' "$T/a.json")" = '[null,"poll"]' ]
    jq -e '[.results[].lost] | add == 0' "$T/a.json"
}

@test "a queue for what only has queues" {
    bench sysv-mq posix-mq --workload queue --rounds 1 --seconds 1 --json "$T/a.json" >"$T/text"
    jq -e '(.failed | length) == 0 and ([.results[].means] | sort) == ["posix-mq", "sysv-mq"]' "$T/a.json"
}

@test "a death: what comes after it, and what has no name says that nobody can take its place" {
    bench shm unix:seqpacket pipe --workload crash --rounds 1 --seconds 1 --json "$T/a.json" >"$T/text"
    jq -e '[.results[] | select(.means == "shm" and (.workload | test("^crash:[a-z]*(:zombie)?$"))) |
        .p50 > 0 and .lost == 0 and .more.duplicated == 0 and (.more | has("left"))] == [true, true, true, true]' "$T/a.json"
    jq -e '.results[] | select(.means == "unix:seqpacket" and .workload == "crash:sender") | .more.told == 1 and .more.told_ns > 0' "$T/a.json"
    jq -e '[.results[] | select(.means == "pipe" and (.workload | test("^crash:[a-z]*(:[zup].*)?$"))) | .p50 == null and (.note | startswith("has no name"))] | length == 8 and all' "$T/a.json"
    # Of another user, or in another pid namespace: where that is allowed, it is noticed all the same.
    jq -e '[.results[] | select(.means == "shm" and (.workload | endswith(":user"))) | .note] == ["is for the processes of one user alone", "is for the processes of one user alone"]' "$T/a.json"
    jq -e '[.results[] | select(.means == "unix:seqpacket" and .workload == "crash:sender:user") | .more.told == 1 or (.note | test("only root|not with another user"))] == [true]' "$T/a.json"
    jq -e '[.results[] | select(.means != "pipe" and (.workload | endswith(":pidns"))) | (.p50 > 0 and ((.workload | contains("receiver")) or .lost == 0)) or (.note | startswith("not with another pid namespace"))] | length == 8 and all' "$T/a.json"
    # Who stands still is not dead: not an error, and nothing is lost.
    jq -e '[.results[] | select(.workload | endswith(":stopped")) | .p50 > 0 and .lost == 0 and .more.errors == 0 and .more.duplicated == 0 and .gap_ns == 50000000] | length == 10 and all' "$T/a.json"
    grep -q "^  pipe: has no name" "$T/text"
    grep -q "^  unix:seqpacket: is told, and opens again (.*told 1, told in " "$T/text"
}

@test "nobody says anything: who sleeps is not woken, of however many channels" {
    bench pipe shm shm-sem --workload idle --rounds 2 --seconds 1 --json "$T/a.json" >"$T/text"
    [ "$(jq -c '[.results[] | select(.means == "pipe") | .at_once, (.rounds | length)]' "$T/a.json")" = "[1,1,100,1]" ]
    jq -e '[.results[] | select(.means == "pipe" or .means == "shm") | .more | .receiver_switches < 10 and .rss_kib >= 0 and .pss_kib >= 0] | length >= 4 and all' "$T/a.json"
    # It looks whether a holder died, twenty times a second.
    jq -e '[.results[] | select(.means == "shm-sem") | .more.receiver_switches > 5] == [true, true]' "$T/a.json"
    grep -q "^100 channels, and nobody says anything" "$T/text"
}

@test "what one of a hundred channels has; a loan after many of all sizes" {
    bench pipe unix:dgram shm --workload growth:channels,loan --rounds 1 --seconds 1 --size 64 --json "$T/a.json" >"$T/text"
    has() { jq -e --arg m "$1" "[.results[] | select(.means == \$m and .workload == \"growth:channels\") | .more | $2] == [true, true]" "$T/a.json"; }
    has pipe '.descriptors == 2 and .memory_kib >= 0'
    has unix:dgram '.descriptors == 1'
    has shm '.mappings >= 2 and .mappings < 3'
    jq -e '.results[] | select(.means == "shm" and .workload == "loan:worn") | .p50 > 0 and .more.fresh_ns > 0 and .more.before > 100' "$T/a.json"
    jq -e '[.results[], .failed[] | select(.workload | startswith("loan"))] | map(.means) | unique == ["shm", "shm:broadcast"]' "$T/a.json"
    grep -q "^100 channels side by side" "$T/text"
}

@test "many who sleep: the first, the last, and what the telling takes" {
    bench shm unix pipe --workload wakeup --rounds 1 --seconds 1 --json "$T/a.json" >"$T/text"
    [ "$(jq -c '[.results[] | select(.workload == "wakeup:many") | [.means, .parties - 1]] | sort' "$T/a.json")" = \
        '[["shm",1],["shm",2],["shm",8],["unix",1],["unix",2],["unix",8]]' ]
    jq -e 'all(.results[] | select(.workload == "wakeup:many");
        .messages >= 10 and .lost == 0 and .more.first_ns > 0 and .more.first_ns <= 1.02 * .p50 and .more.send_ns > 0)' "$T/a.json"
    grep -q "^Waking 8 who sleep, after 5.0 ms, until the last runs, 64 B" "$T/text"
    grep -q "^  unix: first in .*, send in " "$T/text"
}

@test "who comes late has exactly what he asked for; one more end of what is there" {
    bench shm unix file posix-mq --workload open:history,open:attach --rounds 1 --seconds 1 --json "$T/a.json" >"$T/text"
    jq -e '.failed == []' "$T/a.json"
    [ "$(jq -c '[.results[] | select(.workload == "open:history") | [.means, .at_once]] | sort' "$T/a.json")" = \
        '[["file",100],["file",1000],["shm",100],["shm",1000],["shm:broadcast",100],["shm:broadcast",1000],["unix",100],["unix",1000]]' ]
    jq -e 'all(.results[] | select(.workload == "open:history");
        .messages >= 10 and .more.open_ns > 0 and .more.open_ns <= 1.02 * .more.first_ns and .more.first_ns <= 1.02 * .p50)' "$T/a.json"
    [ "$(jq -r '[.results[] | select(.workload == "open:attach" and .p50 > 0 and .more.close_ns > 0) | .means] | sort | join(",")' "$T/a.json")" = \
        "file,posix-mq,shm,shm:broadcast,shm:queue" ]
    grep -q "^Who comes late: until the last 1000 messages are there, 64 B" "$T/text"
    grep -q "^A second end of a channel that is there" "$T/text"
    [ -z "$(find "$T" -mindepth 1 -maxdepth 1 -name 'wye-bench*')" ]
}

@test "batches are for what takes several in a call" {
    bench shm pipe --workload throughput --size 64 --rounds 1 --seconds 1 --json "$T/a.json" >"$T/text"
    [ "$(jq -c '[.results[] | select(.workload == "throughput:batch") | [.means, .at_once, .lost]]' "$T/a.json")" = '[["shm",8,0],["shm",64,0]]' ]
    jq -e 'all(.results[]; .ns > 0 and .bytes_per_second > 0)' "$T/a.json"
    grep -q "^As fast as it goes, 64 in a call, 64 B" "$T/text"
}

@test "Ctrl-C keeps what is done and leaves nothing" {
    # Started in the background, a shell has SIGINT ignored; `set -m` gives the default back.
    set -m
    TMPDIR=$T timeout 100 "$WYE" bench pipe unix shm --seconds 60 --rounds 9 --json "$T/a.json" >"$T/text" 2>"$T/err" &
    sleep 3
    code=0
    kill -INT "$(pgrep -P $! -x wye)"
    wait $! || code=$?
    [ "$code" = 130 ]
    jq -e '.complete == false and (.results | length) > 3' "$T/a.json"
    grep -q 'broken off' "$T/text"
    [ -z "$(find "$T" -maxdepth 1 -name 'wye-bench*')" ]
}

@test "nothing of it stays, also of what was broken off" {
    unshare -Ur --ipc --mount --net true 2>/dev/null || skip "no user namespaces for this user"
    # A host of its own, in which nobody else makes anything meanwhile.
    # shellcheck disable=SC2016
    timeout 100 unshare -Ur --ipc --mount --net bash -c '
        ip link set lo up; mount -t tmpfs none /dev/shm; export TMPDIR=$2
        "$1" bench --workload latency,fanout,queue --size 64 --seconds 1 --rounds 1 >/dev/null
        set -m
        "$1" bench shm sysv-mq posix-sem --seconds 60 --rounds 9 >/dev/null & sleep 2
        kill -INT $!; wait $! || [ $? = 130 ]
        find /dev/shm -mindepth 1 ! -type d; ipcs | grep "^0x" || true
        find "$TMPDIR" -maxdepth 1 -name "wye*"; pgrep -a -P $$ || true' host "$WYE" "$T" >"$T/left"
    cat "$T/left"
    [ ! -s "$T/left" ]
}

@test "compare: better, worse, noise, and the exit code of a worse one" {
    row() { jq -cn --arg m "$1" --argjson p "$2" '{means: $m, workload: "latency", wait: "block", size: 64, parties: 2, rate: null, gap_ns: null, p50: $p, ns: null, spread: 0.02}'; }
    document() { jq -s '{schema: "wye.bench/1", mode: "quick", complete: true, machine: {cpu: "c", processors: 2, kernel: "k", virtual: null}, floor: {line_ns: 50}, results: .}'; }
    { row pipe 1000; row unix 1000; } | document >"$T/a.json"
    { row pipe 700; row unix 1010; } | document >"$T/b.json"
    { row pipe 1300; row unix 1010; } | document >"$T/c.json"
    check 0 bench --compare "$T/a.json" "$T/b.json"
    grep -q "^better *pipe .*-30 %" "$T/out"
    grep -qx "1 better, 0 worse, 1 not told from noise (--all shows them)" "$T/out"
    check 1 bench --compare "$T/a.json" "$T/c.json"
    grep -q "^worse *pipe .*+30 %" "$T/out"
    check 0 bench --compare "$T/a.json" "$T/b.json" --json -
    [ "$(jq -r '.schema + " " + ([.rows[].verdict] | join(","))' "$T/out")" = "wye.bench-compare/1 better,noise" ]
    echo '{}' >"$T/d.json"
    check 1 bench --compare "$T/a.json" "$T/d.json" && complains "is no result of wye bench"
    check 3 bench --compare "$T/a.json" "$T/none" && complains "$T/none"
    check 2 bench --compare "$T/a.json" && complains "two files"
}

@test "a result of before as a table, a page and pictures" {
    bench pipe shm --workload latency,throughput --size 64 --rounds 1 --seconds 1 --json "$T/a.json" >/dev/null
    check 0 bench --from "$T/a.json" --html "$T/page.html" --svg "$T/pictures"
    grep -q "^One way, to and fro, 64 B, polling" "$T/out"
    grep -q '<!doctype html>' "$T/page.html" && grep -q '"schema":"wye.bench/1"' "$T/page.html"
    for f in latency throughput cost; do python3 -c 'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$T/pictures/$f.svg"; done
    echo '{"schema": "wye.bench/1"}' >"$T/b.json"
    check 1 bench --from "$T/b.json" && complains "is no result of wye bench"
    check 3 bench --from "$T/none"
}

@test "wrong arguments name the part and show a right one" {
    check 2 bench --size none && complains "--size none: a number of bytes from 1 to 1G, as in 64, 4K or 1M"
    check 3 bench pipes && complains "nothing called 'pipes'"
    check 3 bench --workload speed && complains "no workload is called 'speed'; there are latency, "
    check 2 bench --quick --full
    check 0 bench --list
    grep -q wakeup "$T/out" && grep -q posix-mq "$T/out"
}

@test "a full disk is an error, a closed pipe a quiet end" {
    ! bench pipe --workload latency --size 64 --rounds 1 --seconds 1 --json /dev/full >/dev/null 2>"$T/err"
    [ -c /dev/full ]
    grep -q "No space left" "$T/err"
    bench pipe --workload latency --size 64 --rounds 1 --seconds 1 | head -1
    [ "${PIPESTATUS[1]}" = 0 ]
}
