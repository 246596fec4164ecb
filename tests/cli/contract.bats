# What every verb promises. A verb of `wye help` without a row in the table below is a failure.
load helpers

# verb | arguments that are enough (empty: none are needed; `-`: the verb takes no arguments at all)
table='means|-
advise|--lock
send|fifo:/nowhere
recv|fifo:/nowhere
relay|fifo:/nowhere fifo:/nowhere2
tee|-
pub|shm:nowhere
sub|shm:nowhere
put|shm:nowhere
take|shm:nowhere
call|shm:nowhere
serve|shm:nowhere -- true
mk|fifo:/nowhere
rm|fifo:/nowhere
ls|-
who|fifo:/nowhere
wait|-
map|-
orphans|-
clean|-
undo|-
watch|-
top|-
doctor|-
inspect|shm:nowhere
limits|-
explain|ENOSPC
sem|posix-sem:/nowhere -- true
lock|/nowhere/lock -- true
signal|wait USR1
run|true
quote|word
cluster|demo
bench|-
tour|-
completion|bash
help|*'

verbs() { "$WYE" help | sed -n '/^Verbs:/,/^$/s/^    \([a-z]*\) .*/\1/p'; }
rows() { echo "$table" | grep -v '|\*$'; }

@test "every verb of the help has a row here, and every row is a verb" {
    [ "$(verbs | sort)" = "$(echo "$table" | cut -d'|' -f1 | sort)" ]
}

@test "an unknown option ends with 2 and one line that names it" {
    while IFS='|' read -r verb enough; do
        [ "$enough" != - ] || enough=
        # shellcheck disable=SC2086
        check 2 "$verb" --no-such-thing $enough
        complains --no-such-thing
        complains "wye: $verb:"
    done < <(rows)
}

@test "--help ends with 0, examples before options, all on standard output" {
    while IFS='|' read -r verb _; do
        check 0 "$verb" --help
        [ ! -s "$T/err" ]
        grep -q "^wye $verb" "$T/out"
        examples=$(grep -n '^Examples:' "$T/out" | cut -d: -f1)
        options=$(grep -n '^Options:' "$T/out" | cut -d: -f1)
        [ "$examples" -lt "$options" ]
        w help "$verb" | grep -q "^    wye $verb\|source <(wye $verb\|wye $verb"
    done < <(rows)
}

@test "the page of help is the page of --help, but for --color" {
    while IFS='|' read -r verb _; do
        diff <(w help "$verb") <(w "$verb" --help | grep -v -- ' --color')
    done < <(rows)
}

@test "a missing argument ends with 2 and one line that shows what belongs there" {
    while IFS='|' read -r verb enough; do
        [ "$enough" != - ] || continue
        check 2 "$verb"
        complains "wye $verb"
    done < <(rows)
    check 2 relay fifo:/tmp/a
    complains "wye relay URI URI"
}

@test "one argument too many ends with 2 where there is a most" {
    for line in 'means x' 'send fifo:/a b c' 'recv fifo:/a b' 'relay fifo:/a fifo:/b c' 'tour a b' 'completion bash zsh'; do
        # shellcheck disable=SC2086
        check 2 $line
        complains
    done
}

@test "no verb: the overview on standard error and 2" {
    check 2
    [ ! -s "$T/out" ]
    grep -q '^Verbs:' "$T/err"
}

@test "a mistyped verb suggests the right one" {
    for pair in snd:send recieve:recv rellay:relay mean:means tuor:tour hlep:help; do
        check 2 "${pair%%:*}"
        complains "${pair%%:*}"
        [ "$pair" = recieve:recv ] || complains "did you mean \"${pair##*:}\""
    done
    check 2 xyzzyplugh
    complains "wye help"
}

@test "a mistyped option value is named" {
    check 2 recv --timeout 5parsecs fifo:/tmp/x
    complains "--timeout=5parsecs"
    check 2 recv --idle x fifo:/tmp/x
    complains "--idle=x"
    check 2 recv --count many fifo:/tmp/x
    complains many
    check 2 send --chunk 0 fifo:/tmp/x
    complains "--chunk=0"
    check 2 mk --mode 999 "fifo:$T/f"
    complains "--mode=999"
    check 2 means --color=sometimes
    complains "--color=sometimes"
    check 2 recv --lines --nul fifo:/tmp/x
    complains
    [ ! -e "$T/f" ]
}

