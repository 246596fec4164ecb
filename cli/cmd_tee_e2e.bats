# tee, with files, FIFOs, readers that leave and targets that fail.
load ../tests/cli/helpers

setup() { random_file "$T/sent" 5000000; }

@test "three files, a URI and standard output get everything" {
    w mk "fifo:$T/f"
    cat "$T/f" >"$T/d" &
    reader=$!
    # shellcheck disable=SC2002
    cat "$T/sent" | w tee "$T/a" "$T/b" "$T/c" "fifo:$T/f?framing=raw" | cmp - "$T/sent"
    wait "$reader"
    for copy in a b c d; do cmp "$T/sent" "$T/$copy"; done
}

@test "the input may be a file, the output too" {
    w tee "$T/a" <"$T/sent" >"$T/b"
    cmp "$T/sent" "$T/a"
    cmp "$T/sent" "$T/b"
}

@test "an output opened for appending gets everything" {
    w tee "$T/a" <"$T/sent" >>"$T/b"
    cmp "$T/sent" "$T/b"
    # shellcheck disable=SC2002
    cat "$T/sent" | w tee >>"$T/c"
    cmp "$T/sent" "$T/c"
}

@test "no target: a plain copy; nothing in, nothing out" {
    w tee <"$T/sent" | cmp - "$T/sent"
    # shellcheck disable=SC2002
    cat "$T/sent" | w tee | cmp - "$T/sent"
    w tee "$T/a" </dev/null | cmp - /dev/null
    [ -e "$T/a" ] && [ ! -s "$T/a" ]
}

@test "--append keeps what is there" {
    echo one >"$T/a"
    echo two | w tee --append "$T/a"
    echo three | w tee -a "$T/a"
    [ "$(cat "$T/a")" = $'one\ntwo\nthree' ]
    echo four | w tee "$T/a"
    [ "$(cat "$T/a")" = four ]
}

@test "a target that fails is named; the others complete, and the code is 1" {
    for input in pipe file; do
        code=0
        if [ $input = pipe ]; then
            # shellcheck disable=SC2002
            cat "$T/sent" | w tee "$T/a" /dev/full "$T/b" >"$T/c" 2>"$T/err" || code=$?
        else
            w tee "$T/a" /dev/full "$T/b" <"$T/sent" >"$T/c" 2>"$T/err" || code=$?
        fi
        [ "$code" = 1 ]
        for copy in a b c; do cmp "$T/sent" "$T/$copy"; done
        [ "$(wc -l <"$T/err")" = 1 ]
        grep -q '/dev/full.*No space left' "$T/err"
    done
}

@test "a target that cannot be opened is named; the others complete" {
    code=0
    w tee "$T/none/x" "$T/a" <"$T/sent" >"$T/c" 2>"$T/err" || code=$?
    [ "$code" = 3 ]
    cmp "$T/sent" "$T/a"
    cmp "$T/sent" "$T/c"
    grep -q "$T/none/x" "$T/err"
}

@test "a reader of standard output that leaves is no error, and the files complete" {
    # shellcheck disable=SC2002
    { code=0; cat "$T/sent" | w tee "$T/a" "$T/b" 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } | head -c 1 >/dev/null
    cmp "$T/sent" "$T/a"
    cmp "$T/sent" "$T/b"
    [ "$(cat "$T/code")" = 0 ]
    [ ! -s "$T/err" ]
}

@test "a full standard output is 1, and the files complete" {
    code=0
    w tee "$T/a" <"$T/sent" >/dev/full 2>"$T/err" || code=$?
    [ "$code" = 1 ]
    cmp "$T/sent" "$T/a"
}

@test "a full disk: that copy ends, the other completes" {
    needs unshare
    unshare -m mount -t tmpfs -o size=64k none "$BATS_TEST_TMPDIR" 2>/dev/null || skip "no mount namespace here"
    mkdir "$T/disk"
    export WYE T
    timeout 30 unshare -m bash -c '
        mount -t tmpfs -o size=64k none "$T/disk"
        cat "$T/sent" | "$WYE" tee "$T/disk/x" "$T/a" 2>"$T/err" >"$T/b"; echo $? >"$T/code"'
    [ "$(cat "$T/code")" = 1 ]
    grep -q 'No space left' "$T/err"
    cmp "$T/sent" "$T/a"
    cmp "$T/sent" "$T/b"
}

@test "slow input reaches every target as it comes" {
    { echo one; sleep 3; } | w tee "$T/a" >"$T/b" &
    eventually grep -q one "$T/a"
    eventually grep -q one "$T/b"
    wait $!
}

@test "a queue is a target: no byte is lost, the messages fit" {
    head -c 20000 "$T/sent" >"$T/part"
    q="posix-mq:$(queue_name)"
    w tee --create "$q" <"$T/part" | cmp - "$T/part"
    w recv --idle 200ms "$q" | cmp - "$T/part"
    w rm "$q"
}
