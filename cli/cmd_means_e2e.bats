# means: one table, in four shapes; and long pages go through a pager, on a terminal only.
load ../tests/cli/helpers

@test "a row a means, in every shape" {
    n=$(w means --json | jq '.means | length')
    [ "$n" -ge 7 ]
    [ "$(w means | wc -l)" = $((n + 1)) ]
    [ "$(w means --no-headings | wc -l)" = "$n" ]
    [ "$(w means --long | wc -l)" = $((n + 1)) ]
    [ "$(w means --markdown | wc -l)" = $((n + 2)) ]
}

@test "every means has its traits, a summary and an example that is accepted" {
    w means --json | jq -e 'all(.means[]; .name and .scheme and .timing and .direction and .relation and .summary and .example)'
    w means --json | jq -r '.means[] | "\(.scheme) \(.example)"' | while read -r scheme example; do
        case $example in "$scheme:"*) ;; *) echo "$scheme: $example"; false ;; esac
        # A dry run changes nothing. What is not there, or has no name, is refused for that, and for nothing else.
        w rm --dry-run "$example" >"$T/out" 2>"$T/err" </dev/null || {
            [ "$(wc -l <"$T/err")" = 1 ]
            [ "$(grep -cE 'unknown parameter|write it as' "$T/err")" = 0 ] || { cat "$T/err"; false; }
        }
    done
}

@test "the list of means: the classic ones are there, each once" {
    w means --json | jq -r '.means[].scheme' >"$T/schemes"
    [ "$(sort "$T/schemes" | uniq -d)" = "" ]
    for scheme in file sysv-mq posix-mq pipe fifo fd exec; do grep -qx "$scheme" "$T/schemes"; done
    w help uri >"$T/uris"
    while read -r scheme; do grep -q "^    $scheme:" "$T/uris"; done <"$T/schemes"
}

@test "--json and --markdown exclude each other" {
    check 2 means --json --markdown
    complains markdown
}

@test "the titles are bold on a terminal and nowhere else" {
    needs script
    export WYE
    PAGER=cat TERM=xterm timeout 10 script -qec '"$WYE" means' /dev/null </dev/null | grep -q $'\x1b\\[1mMEANS'
    [ "$(TERM=dumb timeout 10 script -qec '"$WYE" means' /dev/null </dev/null | grep -c $'\x1b\\[1m' || true)" = 0 ]
    [ "$(NO_COLOR=1 TERM=xterm timeout 10 script -qec '"$WYE" means' /dev/null </dev/null | grep -c $'\x1b\\[1m' || true)" = 0 ]
}

@test "a page longer than the terminal goes through PAGER; never without a terminal" {
    needs script
    printf '#!/bin/sh\necho paged\ncat\n' >"$T/pager"
    chmod +x "$T/pager"
    export WYE PAGER="$T/pager" TERM=xterm
    timeout 10 script -qec 'stty rows 5; "$WYE" means' /dev/null </dev/null >"$T/typed"
    grep -q paged "$T/typed"
    grep -q FIFO "$T/typed"
    # It fits.
    timeout 10 script -qec 'stty rows 100; "$WYE" means' /dev/null </dev/null >"$T/typed"
    [ "$(grep -c paged "$T/typed" || true)" = 0 ]
    [ "$(w means | grep -c paged || true)" = 0 ]
    # No such pager: the page is shown all the same, without a word.
    PAGER=/no/such/pager timeout 10 script -qec 'stty rows 5; "$WYE" means' /dev/null </dev/null >"$T/typed"
    grep -q FIFO "$T/typed"
    # A pager that leaves at once.
    PAGER=true timeout 10 script -qec 'stty rows 5; "$WYE" means; echo code=$?' /dev/null </dev/null | grep -q 'code=0'
}
