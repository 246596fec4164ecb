# send and recv, as two processes, through everything that has a name.
load ../tests/cli/helpers

setup() { random_file "$T/sent" 5000000; }

# `through URI-OF-RECV URI-OF-SEND [options of recv]`: the file goes through, and arrives equal.
through() {
    local in=$1 out=$2
    shift 2
    w recv "$@" "$in" >"$T/got" &
    local reader=$!
    eventually w send "$out" "$T/sent"
    wait "$reader"
    cmp "$T/sent" "$T/got"
}

@test "5 MB through a FIFO" {
    w mk "fifo:$T/f"
    for framing in frame raw; do through "fifo:$T/f?framing=$framing" "fifo:$T/f?framing=$framing"; done
}

@test "5 MB through a POSIX queue" {
    w mk "posix-mq:$(queue_name)"
    through "posix-mq:$(queue_name)" "posix-mq:$(queue_name)" --follow --idle 1s
    w rm "posix-mq:$(queue_name)"
}

@test "5 MB through a System V queue" {
    : >"$T/key"
    w mk "sysv-mq:$T/key#7"
    through "sysv-mq:$T/key#7" "sysv-mq:$T/key#7" --follow --idle 1s
    w rm "sysv-mq:$T/key#7"
}

@test "5 MB through a log" {
    w send --create "file:$T/log" "$T/sent"
    w recv "file:$T/log" | cmp - "$T/sent"
}

@test "5 MB through a Unix socket" {
    needs_scheme unix
    for type in stream seqpacket; do
        through "unix:$T/s?type=$type&listen" "unix:$T/s?type=$type"
        [ ! -e "$T/s" ]
    done
    through "unix:@wye-e2e-$$?listen" "unix:@wye-e2e-$$"
}

@test "5 MB through Unix datagrams" {
    needs_scheme unix
    through "unix:$T/s?type=dgram&listen" "unix:$T/s?type=dgram" --idle 1s
    [ ! -e "$T/s" ]
}

@test "5 MB through TCP" {
    needs_scheme tcp
    port=$(free_port)
    through "tcp://127.0.0.1:$port?listen" "tcp://127.0.0.1:$port"
}

@test "datagrams through UDP" {
    needs_scheme udp
    port=$(free_port)
    w recv --count 3 --lines --timeout 10s "udp://127.0.0.1:$port?listen" >"$T/got" &
    eventually grep -q ":$(printf %04X "$port") " /proc/net/udp
    seq 3 | w send --lines "udp://127.0.0.1:$port"
    wait $!
    [ "$(cat "$T/got")" = $'1\n2\n3' ]
}

@test "5 MB to a child process, and from one" {
    w send "exec:dd of=$T/got status=none?framing=raw" "$T/sent"
    cmp "$T/sent" "$T/got"
    w recv "exec:cat $T/sent?framing=raw" | cmp - "$T/sent"
}

@test "5 MB through a descriptor of the shell" {
    w send 'fd:1?framing=raw' "$T/sent" | w recv 'fd:0?framing=raw' | cmp - "$T/sent"
    w send fd:1 <"$T/sent" | w recv fd:0 | cmp - "$T/sent"
}

@test "a child that fails is not a success" {
    code=0
    w send 'exec:false' </dev/null 2>"$T/err" || code=$?
    [ "$code" = 6 ]
    grep -q false "$T/err"
}

@test "--count ends there, and the rest stays" {
    q=posix-mq:$(queue_name)
    seq 5 | w send --lines --create "$q"
    [ "$(w recv --count 3 --lines "$q")" = $'1\n2\n3' ]
    [ "$(w recv --idle 100ms --lines "$q")" = $'4\n5' ]
    w rm "$q"
}

@test "fewer than --count is 6" {
    seq 2 | w send --lines --create "file:$T/log"
    w mk "fifo:$T/f"
    seq 2 | w send --lines "fifo:$T/f" &
    check 6 recv --count 3 --lines "fifo:$T/f"
    [ "$(cat "$T/out")" = $'1\n2' ]
    grep -q '2 of 3' "$T/err"
}

@test "--idle ends with success when nothing comes" {
    w mk "fifo:$T/f"
    exec 7<>"$T/f"
    printf 'one\n' >&7
    check 0 recv --idle 300ms --lines "fifo:$T/f?framing=lines"
    exec 7>&-
    [ "$(cat "$T/out")" = one ]
    [ ! -s "$T/err" ]
}

@test "--follow waits at the end of a log" {
    seq 2 | w send --lines --create "file:$T/log"
    w recv --follow --count 4 --lines "file:$T/log" >"$T/got" &
    eventually grep -q 2 "$T/got"
    seq 3 4 | w send --lines "file:$T/log"
    wait $!
    [ "$(cat "$T/got")" = "$(seq 4)" ]
}

@test "--follow waits for the next writer of a FIFO, the next client of a socket" {
    w mk "fifo:$T/f"
    w recv --follow --count 4 --lines "fifo:$T/f" >"$T/got" &
    seq 2 | w send --lines "fifo:$T/f"
    sleep 0.2
    seq 3 4 | w send --lines "fifo:$T/f"
    wait $!
    [ "$(cat "$T/got")" = "$(seq 4)" ]
    has_scheme unix || return 0
    w recv --follow --count 4 --lines "unix:$T/s?listen" >"$T/got" &
    seq 2 >"$T/a"
    seq 3 4 >"$T/b"
    eventually w send --lines "unix:$T/s" "$T/a"
    eventually w send --lines "unix:$T/s" "$T/b"
    wait $!
    [ "$(cat "$T/got")" = "$(seq 4)" ]
}

