# tour: the whole of it, here with a small file so that it is soon over.
load ../tests/cli/helpers

setup() {
    random_file "$T/film" 300000
    export TMPDIR=$T
    LIMIT=100
}

@test "every means carries the file, and nothing is left behind" {
    w tour "$T/film" >"$T/out"
    grep -q '^Left behind: nothing$' "$T/out"
    [ "$(grep -c ' equal ' "$T/out")" -ge 7 ]
    [ "$(ls "$T" | grep -c wye-tour || true)" = 0 ]
}

@test "--json: every means once or more, equal, with its figures" {
    w tour --json "$T/film" >"$T/out"
    jq -e '.schema == "wye.tour/1" and .left_behind == [] and .failed == 0 and .bytes == 300000' "$T/out"
    jq -e 'all(.rows[]; .equal)' "$T/out"
    jq -e '(.chapters | length) >= 8 and all(.chapters[]; .held and .nanoseconds > 0)' "$T/out"
    diff <(jq -r '.rows[].means | split(" ")[0]' "$T/out" | sort -u) <(w means --json | jq -r '.means[] | select(.data == "variable" and (.scheme | IN("sysv-shm", "posix-shm", "nats") | not)) | .scheme' | sort -u) # pages are a chapter; memory carries no messages; nats: needs a server, and has wye cluster demo
}

@test "what cannot be carried is said" {
    check 3 tour "$T/none"
    complains "$T/none"
    : >"$T/empty"
    check 1 tour "$T/empty"
    complains "$T/empty"
}

@test "Ctrl-C at any moment: 130, and nothing is left behind" {
    head -c 100000000 /dev/zero >"$T/long"
    set -m
    for moment in 0.2 0.4 0.6 0.8 1; do
        "$WYE" tour "$T/long" >"$T/out" 2>"$T/err" &
        pid=$!
        sleep "$moment"
        kill -INT -- "-$pid"
        ended "$pid"
        [ "$code" = 130 ]
        grep -q '^Left behind: nothing$' "$T/out"
        [ "$(ls "$T" | grep -c wye-tour || true)" = 0 ]
        [ "$(pgrep -cf "$T/wye-tour" || true)" = 0 ]
    done
}

@test "what others make meanwhile is theirs" {
    : >"$T/key"
    w tour "$T/film" >"$T/out" &
    pid=$!
    eventually grep -q '^file ' "$T/out"
    w mk "sysv-mq:$T/key#7" "posix-mq:$(queue_name)"
    ended "$pid"
    w rm "sysv-mq:$T/key#7" "posix-mq:$(queue_name)"
    [ "$code" = 0 ]
    grep -q '^Left behind: nothing$' "$T/out"
}
