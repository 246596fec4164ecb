# completion: the scripts parse, and answer what a person would want after Tab.
load ../tests/cli/helpers

# What bash would offer for that line, `wye` being the command under test.
offers() {
    mkdir -p "$T/bin"
    ln -sf "$WYE" "$T/bin/wye"
    PATH=$T/bin:$PATH timeout 10 bash --norc -c '
        source <(wye completion bash)
        compopt() { :; }
        COMP_LINE=$1 COMP_POINT=${#1}
        _wye
        printf "%s\n" "${COMPREPLY[@]}"' - "$1"
}

@test "each script is one that its shell accepts" {
    for shell in bash zsh fish; do
        check 0 completion "$shell"
        command -v "$shell" >/dev/null || continue
        "$shell" -n "$T/out"
    done
    check 2 completion tcsh
    complains 'bash, zsh or fish'
    check 2 completion $'\x1b[31m'
    complains
    [ "$(grep -c $'\x1b' "$T/err" || true)" = 0 ]
}

@test "verbs" {
    [ "$(offers 'wye rel')" = relay ]
    [ "$(offers 'wye re' | sort | xargs)" = 'recv relay' ]
    diff <(offers 'wye ' | sort) <(w help | sed -n '/^Verbs:/,/^$/s/^    \([a-z]*\) .*/\1/p' | cat - <(echo version) | sort)
}

@test "options" {
    offers 'wye recv --' | grep -qx -- --follow
    [ "$(offers 'wye recv --fol')" = --follow ]
}

@test "schemes and live objects" {
    [ "$(offers 'wye recv fif')" = fifo: ]
    q=$(queue_name)
    w mk "posix-mq:$q"
    # Queues are listed where they are mounted.
    if [ -e "/dev/mqueue$q" ]; then [ "$(offers "wye recv posix-mq:$q")" = "$q" ]; fi
    w rm "posix-mq:$q"
}

@test "files where nothing else fits" {
    : >"$T/photo.jpg"
    [ "$(offers "wye send fifo:/x $T/pho")" = "$T/photo.jpg" ]
}

@test "a half word that is anything at all answers quietly" {
    for word in '' - -- 'fifo:' 'nonsense:x' '%' $'\x1b' ':::'; do
        w __complete -- recv "$word" 2>"$T/err" >/dev/null
        [ ! -s "$T/err" ]
    done
    w __complete -- 2>"$T/err" >/dev/null
    w __complete -- nosuchverb x
}