# scheme | URI | what the message must name
bad_uris='
|nonsense|nonsense
|:/x|:/x
|fifp:/tmp/f|fifo
fifo|fifo:|no path
fifo|fifo:/tmp/f?framing=|framing
fifo|fifo:/tmp/f?framing=morse|morse
fifo|fifo:/tmp/f?max=much|much
fifo|fifo:/tmp/f?depth=3|depth
fifo|fifo:/tmp/f?max=1&max=2|max
fifo|fifo:/tmp/%zz|%
fifo|fifo:/tmp/a%00b|%00
fifo|fifo:/tmp/f#3|#
posix-mq|posix-mq:|name
posix-mq|posix-mq:/a/b|/
posix-mq|posix-mq:jobs|jobs
posix-mq|posix-mq:/jobs?depth=0|depth
posix-mq|posix-mq:/jobs?size=x|x
posix-mq|posix-mq:/jobs?dept=4|depth
sysv-mq|sysv-mq:|path
sysv-mq|sysv-mq:/etc/hostname|#
sysv-mq|sysv-mq:/etc/hostname#0|1 to 255
sysv-mq|sysv-mq:/etc/hostname#256|1 to 255
sysv-mq|sysv-mq:key=0|key
sysv-mq|sysv-mq:key=zebra|number
sysv-mq|sysv-mq:key=0x51#3|#
sysv-mq|sysv-mq:etc/hostname#3|path
sysv-mq|sysv-mq:/etc/hostname?type=0#7|type
posix-shm|posix-shm:/x?siz=1K|siz
file|file:|no path
file|file:/tmp/x?framing=raw|raw
file|file:/tmp/x?max=0|max
file|file:/tmp/x?from=middle|middle
file|file:/tmp/x?size=3|size
pipe|pipe:/x|no name
fd|fd:|descriptor
fd|fd:x|x
fd|fd:-1|-1
fd|fd:3?nope|nope
exec|exec:|program
exec|exec:cat?nope=1|nope
unix|unix:|unix:
unix|unix:/tmp/s?type=sequins|sequins
unix|unix:/tmp/s?lissten|listen
unix|unix:/tmp/s?listen=yes|listen
tcp|tcp://127.0.0.1|port
tcp|tcp:127.0.0.1:7000|//
tcp|tcp://127.0.0.1:70000|70000
tcp|tcp://127.0.0.1:http|http
tcp|tcp://::1:7000|brackets
tcp|tcp://[::1:7000|[
tcp|tcp://127.0.0.1:7000?listn|listen
udp|udp://127.0.0.1|port
udp|udp://127.0.0.1:x|x
'

@test "a bad URI ends with 2, and one line that names the part and shows a right one" {
    : >"$T/empty"
    wrong=0
    while IFS='|' read -r scheme uri part; do
        [ -n "$uri" ] || continue
        if [ -n "$scheme" ] && ! has_scheme "$scheme"; then continue; fi
        for verb in send recv; do
            if ! check 2 "$verb" --timeout 2s "$uri" || ! complains "$part" || ! complains "wye: $verb:"; then
                echo "    ^ $verb $uri"
                wrong=$((wrong + 1))
            fi
        done
    done <<<"$bad_uris"
    [ "$wrong" = 0 ]
}

@test "a right one is shown for a bad URI" {
    for uri in fifo: 'fifo:/tmp/f?framing=morse' 'posix-mq:/jobs?size=x' posix-mq:/a/b sysv-mq: sysv-mq:key=zebra file: pipe:/x fd:x exec:; do
        check 2 recv "$uri"
        grep -qE 'write it as|did you mean|takes|as fd:3' "$T/err" || { echo "$uri: $(cat "$T/err")"; false; }
    done
}