@test "lines in, zero bytes out, and back" {
    q=posix-mq:$(queue_name)
    printf 'a b\nc\n' | w send --lines --create "$q"
    [ "$(w recv --idle 100ms -0 "$q" | xargs -0 printf '<%s>')" = '<a b><c>' ]
    printf 'x\ny\0z' | w send -0 "$q"
    w recv --idle 100ms -0 "$q" | cmp - <(printf 'x\ny\0z\0')
    w rm "$q"
}

@test "an empty line is an empty message" {
    printf 'a\n\nb\n' | w send --lines --create "file:$T/log"
    [ "$(w recv --json "file:$T/log" | jq -c .size)" = $'1\n0\n1' ]
}

@test "--json has the text, or base64 where it is not UTF-8, and priority or type" {
    q=posix-mq:$(queue_name)
    printf 'gr\xc3\xbc\xc3\x9fe' | w send --whole --priority 3 --create "$q"
    w recv --json --idle 100ms "$q" | jq -es 'length == 1 and .[0].text == "grüße" and .[0].priority == 3 and .[0].number == 1 and .[0].size == 7'
    for n in 1 2 3 4 5 6; do
        head -c "$n" <(printf '\xff\x00\x10\xfe\x80\x01') >"$T/part"
        w send --whole "$q" "$T/part"
        w recv --json --count 1 "$q" | jq -r .base64 | base64 -d | cmp - "$T/part"
    done
    w rm "$q"
    : >"$T/key"
    w mk "sysv-mq:$T/key#7"
    printf hello | w send --whole --type 5 "sysv-mq:$T/key#7"
    [ "$(w recv --json --idle 100ms --type 4 "sysv-mq:$T/key#7")" = "" ]
    w recv --json --count 1 --type 5 "sysv-mq:$T/key#7" | jq -e '.type == 5'
    w rm "sysv-mq:$T/key#7"
}

@test "a message that is too large is refused by its number, and nothing is cut" {
    q="posix-mq:$(queue_name)"
    w mk "$q?size=1K"
    head -c 1025 "$T/sent" >"$T/big"
    check 1 send --whole "$q" "$T/big"
    complains 1024
    { echo short; head -c 2000 /dev/zero | tr '\0' x; echo; } >"$T/lines"
    check 1 send --lines "$q" "$T/lines"
    complains 'message 2'
    [ "$(w recv --idle 100ms --lines "$q")" = short ]
    w rm "$q"
}

@test "--chunk cuts; what is missing to read is said" {
    head -c 10000 "$T/sent" >"$T/part"
    w send --chunk 4K --create "file:$T/log" "$T/part"
    [ "$(w recv --json "file:$T/log" | jq -c .size)" = $'4096\n4096\n1808' ]
    check 3 send "file:$T/log" "$T/none"
    complains "$T/none"
    check 1 send "file:$T/log" "$T"
    complains "$T"
}

@test "a reader of recv that leaves ends it quietly" {
    { code=0; w recv "exec:cat $T/sent?framing=raw" 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } | head -c 1 >/dev/null
    [ "$(cat "$T/code")" = 0 ]
    [ ! -s "$T/err" ]
}

@test "a full standard output, or a full disk, is an error of recv and of send" {
    code=0
    w recv "exec:cat $T/sent?framing=raw" >/dev/full 2>"$T/err" || code=$?
    [ "$code" = 1 ]
    : >"$T/out"
    complains 'No space left'
    needs unshare
    unshare -m mount -t tmpfs -o size=64k none "$BATS_TEST_TMPDIR" 2>/dev/null || skip "no mount namespace here"
    mkdir "$T/disk"
    export WYE T
    timeout 30 unshare -m bash -c '
        mount -t tmpfs -o size=64k none "$T/disk"
        "$WYE" recv "exec:cat $T/sent?framing=raw" >"$T/disk/got" 2>"$T/err1"; echo $? >"$T/code1"
        rm "$T/disk/got"
        "$WYE" send --chunk 10000 --create "file:$T/disk/log" "$T/sent" 2>"$T/err2"; echo $? >"$T/code2"
        "$WYE" recv "file:$T/disk/log" >"$T/log"; echo $? >"$T/code3"'
    [ "$(cat "$T/code1" "$T/code2" "$T/code3")" = $'1\n1\n0' ]
    grep -q 'No space left' "$T/err1"
    grep -q 'No space left' "$T/err2"
    # Records are whole or not there.
    size=$(stat -c %s "$T/log")
    [ "$size" -gt 0 ] && [ $((size % 10000)) = 0 ]
    cmp -n "$size" "$T/log" "$T/sent"
}

@test "a progress line on a terminal after two seconds, and never elsewhere" {
    needs script
    export WYE
    slow='for i in $(seq 30); do head -c 20000 /dev/zero; sleep 0.1; done'
    timeout 20 script -qec "bash -c '{ $slow; } | \$WYE send --chunk 16K \"exec:dd of=/dev/null status=none\"'" /dev/null >"$T/typed" </dev/null
    grep -q 'wye: send: .*/s' "$T/typed"
    bash -c "{ $slow; } | \$WYE send --chunk 16K 'exec:dd of=/dev/null status=none'" 2>"$T/err"
    [ ! -s "$T/err" ]
}
