# top: the model by --batch, the screen in a tmux of its own.
load ../tests/cli/helpers
load ../tests/cli/world

# ---- a screen: tmux with a server, a socket and a size of its own

screen() { # COLUMNS ROWS COMMAND: with a shell that has the command's exit code in $T/code afterwards
    export TMUX_TMPDIR=$T LC_ALL=C.UTF-8 server=$RANDOM
    unset TMUX
    tmux -u -L "$server" -f /dev/null new-session -d -x "$1" -y "$2" \
        "stty -a >$T/before; ${3:-}; echo \$? >$T/code; stty -a >$T/after; echo THE SHELL AGAIN; sleep 30"
}
keys() { tmux -L $server send-keys "$@"; }
size() { tmux -L $server resize-window -x "$1" -y "$2"; }
picture() { tmux -L $server capture-pane -p; }
shows() { picture >"$T/picture" && grep -qE -- "$1" "$T/picture"; }
hides() { picture >"$T/picture" && [ -s "$T/picture" ] && ! grep -qE -- "$1" "$T/picture"; }
# The command has ended with that code, and the terminal is as it was.
restored() {
    eventually test -s "$T/after"
    [ "$(cat "$T/code")" = "$1" ] || { echo "ended with $(cat "$T/code")"; return 1; }
    diff "$T/before" "$T/after"
    eventually shows "THE SHELL AGAIN"
    eventually hides "KIND"
}
kinds() { awk "/^KIND/ {on = 1; next} /^coverage/ {on = 0} on {print \$1}"; }
export -f kinds screen keys size picture shows hides restored
needs_screen() {
    needs tmux
    TERM=xterm "$WYE" top --help >/dev/null
    if TERM=dumb script -qec "$WYE top -n 1" /dev/null | grep -q "built without ncurses"; then skip "built without ncurses"; fi
}

@test "in batch: a header, what there is, and the coverage; look after look" {
    world '
        scene shm /frames
        scene mq /jobs
        scene msgrcv 0x77
        eventually sh -c "\"$WYE\" top --batch -n 1 >$T/out; grep -q waits $T/out"
        head -n 1 "$T/out" | grep -qE "^wye top [0-9:]{8}  look 1, every 1s, sorted as listed"
        sed -n 2p "$T/out" | grep -qE "^[0-9]+ processes, [0-9]+ objects, 1 waiting, "
        sed -n 3p "$T/out" | grep -q "posix-shm 1"
        grep -qE "^KIND  *ID/NAME  *OWNER  *SIZE  *USE  *HOLDERS  *AGE  *STATE  *CHANGE" "$T/out"
        grep -qE "^posix-shm  */frames .*64.0K .*factory\[[0-9]+\] .* held " "$T/out"
        grep -qE "^sysv-mq .*<- msgrcv factory\[[0-9]+\] .* waits " "$T/out"
        grep -q "^coverage: " "$T/out"
        [ "$("$WYE" top -b -n 3 --interval 20ms posix-mq | grep -c "^wye top ")" = 3 ]
        # No terminal: in batch by itself.
        [ "$("$WYE" top -n 1 posix-mq | kinds)" = posix-mq ]'
}