@test "mk, rm, relay and tee refuse a bad URI alike" {
    check 2 mk 'fifo:/tmp/f?framing=morse'
    complains morse
    for uri in posix-shm:frames posix-shm:/a/b posix-shm:/frames posix-shm:/x?size=0 sysv-shm:key=0?size=1 sysv-shm:key=0x51 'sysv-shm:/etc/hostname?size=1K#0'; do
        check 2 mk "$uri"
        complains "$uri"
    done
    check 2 rm 'posix-mq:/a/b'
    complains "wye: rm:"
    check 2 relay nonsense "fifo:$T/f"
    complains nonsense
    w mk "fifo:$T/f"
    check 2 relay "fifo:$T/f" 'fifo:/tmp/f?framing=morse'
    complains morse
    check 2 tee 'posix-mq:/a/b'
    complains "wye: tee:"
}

@test "a URI with escapes and newlines in it cannot write on the terminal" {
    check 2 recv $'fifo:/tmp/f?\x1b[31mred\nline'
    complains
    [ "$(grep -c $'\x1b' "$T/err" || true)" = 0 ]
    check 2 $'ver\x1bb\n'
    complains
    check 2 send $'--o\x1b[1mpt\nion' x
    complains
    [ "$(grep -c $'\x1b' "$T/err" || true)" = 0 ]
}

@test "data on standard output only, on every page" {
    for page in 'help' 'help uri' 'help exit' 'version' 'means' 'means --long' 'means --markdown' 'completion bash'; do
        # shellcheck disable=SC2086
        check 0 $page
        [ -s "$T/out" ]
        [ ! -s "$T/err" ]
    done
    check 2 help nothing-such
    complains nothing-such
}

@test "--json is a document with its schema" {
    w means --json | jq -e '.schema == "wye.means/1" and (.means | length > 5)'
    w mk "fifo:$T/f"
    w recv --json "fifo:$T/f" >"$T/out" &
    printf 'a\nb\n' | w send --json --lines "fifo:$T/f" 2>"$T/sent"
    wait $!
    jq -e '.schema == "wye.sent/1" and .messages == 2 and .bytes == 2' "$T/sent"
    jq -es 'length == 2 and all(.[]; .schema == "wye.message/1")' "$T/out"
}

@test "colour: none by default and with NO_COLOR or never; with always, even with NO_COLOR" {
    escapes() { grep -c $'\x1b' || true; }
    [ "$(w means | escapes)" = 0 ]
    [ "$(NO_COLOR=1 CLICOLOR_FORCE=1 w means | escapes)" = 0 ]
    [ "$(CLICOLOR_FORCE=1 w means | escapes)" != 0 ]
    [ "$(CLICOLOR_FORCE=1 w means --color=never | escapes)" = 0 ]
    [ "$(NO_COLOR=1 w means --color=always | escapes)" != 0 ]
    [ "$(w means --color=always --no-headings | escapes)" = 0 ]
    [ "$(w means --color=always --json | escapes)" = 0 ]
}

@test "standard output closed early ends quietly" {
    for page in 'help' 'help uri' 'means' 'means --json' 'means --long' 'completion bash' 'version'; do
        # shellcheck disable=SC2086
        { code=0; w $page 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } | head -c 1 >/dev/null
        [ ! -s "$T/err" ]
        [ "$(cat "$T/code")" = 0 ]
        # nobody reads at all
        { sleep 0.1; code=0; w $page 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } | true
        [ ! -s "$T/err" ]
        [ "$(cat "$T/code")" = 0 ]
    done
}

@test "a full standard output is an error of every page" {
    for page in 'help' 'help uri' 'means' 'means --json' 'means --long' 'completion bash' 'version'; do
        code=0
        # shellcheck disable=SC2086
        w $page >/dev/full 2>"$T/err" || code=$?
        : >"$T/out"
        [ "$code" = 1 ] || { echo "$page: $code"; false; }
        complains 'No space left'
    done
}

# A verb that waits, then gets a signal: `signalled SIGNAL CODE args...`
signalled() {
    local signal=$1 want=$2 code=0
    shift 2
    [ -p "$T/never" ] || mkfifo "$T/never"
    exec 6<>"$T/never"  # a FIFO that nobody writes to
    "$WYE" "$@" <&6 6>&- >"$T/out" 2>"$T/err" &
    local pid=$!
    eventually catches "$pid" "$(kill -l "$signal")"
    eventually resting "$pid"
    kill "-$signal" "$pid"
    wait "$pid" || code=$?
    if [ "$code" != "$want" ]; then echo "wye $*: exit code $code instead of $want"; cat "$T/err"; return 1; fi
    if [ "$(wc -l <"$T/err")" != 1 ]; then echo "wye $*: not one line of summary:"; cat "$T/err"; return 1; fi
}

