# quote: what it prints, a shell reads back exactly.
load ../tests/cli/helpers

@test "words come back through sh and bash" {
    words=('' 'a b' "it's" '$(id)' '`id`' '"' '\' $'a\nb' $'\xff\xfe' '~' '-n' '*' '[a,b]' '{a,b}' 'A=b' '!' while ';' $'\t')
    printf '%s\0' "${words[@]}" >"$T/expected"
    for shell in sh bash dash; do
        command -v "$shell" >/dev/null || continue
        "$shell" -c "printf '%s\\0' $(w quote -- "${words[@]}")" >"$T/got"
        cmp "$T/expected" "$T/got"
        "$shell" -c "printf '%s\\0' $(w quote -0 <"$T/expected")" >"$T/got"
        cmp "$T/expected" "$T/got"
    done
}

@test "plain words stay plain, on one line" {
    [ "$(w quote -- ls -l 'my file')" = "ls -l 'my file'" ]
    [ "$(w quote a)" = a ]
    [ "$(w quote -- '')" = "''" ]
}

@test "-0 reads words that end with a zero byte; the last may lack it" {
    [ "$(printf 'a b\0\0c' | w quote -0)" = "'a b' '' c" ]
    [ "$(w quote -0 </dev/null)" = '' ]
}

@test "neither words nor -0, or both, is wrong usage" {
    check 2 quote
    complains "wye quote"
    check 2 quote -0 word
    complains "wye quote"
}

@test "a round trip: the line runs the program with these words" {
    line=$(w quote -- "$WYE" run -- printf '%s\0' "it's" '$HOME' '')
    sh -c "$line" >"$T/got"
    printf '%s\0' "it's" '$HOME' '' | cmp - "$T/got"
}
