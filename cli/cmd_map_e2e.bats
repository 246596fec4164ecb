# map: who is connected with whom, in each form.
load ../tests/cli/helpers
load ../tests/cli/world

@test "a pipe goes from its writers to its readers; memory is everybody's" {
    world '
        sleep 30 | cat >/dev/null & sleep 0.2
        scene attached 0x5151 1 0
        look map >"$T/map"
        grep -q "^sleep\[.* ──pipe pipe:.*──> cat\[[0-9]*\]$" "$T/map"
        grep -q "══sysv-shm .*══" "$T/map"'
}

@test "a graph has each process once, and says which way" {
    world '
        sleep 30 | cat >/dev/null & sleep 0.2
        look map --dot >"$T/dot"
        [ "$(grep -c "label=\"sleep\[" "$T/dot")" = 1 ]
        grep -q "dir=back" "$T/dot"
        ! command -v dot >/dev/null || dot -Tsvg "$T/dot" >/dev/null
        look map --mermaid >"$T/mermaid"
        head -1 "$T/mermaid" | grep -qx "graph LR"
        grep -q -- "-->" "$T/mermaid"
        look map --json | jq -e ".links | any(.gives and (.takes | not))" >/dev/null'
}

@test "only what is near a process" {
    world '
        sleep 30 | sleep 31 & sleep 0.2
        scene attached 0x5151 1 0
        look map --pid "$made" --json >"$T/near"
        jq -e --argjson p "$made" "any(.objects[]; .kind == \"sysv-shm\") and ([.links | group_by(.object)[] | any(.pid == \$p)] | all)" "$T/near"'
}

@test "a picture without dot(1) says how to get it" {
    PATH= run "$WYE" map --svg
    [ "$status" = 3 ]
    [[ $output == *graphviz* ]]
}

@test "hops without a process are refused" {
    run "$WYE" map --hops 2
    [ "$status" = 2 ]
    [[ $output == *--pid* ]]
}

@test "its ways of drawing are in the help, and exclude each other" {
    for way in tree dot mermaid svg json; do w map --help | grep -q "^    --$way "; done
    check 2 map --dot --json
    complains --json
}