@test "SIGINT ends with 130, SIGTERM with 143, with one line of summary" {
    w mk "fifo:$T/f" "fifo:$T/g"
    # Started in the background, a shell has SIGINT ignored; `set -m` gives the default back.
    set -m
    for pair in INT:130 TERM:143; do
        signalled "${pair%:*}" "${pair#*:}" recv "fifo:$T/f"
        signalled "${pair%:*}" "${pair#*:}" send "fifo:$T/f"
        signalled "${pair%:*}" "${pair#*:}" relay "fifo:$T/f" "fifo:$T/g"
        signalled "${pair%:*}" "${pair#*:}" tee "$T/copy"
    done
}

@test "a signal in the middle of a transfer: 130, and the socket is not left behind" {
    needs_scheme unix
    set -m
    signalled INT 130 recv "unix:$T/s?listen"
    [ ! -e "$T/s" ]
    w mk "fifo:$T/f"
    signalled TERM 143 relay "unix:$T/s?listen" "fifo:$T/f"
    [ ! -e "$T/s" ]
}

@test "a deadline that passes ends with 124" {
    w mk "fifo:$T/f"
    for verb in recv send; do
        check 124 "$verb" --timeout 200ms "fifo:$T/f"
        complains "wye: $verb:"
    done
    # Data came, and no more.
    exec 7<>"$T/f"
    check 124 recv --timeout 200ms "fifo:$T/f"
    exec 7>&-
}

@test "what is missing ends with 3" {
    check 3 recv "fifo:$T/none"
    complains "$T/none"
    check 3 send "fifo:$T/none"
    complains "$T/none"
    check 3 rm "fifo:$T/none"
    complains
    check 3 recv "posix-mq:$(queue_name)"
    complains
    : >"$T/key"
    check 3 recv "sysv-mq:$T/key#7"
    complains
    check 3 recv "file:$T/none"
    complains
    check 3 relay "fifo:$T/none" "fifo:$T/none"
    complains
    check 3 tour "$T/none"
    complains
    check 3 send fifo:/tmp "$T/none" || check 3 send "exec:cat" "$T/none"
    if has_scheme unix; then check 3 send "unix:$T/none" && complains; fi
    if has_scheme tcp; then check 3 send "tcp://127.0.0.1:1" && complains; fi
}

@test "what is denied ends with 4" {
    needs_root
    needs setpriv
    as_nobody() { timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups "$WYE" "$@" >"$T/out" 2>"$T/err" </dev/null; }
    mkdir -m 755 "$T/open"
    chmod 755 "$BATS_RUN_TMPDIR" "$(dirname "$T")" "$T"
    as_nobody version || skip "the command cannot be run as another user here"
    w mk --mode 0600 "fifo:$T/open/f" "posix-mq:$(queue_name)"
    : >"$T/key"
    w mk --mode 0600 "sysv-mq:$T/key#7"
    : >"$T/open/log"
    chmod 600 "$T/open/log"
    for uri in "fifo:$T/open/f" "posix-mq:$(queue_name)" "sysv-mq:$T/key#7" "file:$T/open/log"; do
        for verb in send recv; do
            code=0
            as_nobody "$verb" --timeout 2s "$uri" || code=$?
            [ "$code" = 4 ] || { echo "$verb $uri: $code: $(cat "$T/err")"; false; }
            complains
        done
    done
    code=0
    as_nobody mk "fifo:$T/open/other" || code=$?
    [ "$code" = 4 ]
    complains
    code=0
    as_nobody tee "$T/open/log" || code=$?
    [ "$code" = 4 ]
    complains "$T/open/log"
}

@test "what exists ends with 5" {
    : >"$T/key"
    for uri in "fifo:$T/f" "posix-mq:$(queue_name)" "sysv-mq:$T/key#7" "posix-shm:$(queue_name)?size=4K" "sysv-shm:$T/key?size=4K#7"; do
        check 0 mk "$uri"
        check 5 mk "$uri"
        complains
        check 0 mk --exist-ok "$uri"
        check 0 rm "$uri"
    done
}
