# docs/why-not-popen.md: what stands there is what happens.
: "${WYE:?set it to the built command}" "${EXAMPLE:?set it to the built examples/why_not_popen.cpp}"

setup() {
    top=$(realpath "$BATS_TEST_DIRNAME/..")
    page=$top/docs/why-not-popen.md
    T=$BATS_TEST_TMPDIR
    mkdir "$T/bin"
    ln -s "$(realpath "$WYE")" "$T/bin/wye"
    PATH=$T/bin:$PATH
}

# The blocks of one language, each into a file of its own.
blocks() { awk -v lang="$1" -v to="$T/$1" '/^```/ { if (inside) { inside = 0 } else { inside = ($0 == "```" lang); if (inside) n++ } next } inside { print > (to "." n) }' "$page"; }

@test "the shell examples print what stands behind #" {
    blocks sh
    [ -e "$T/sh.5" ]
    for block in "$T"/sh.*; do
        grep '^# ' "$block" | sed 's/^# //' >"$T/expected"
        code=0
        timeout 20 bash "$block" >"$T/got" || code=$?
        [ "$code" != 124 ]
        diff "$T/expected" "$T/got" || { cat "$block"; false; }
    done
}

@test "the C++ example is the one that is built, and prints what stands there" {
    blocks cpp
    diff "$T/cpp.1" "$top/examples/why_not_popen.cpp"
    blocks text
    timeout 20 "$EXAMPLE" | diff "$T/text.1" -
}
