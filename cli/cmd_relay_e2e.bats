# relay, with its ends in other processes.
load ../tests/cli/helpers

@test "both ways, and an end is handed on while the other way goes on" {
    needs_scheme unix
    needs socat
    # sort says nothing before it has heard the end.
    timeout 20 socat "UNIX-LISTEN:$T/server" EXEC:'sort -u' &
    port=$(free_port)
    w relay "tcp://127.0.0.1:$port?listen&framing=raw" "unix:$T/server?framing=raw" 2>"$T/err" &
    relay=$!
    ask() { printf 'b\na\nb\n' | timeout 10 socat -t 8 - "TCP:127.0.0.1:$port" >"$T/answer"; }
    eventually test -S "$T/server"
    eventually ask
    wait "$relay"
    [ "$(cat "$T/answer")" = $'a\nb' ]
    [ ! -s "$T/err" ]
}

@test "5 MB from a Unix socket to TCP, in messages and raw" {
    needs_scheme tcp
    random_file "$T/sent" 5000000
    for framing in frame raw; do
        port=$(free_port)
        w recv "tcp://127.0.0.1:$port?listen&framing=$framing" >"$T/got" &
        reader=$!
        eventually grep -q ":$(printf %04X "$port") .* 0A " /proc/net/tcp
        w relay --one-way "unix:$T/s?listen&framing=$framing" "tcp://127.0.0.1:$port?framing=$framing" &
        relay=$!
        eventually w send "unix:$T/s?framing=$framing" "$T/sent"
        wait "$relay"
        wait "$reader"
        cmp "$T/sent" "$T/got"
        [ ! -e "$T/s" ]
    done
}

@test "lines of a FIFO become messages of a queue" {
    q=posix-mq:$(queue_name)
    w mk "fifo:$T/f" "$q"
    w relay "fifo:$T/f?framing=lines" "$q" &
    printf 'one\ntwo words\n' >"$T/f"
    wait $!
    [ "$(w recv --json --idle 200ms "$q" | jq -r .text)" = $'one\ntwo words' ]
    w rm "$q"
}

@test "one FIFO to another, inside the kernel, and equal" {
    random_file "$T/sent" 5000000
    w mk "fifo:$T/f" "fifo:$T/g"
    w relay "fifo:$T/f" "fifo:$T/g" &
    relay=$!
    w send "fifo:$T/f" "$T/sent" &
    w recv "fifo:$T/g" | cmp - "$T/sent"
    wait "$relay"
}

@test "types and priorities are kept between queues of a kind" {
    : >"$T/key"
    : >"$T/key2"
    w mk "sysv-mq:$T/key#7" "sysv-mq:$T/key2#7"
    printf x | w send --type 5 "sysv-mq:$T/key#7"
    "$WYE" relay --one-way "sysv-mq:$T/key#7" "sysv-mq:$T/key2#7" 2>"$T/err" &
    relay=$!
    w recv --count 1 --follow --json "sysv-mq:$T/key2#7" | jq -e '.type == 5'
    kill -TERM "$relay"
    ended "$relay"
    w rm "sysv-mq:$T/key#7" "sysv-mq:$T/key2#7"
    [ "$code" = 143 ]
    [ "$(wc -l <"$T/err")" = 1 ]
}

@test "the reader of a relay that leaves ends it" {
    w mk "fifo:$T/f" "fifo:$T/g"
    w relay "fifo:$T/f?framing=raw" "fifo:$T/g?framing=raw" 2>"$T/err" &
    relay=$!
    head -c 1 "$T/g" >/dev/null &
    timeout 10 head -c 5000000 /dev/zero >"$T/f" 2>/dev/null || true
    ended "$relay"
    [ "$code" = 0 ] || [ "$code" = 6 ]
    [ "$(wc -l <"$T/err")" -le 1 ]
}

@test "relay --queue: jobs go on when the far side comes back" {
    needs_scheme shm
    C=shm:wye-e2e-$$-$BATS_TEST_NUMBER
    "$WYE" take "unix:$T/q?listen" --count 5 --timeout 10s --lines >"$T/a" &
    taker=$!
    eventually test -S "$T/q"
    seq 5 | w put --lines "$C"
    "$WYE" relay --queue "$C" "unix:$T/q" 2>"$T/err" &
    relay=$!
    ended $taker && [ "$code" = 0 ]
    seq 6 8 | w put --lines "$C"
    sleep 0.5
    w take "unix:$T/q?listen" --count 3 --timeout 15s --lines >"$T/b"
    kill -INT $relay
    ended $relay && [ "$code" = 130 ]
    w rm "$C"
    [ "$(sort -nu "$T/a" "$T/b" | xargs)" = "$(seq 8 | xargs)" ]
}

@test "relay --queue: a relay that is killed loses no job" {
    needs_scheme shm
    C=shm:wye-e2e-$$-$BATS_TEST_NUMBER
    seq 200 | w put --lines "$C"
    "$WYE" take "unix:$T/q?listen" --idle 2s --lines >"$T/a" &
    taker=$!
    eventually test -S "$T/q"
    for _ in 1 2 3; do
        "$WYE" relay --queue "$C" "unix:$T/q" 2>"$T/err" &
        relay=$!
        sleep 0.1
        kill -9 $relay
    done
    "$WYE" relay --queue "$C" "unix:$T/q" 2>"$T/err" &
    relay=$!
    ended $taker && [ "$code" = 0 ]
    kill -INT $relay
    ended $relay
    w rm "$C"
    [ "$(sort -nu "$T/a" | xargs)" = "$(seq 200 | xargs)" ]
}

@test "relay --pub-sub: topics and all" {
    needs_scheme shm
    C=shm:wye-e2e-$$-$BATS_TEST_NUMBER
    "$WYE" sub "unix:$T/s?listen" --filter 'fx.*' --count 2 --timeout 10s --lines --topics >"$T/a" &
    sub=$!
    eventually test -S "$T/s"
    "$WYE" relay --pub-sub "$C" "unix:$T/s" 2>"$T/err" &
    relay=$!
    hears() { [ "$(w inspect --json "$C" | jq '[.participants[]? | select(.role == "reader")] | length')" = 1 ]; }
    eventually hears
    for pair in fx.eur:1 metal.gold:2 fx.usd:3; do printf %s "${pair#*:}" | w pub "$C" --topic "${pair%:*}"; done
    ended $sub && [ "$code" = 0 ]
    kill -INT $relay
    ended $relay && [ "$code" = 130 ]
    w rm "$C"
    diff "$T/a" - <<<$'fx.eur 1\nfx.usd 3'
}