@test "what changes from look to look: new, how fast, held, let go, gone for one look" {
    world '
        "$WYE" top --json --interval 100ms posix-shm posix-mq >"$T/looks" &
        top=$!
        changed() { jq -e --arg n "$1" --arg c "$2" "any(.items[]; .name == \$n and .change == \$c)" "$T/looks" >"$T/any"; grep -q true "$T/any"; }
        eventually test -s "$T/looks"
        scene shm /frames
        eventually changed /frames new
        "$WYE" mk "posix-mq:/jobs?depth=10"
        eventually changed /jobs new
        sleep 0.3
        seq 5 | "$WYE" send --lines posix-mq:/jobs
        eventually sh -c "jq -se \"any(.[].items[]; .name == \\\"/jobs\\\" and .change == \\\"use\\\" and .rate > 1)\" $T/looks"
        kill -9 "$made"
        eventually changed /frames let_go
        rm /dev/shm/frames
        eventually changed /frames gone
        sleep 0.5
        kill "$top"
        wait "$top" || [ $? = 143 ]
        # Whole lines only: the last look may have been cut.
        [ "$(grep "}$" "$T/looks" | jq -r "select(any(.items[]; .change == \"gone\")) | .look" | wc -l)" = 1 ]
        jq -se "all(.[]; .schema == \"wye.top/1\" and (.coverage | has(\"processes\")))" <(grep "}$" "$T/looks")'
}

@test "sorted and left out as wye ls does it" {
    world '
        head -c 100000 /dev/zero >/dev/shm/large; echo x >/dev/shm/small; echo xx >/dev/shm/"middle one"
        names() { "$WYE" top -b -n 1 --json "$@" | jq -r "[.items[].name] | join(\",\")"; }
        [ "$(names posix-shm --sort size)" = "/large,/middle one,/small" ]
        [ "$(names posix-shm --sort name)" = "/large,/middle one,/small" ]
        [ "$(names posix-shm --filter "size<50")" = "/middle one,/small" ] || [ "$(names posix-shm --filter "size<50")" = "/small,/middle one" ]
        [ "$(names posix-shm --filter "size<50" --filter name~mid)" = "/middle one" ]
        [ "$(names posix-shm --user 12345)" = "" ]
        scene shm /mine
        [ "$(names --pid "$made" posix-shm)" = /mine ]
        "$WYE" top -b -n 1 --pid "$made" | head -n 1 | grep -q "only factory\[$made\]"
        "$WYE" top -b -n 1 --json --pid "$made" | jq -e --argjson p "$made" ".followed.pid == \$p and (.followed.ended | not)" >/dev/null'
}

@test "a followed process that ends is told to have ended" {
    world '
        scene shm /mine
        "$WYE" top --json --interval 50ms --pid "$made" >"$T/looks" &
        eventually test -s "$T/looks"
        kill -9 "$made"
        ended() { jq -e ".followed.ended" "$T/looks" >"$T/any"; grep -q true "$T/any"; }
        eventually ended'
}

@test "deadlocks and limits that are near are in the header; top itself is marked" {
    world '
        echo 32000 1024000000 500 2 >/proc/sys/kernel/sem || exit 77
        ipcmk -S 1 >/dev/null; ipcmk -S 1 >/dev/null
        flock "$T/a" -c "touch $T/1; until [ -e $T/2 ]; do sleep 0.02; done; exec flock $T/b true" &
        flock "$T/b" -c "touch $T/2; until [ -e $T/1 ]; do sleep 0.02; done; exec flock $T/a true" &
        told() { "$WYE" top -b -n 1 >"$T/out"; grep -qE "1 DEADLOCK, [0-9]+ near limits:.* SEMMNI 100%" "$T/out"; }
        eventually told
        "$WYE" top -b -n 1 pipe | cat >"$T/out"
        grep -q "self" "$T/out"
        "$WYE" top -n 1 --json | jq -e ".deadlocks == 1 and any(.near_limits[]; .name == \"SEMMNI\")" >/dev/null'
}

@test "it ends with who reads it, after Ctrl-C, and at wrong arguments" {
    "$WYE" top --interval 20ms pipe | head -n 1 >/dev/null
    set -m
    "$WYE" top --interval 50ms pipe >"$T/out" &
    top=$!
    eventually test -s "$T/out"
    kill -INT "$top"
    ended "$top"
    [ "$code" = 130 ]
    check 2 top nonsense
    complains nonsense
    check 2 top --sort nonsense
    complains nonsense
    check 2 top --filter nonsense
    complains nonsense
    check 2 top --interval 1ns
    complains
    check 3 top --pid 4194303
    complains "no such process"
    code=0
    w top -n 1 >/dev/full 2>"$T/err" || code=$?
    [ "$code" = 1 ]
}

@test "looking again and again sees what a look at everything sees" {
    world '
        scene attached 0x5151 2 0; scene shm-unlinked /gone; scene eventfds; scene pipe; scene lock "$T/l" flock
        scene listen "$T/s"; scene shm-in-flight /flying; scene memfd pages; scene fifo-thread /dev/shm/f 2>/dev/null || true
        same() {
            "$WYE" top --json -n 12 --interval 20ms | tail -n 1 |
                jq -S "[.items[] | select(.kind != \"pipe\") | {kind, name, use, held, holders: ([.holders[] | select(.comm == \"factory\") | {pid, via, fd, mode}] | sort), size, allocated}]" >"$T/top"
            look ls --json | jq -S "[.items[] | select(.kind != \"pipe\") | {kind, name, use, held, holders: ([.holders[] | select(.comm == \"factory\") | {pid, via, fd, mode}] | sort), size, allocated}]" >"$T/ls"
            [ "$(jq length "$T/ls")" -gt 8 ] && diff "$T/top" "$T/ls"
        }
        eventually same'
}

@test "what others change of a process that sleeps is seen at the next look" {
    world '
        cat >"$T/sleeper.py" <<"PY"
import os, signal, socket, time, sys
e = os.eventfd(0)
a, b = socket.socketpair(socket.AF_UNIX)
fd = os.memfd_create("grows")
if os.fork() == 0:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    b.close()
    open(sys.argv[1] + "/child", "w").write(str(os.getpid()))
    while True: signal.pause()
a.close()
sys.stdin.readline()
os.write(e, (7).to_bytes(8, "little"))
socket.send_fds(b, [b"x"], [0])
os.ftruncate(fd, 1 << 20)
os._exit(0)
PY
        mkfifo "$T/go"
        python3 "$T/sleeper.py" "$T" <"$T/go" &
        exec 9>"$T/go"
        eventually test -s "$T/child"
        child=$(cat "$T/child")
        "$WYE" top --json --interval 50ms >"$T/looks" &
        eventually test -s "$T/looks"
        sleep 0.3
        echo now >&9
        kill -USR1 "$child"
        seen() {
            jq -c --argjson p "$child" "[.items[] | select(any(.holders[]; .pid == \$p))] |
                [any(.kind == \"eventfd\" and .facts.count == 7), any(.facts.descriptors_in_flight == 1), any(.kind == \"memfd\" and .size == 1048576), any(.kind == \"signal\")]" "$T/looks" >"$T/any"
            grep -q "\[true,true,true,true\]" "$T/any" || { tail -n 1 "$T/any"; return 1; }
        }
        eventually seen || { tail -n 1 "$T/any"; false; }'
}

@test "a look again costs a few system calls for each process that has not run, where a whole look costs thirty" {
    needs strace
    world '
        [ "$(cut -d" " -f3 /proc/1/schedstat)" -gt 0 ] || exit 77
        strace -o /dev/null true || exit 77
        calls() { strace -f -c -o "$T/calls" "$WYE" top -b -n "$1" --interval 10ms pipe >/dev/null; awk "\$NF == \"total\" {print \$4}" "$T/calls"; }
        again() { echo $((($(calls 18) - $(calls 2)) / 16)); }
        without=$(again)
        first=$(calls 1)
        for i in $(seq 100); do sleep 60 & done
        sleep 0.5
        with=$(again)
        echo "again: $without without and $with with a hundred sleepers; the first look: $first and $(calls 1)"
        [ $((with - without)) -gt 100 ]
        [ $((with - without)) -lt 800 ]'
}

# ---- the screen

@test "the screen shows the header, the titles and the rows, and q gives the terminal back" {
    needs_screen
    world '
        scene shm /frames
        screen 100 30 "$WYE top"
        eventually shows "^wye top [0-9:]{8}  [0-9]+ of [0-9]+, as listed"
        shows "^[0-9]+ processes, [0-9]+ objects, "
        shows "^KIND  *ID/NAME  *OWNER  *SIZE  *USE  *HOLDERS  *AGE  *STATE"
        shows "^posix-shm  */frames .*factory\[[0-9]+\]"
        shows "q: quit"
        keys q
        restored 0'
}

@test "keys sort, turn round, filter as one types, pause and help" {
    needs_screen
    world '
        head -c 9000 /dev/zero >/dev/shm/bbb; echo x >/dev/shm/aaa; echo x >/dev/shm/ccc
        order() { picture | grep -oE "/(aaa|bbb|ccc)" | paste -sd " "; }
        is() { [ "$(order)" = "$1" ]; }
        screen 100 30 "$WYE top posix-shm --interval 100ms"
        eventually shows "/aaa"
        keys ">" ">"
        eventually shows "[0-9], name"
        is "/aaa /bbb /ccc"
        keys r
        eventually is "/ccc /bbb /aaa"
        shows "name, reversed"
        keys r "s" "s"
        eventually shows "[0-9], size"
        eventually sh -c "tmux -L $server capture-pane -p | grep -E \"^posix-shm  */\" | head -n 1 | grep -q /bbb"
        keys "<"
        eventually shows "[0-9], owner"
        keys / b b
        eventually is /bbb
        shows "^/bb_"
        keys Enter
        eventually shows "with bb"
        keys Escape
        eventually shows "/ccc"
        keys / "size<50"
        eventually shows "where size<50"
        hides "/bbb"
        keys C-u
        eventually shows "/bbb"
        keys Escape p
        eventually shows PAUSED
        echo x >/dev/shm/later
        sleep 0.5
        hides /later
        keys p
        eventually shows /later
        keys h
        eventually shows "go through the rows"
        keys x
        eventually shows KIND
        keys q
        restored 0'
}

@test "Enter shows who holds an object, again all that the process has, and Escape leads back" {
    needs_screen
    world '
        scene attached 0x5151 1 0
        scene shm /frames
        screen 100 30 "$WYE top --interval 100ms"
        eventually shows "/frames"
        keys / f r a m e s Enter
        eventually shows "with frames"
        keys Enter
        eventually shows "posix-shm /frames  owner .* mode 0600"
        shows "^ *$made factory  *fd "
        keys Escape
        eventually hides "mode 0600"
        keys Escape
        eventually shows "^sysv-shm .* key "
        keys / f r a m e s Enter Enter
        eventually shows "mode 0600"
        keys Enter
        eventually shows "only factory\[$made\] of "
        eventually hides "^sysv-shm .* key "
        kill -9 "$made"
        eventually shows "which has ended"
        keys Escape
        eventually hides "only factory"
        keys q
        restored 0'
}

@test "new rows are marked, and gone ones stay for one look" {
    needs_screen
    world '
        screen 120 30 "$WYE top posix-shm --interval 1s"
        eventually shows KIND
        echo x >/dev/shm/x
        eventually shows "/x .* new"
        eventually hides " new"
        rm /dev/shm/x
        eventually shows "/x .* gone"
        eventually hides "/x"
        keys q
        restored 0'
}

@test "it follows the size of the terminal, down to 20 by 5 and less" {
    needs_screen
    world '
        scene shm /frames
        screen 80 24 "$WYE top posix-shm --interval 100ms"
        eventually shows "/frames .* held"
        wide() { [ "$(picture | wc -L)" -le "$1" ]; }
        for s in "40 10" "20 5" "120 40" "1 1" "10 3" "80 24"; do
            size ${s% *} ${s#* }
            sleep 0.3
            wide "${s% *}"
        done
        eventually shows "/frames .* held"
        size 20 5
        eventually shows "^KIND"
        eventually shows "^posix-shm"
        hides "OWNER"
        keys Enter
        size 80 24
        eventually shows "mode 0600"
        keys q
        restored 0'
}

@test "Ctrl-C, SIGTERM, and a stop in between leave the terminal as it was" {
    needs_screen
    world '
        screen 80 24 "$WYE top"
        eventually shows KIND
        keys C-c
        restored 130
        tmux -L $server kill-server; rm "$T/after"
        screen 80 24 "sh -c \"echo \\\$\\\$ >$T/pid; exec $WYE top\""
        eventually shows KIND
        kill -TERM "$(cat "$T/pid")"
        restored 143
        tmux -L $server kill-server
        screen 80 24 "PS1=READY- bash --norc -i"
        eventually shows "READY-"
        keys "stty -a >$T/s1; $WYE top" Enter
        eventually shows KIND
        keys C-z
        eventually shows "Stopped"
        hides "KIND"
        keys "stty -a >$T/s2; fg" Enter
        eventually shows KIND
        keys q
        eventually hides KIND
        keys "stty -a >$T/s3; echo THE END" Enter
        eventually shows "^THE END"
        diff "$T/s1" "$T/s2"
        diff "$T/s1" "$T/s3"'
}

@test "names of others cannot write on the screen, and wide ones do not break its columns" {
    needs_screen
    world '
        : >"$(printf "/dev/shm/a\033[2Jb")"; : >"$(printf "/dev/shm/n\nl")"; : >/dev/shm/日本語の名前; : >"$(printf "/dev/shm/c1\302\205x")"
        screen 80 24 "$WYE top posix-shm"
        eventually shows "/a.x1b.2Jb .* -"
        shows "/n.x0al .* -"
        shows "/日本語の名前 .* -"
        # All states begin in the same column of the screen: two for each wide character.
        python3 - "$T/picture" <<"PY"
import sys, unicodedata
at = set()
for line in open(sys.argv[1], encoding="utf-8"):
    if not line.startswith("posix-shm  "): continue
    cells = "".join(c + ("\0" if unicodedata.east_asian_width(c) in "WF" else "") for c in line.rstrip("\n"))
    at.add(cells.rstrip().rindex(" -"))
assert len(at) == 1, at
PY
        keys q
        restored 0'
}

@test "NO_COLOR: no colours; a terminal that cannot be drawn on, or is not known, is named" {
    needs_screen
    world '
        echo x >/dev/shm/x
        screen 80 24 "NO_COLOR=1 $WYE top"
        eventually shows KIND
        tmux -L $server capture-pane -pe >"$T/colours"
        not grep -qE "$(printf "\033")\[([0-9;]*;)?(3[0-7]|4[0-7]|38|48)[;m]" "$T/colours"
        keys q
        restored 0
        tmux -L $server kill-server; rm "$T/after"
        screen 80 24 "$WYE top"
        eventually shows KIND
        tmux -L $server capture-pane -pe >"$T/colours"
        grep -qE "$(printf "\033")\[([0-9;]*;)?3[0-7]m" "$T/colours"
        keys q
        restored 0'
    for term in dumb no-such-terminal; do
        TERM=$term script -qec "$WYE top; echo code=\$?" /dev/null >"$T/out" </dev/null
        grep -q "wye: top: .*\"$term\".*wye top --batch" "$T/out"
        grep -q "code=3" "$T/out"
    done
}

@test "a terminal that goes away ends it" {
    needs_screen
    world '
        screen 80 24 "sh -c \"echo \\\$\\\$ >$T/pid; exec $WYE top\""
        eventually shows KIND
        pid=$(cat "$T/pid")
        tmux -L $server kill-server
        gone() { not kill -0 "$pid"; }
        eventually gone'
}
