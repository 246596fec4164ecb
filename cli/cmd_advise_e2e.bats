# advise: an answer with its reasons, what cannot be had, figures that are input, questions, and lines that run.
load ../tests/cli/helpers

setup() {
    export HOME=$T XDG_STATE_HOME=$T/state
}

# A file of figures in which the means given (name:p50:per_second) were measured at 64 and 65536 bytes.
figures() { # [--cpu TEXT] [--made TIME] name:p50:per_second...
    local cpu made
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    made=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    while true; do case ${1:-} in --cpu) cpu=$2 ;; --made) made=$2 ;; *) break ;; esac; shift 2; done
    printf '%s\n' "$@" | jq -R 'split(":") | {means: .[0], p50: (.[1] | tonumber), rate: (.[2] | tonumber)}' |
        jq -s --arg cpu "$cpu" --arg made "$made" --arg kernel "$(uname -r)" --argjson n "$(nproc)" '
            def row: {wait: null, parties: 2, rate: null, gap_ns: null, ns: null, p50: null, per_second: null, note: null};
            {schema: "wye.bench/1", made: $made, wye: "0.1.0", mode: "quick", complete: true,
             machine: {cpu: $cpu, processors: $n, kernel: $kernel},
             results: [.[] as $m | (64, 65536) as $size |
                 (row + {means: $m.means, workload: "latency", wait: "block", size: $size, p50: ($m.p50 * (if $size > 64 then 4 else 1 end))}),
                 (row + {means: $m.means, workload: "throughput", size: $size, per_second: $m.rate})]}'
}
answer() { w advise "$@" --json | jq -r '.answer.name'; }

@test "an answer has the reason, what hurts, the next, what is ruled out and why, and lines of both kinds" {
    check 0 advise --unrelated --both-ways
    [ ! -s "$T/err" ]
    grep -q '^unix: ' "$T/out"
    for part in 'strangers on one host, both ways' '^What hurts' '^It could also be' '^Ruled out' '^In C++' '^In a shell' 'wye bench'; do
        tr '\n' ' ' <"$T/out" | grep -q "$part" || grep -q "$part" "$T/out" || { echo "no $part"; false; }
    done
    grep -q 'fifo .*goes one way.*(asked: both ways)' "$T/out"
    w advise --unrelated --both-ways --all >"$T/whole"
    [ "$(wc -l <"$T/whole")" -gt "$(wc -l <"$T/out")" ]
    grep -q '^     posix-shm .*is memory' "$T/whole"
}

@test "the needs of the options reach the engine" {
    [ "$(answer --related)" = pipe ]
    [ "$(answer --related --both-ways)" = socketpair ]
    [ "$(answer --child --stdio)" = exec ]
    [ "$(answer --unrelated --files)" = fifo ]
    [ "$(answer --unrelated --many-to-one --priority --durable)" = posix-mq ]
    [ "$(answer --durable --by-type)" = sysv-mq ]
    [ "$(answer --many-to-one --one-to-many --durable=reboot --must-arrive)" = file ]
    [ "$(answer --one-to-many --other-user)" = pub-sub@unix ]
    [ "$(answer --latest)" = pub-sub@shm ]
    [ "$(answer --share-work --survive-kill --no-daemon)" = work-queue@shm ]
    [ "$(answer --ask)" = request@unix ]
    [ "$(answer --network --trusted)" = tcp ]
    [ "$(answer --network --trusted --may-lose)" = udp ]
    [ "$(answer --unrelated --network --trusted)" = tcp ]
    [ "$(answer --fds)" = unix ]
    [ "$(answer --in-place)" = posix-shm ]
    [ "$(answer --lock)" = lock ]
    [ "$(answer --at-most --survive-kill --other-user)" = sysv-sem ]
    [ "$(answer --event --poll)" = signal ]
    if has_scheme tls; then [ "$(answer --network)" = tls ]; fi
}

@test "needs that conflict are named, with what comes nearest, and 1" {
    check 1 advise --network --many-to-one --priority --durable
    [ ! -s "$T/err" ]
    grep -q '^No means has all of this at once: another host, kept whatever process dies, the urgent first\.' "$T/out"
    grep -q -- '--network, --durable=crash, --priority' "$T/out"
    grep -q 'work-queue@nats  *knows no priorities' "$T/out"
    check 1 advise --network --many-to-one --priority --durable --json
    jq -e '.answer == null and (.conflict | map(.option)) == ["--network", "--durable=crash", "--priority"]' "$T/out"
    # Nothing that a shell would run.
    check 1 advise --network --many-to-one --priority --durable --shell
    [ ! -s "$T/out" ]
    grep -q 'No means' "$T/err"
}

@test "--json is one document: the needs, the answer, the rest with reasons" {
    w advise --unrelated --size=4K --json >"$T/out"
    jq -e '.schema == "wye.advise/1" and .size == 4096 and .figures == null and .conflict == []' "$T/out"
    jq -e '.answer | .name and .uri and .why and (.hurts | length > 0) and (.cpp | test("wye::")) and (.shell | test("wye "))' "$T/out"
    jq -e 'all(.ruled_out[]; (.reasons | length > 0) and all(.reasons[]; .need != "" and .why != ""))' "$T/out"
    jq -e '(.runners_up | length > 0) and all(.runners_up[]; .why_later != "")' "$T/out"
    jq -e '.needs | map(.option) == ["--unrelated", "--size=4096"]' "$T/out"
}

@test "wrong options end with 2 and one line" {
    check 2 advise
    complains 'wye advise --unrelated'
    for pair in '--size=big:--size=big' '--size=0:--size=0' '--rate=fast:--rate=fast' '--rate=-1:--rate' '--durable=always:absent, crash, reboot or host' \
        '--related --child:exclude' '--related --network:exclude' '--ask --lock:exclude' '--latest --must-arrive:exclude' '--share-work --one-to-many:exclude' \
        '--files --stdio:exclude' '--one-way --both-ways:exclude' '--trusted:--network' '--lock --json --shell:--json' '--lock stray:stray'; do
        # shellcheck disable=SC2086
        check 2 advise ${pair%%:*}
        complains "${pair#*:}" || { echo "$pair"; false; }
    done
}

@test "without figures that is said; with figures the fastest of those that fit alike comes first" {
    check 0 advise --unrelated
    grep -q '^fifo: ' "$T/out"
    tr '\n' ' ' <"$T/out" | grep -q "there is no $T/state/wye/bench.json"
    [ "$(grep -cE '[0-9] (ns|us|ms) at' "$T/out")" = 0 ]
    mkdir -p "$T/state/wye"
    figures unix:5000:800000 shm:300:20000000 fifo:7000:900000 >"$T/state/wye/bench.json"
    check 0 advise --unrelated
    grep -q '^shm: ' "$T/out"
    tr '\n' ' ' <"$T/out" | grep -q 'Measured: latency, 300 ns at 64 B; up to 20,000,000 messages a second'
    grep -qE '^ +unix +5.0 us at 64 B +as fit, and slower here' "$T/out"
    [ "$(grep -c 'Mind that' "$T/out")" = 0 ]
    # Between the sizes, and beyond them.
    w advise --unrelated --size=2K | tr '\n' ' ' | grep -q '600 ns at 2.0 KiB, between 64 B and 64.0 KiB'
    w advise --unrelated --size=512K | tr '\n' ' ' | grep -q 'the nearest that was measured'
}

@test "a rate that a means was not measured to reach rules it out, with the figure" {
    figures unix:5000:800000 fifo:7000:900000 shm:300:20000000 >"$T/f.json"
    [ "$(answer --unrelated --other-user --figures "$T/f.json" --rate=850K)" = fifo ]
    w advise --unrelated --other-user --figures "$T/f.json" --rate=850K --all | grep -q 'unix .*was measured at 800,000 messages a second here (asked: 850000 messages a second)'
    # Not measured: not claimed, and said.
    w advise --network --trusted --figures "$T/f.json" --rate=1M | tr '\n' ' ' | grep -q 'whether it is fast enough for that rate is not known'
}

@test "figures of another machine, old ones and half ones are said" {
    figures --cpu 'Z80 at 4 MHz' unix:5000:800000 >"$T/f.json"
    w advise --unrelated --figures "$T/f.json" | tr '\n' ' ' | grep -q 'another machine (Z80 at 4 MHz'
    figures --made 2024-01-01T00:00:00Z unix:5000:800000 >"$T/f.json"
    w advise --unrelated --figures "$T/f.json" | tr '\n' ' ' | grep -qE 'they are [0-9]+ days old'
    figures unix:5000:800000 | jq '.complete = false' >"$T/f.json"
    w advise --unrelated --figures "$T/f.json" | tr '\n' ' ' | grep -q 'ended early'
    w advise --unrelated --figures "$T/f.json" --json | jq -e '.figures.said | length == 1'
}

@test "rounds that were far apart are said" {
    figures unix:5000:800000 fifo:6000:900000 | jq '.results[].spread = 3.5' >"$T/f.json"
    w advise --unrelated --other-user --figures "$T/f.json" >"$T/out"
    tr '\n' ' ' <"$T/out" | grep -q 'latency, 5.0 us at 64 B (rounds 350 % apart)'
    grep -qE '^ +fifo .*as fit, and as fast here as can be told' "$T/out"
}

@test "figures that are broken are an error with the place in it, and no answer" {
    figures unix:5000:800000 >"$T/good.json"
    broken() { # FILTER WHAT
        jq "$1" "$T/good.json" >"$T/f.json"
        check 1 advise --unrelated --figures "$T/f.json"
        complains "$2"
        complains "$T/f.json"
    }
    broken '.schema = "wye.bench/9"' 'wye.bench/9'
    broken 'del(.schema)' 'the document.schema is no text'
    broken '.results = 3' 'results is no list'
    broken '.results[1].means = 3' 'results[1].means is no text'
    broken '.results[0].p50 = "fast"' 'results[0].p50 is no number'
    broken '.results[0].p50 = -1' 'results[0].p50 is -1'
    broken '.results[0] = 7' 'results[0] is no object'
    broken 'del(.machine)' 'machine is no object'
    broken '.made = "yesterday"' 'yesterday'
    broken '[1]' 'no object of JSON'
    printf '\033[31m{"schema"' >"$T/f.json"
    check 1 advise --unrelated --figures "$T/f.json"
    complains 'no JSON'
    check 3 advise --unrelated --figures "$T/none.json"
    complains "$T/none.json"
    # So is the one that is kept: nothing is passed over in silence.
    mkdir -p "$T/state/wye"
    : >"$T/state/wye/bench.json"
    check 1 advise --unrelated
    complains 'no JSON'
}

# The command on a terminal, its standard output in a file: `typed KEYS...`, each when a question stands there.
typed() {
    needs python3
    timeout 30 python3 - "$WYE" "$T" "$@" <<'PY'
import os, pty, select, subprocess, sys, time
wye, place, *keys = sys.argv[1:]
main, side = pty.openpty()
out = open(place + "/out", "wb")
p = subprocess.Popen([wye, "advise"], stdin=side, stdout=out, stderr=side, start_new_session=True,
                     preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0))
os.close(side)
seen, end = b"", time.monotonic() + 20
def read():
    global seen
    if select.select([main], [], [], 0.1)[0]:
        try: seen += os.read(main, 4096)
        except OSError: pass
for key in keys:
    at = len(seen)
    while not seen[at:].rstrip().endswith(b"[1]") and p.poll() is None and time.monotonic() < end: read()
    if p.poll() is None: os.write(main, {"^C": b"\x03", "^D": b"\x04"}.get(key, key.encode() + b"\n"))
while p.poll() is None and time.monotonic() < end: read()
read()
if p.poll() is None: p.kill(); print("never ended")
open(place + "/screen", "wb").write(seen)
open(place + "/code", "w").write(str(p.wait()))
PY
}

@test "on a terminal it asks, and only what still matters" {
    typed 1 1 1 2 '' '' '' '' '' '' '' '' '' '' ''
    [ "$(cat "$T/code")" = 0 ] || { cat "$T/screen"; false; }
    grep -q '^unix: ' "$T/out"
    grep -q 'What is it for?' "$T/screen"
    # Only locks are left: no question about sizes or directions.
    typed 4 1 '' '' '' '' '' '' '' ''
    grep -q '^lock: ' "$T/out"
    [ "$(grep -cE 'How large|come back\?$|both ways|urgent' "$T/screen")" = 0 ] || { cat "$T/screen"; false; }
    # One that is no answer is asked again.
    typed 9 x 4 '' '' '' '' '' ''
    grep -q '"9": write 1 to 6' "$T/screen"
    grep -q '"x": write 1 to 6' "$T/screen"
    grep -q '^lock: ' "$T/out"
}

@test "q and the end of input leave with 0, Ctrl-C with 130; nothing is on standard output" {
    for pair in q:0 ^D:0 ^C:130; do
        typed 1 "${pair%:*}"
        [ "$(cat "$T/code")" = "${pair#*:}" ] || { echo "$pair: $(cat "$T/code")"; cat "$T/screen"; false; }
        [ ! -s "$T/out" ]
    done
}

@test "--cpp and --shell print the lines and nothing else" {
    check 0 advise --unrelated --both-ways --cpp
    head -n 1 "$T/out" | grep -q '^// '
    grep -q '^#include <wye/wye.hpp>' "$T/out"
    [ ! -s "$T/err" ]
    check 0 advise --lock --shell
    grep -q '^for _ in .* wye lock' "$T/out"
    [ "$(grep -c -- '----' "$T/out")" = 0 ]
}

# What a file of examples/advise-shell claims of its lines: the file is the one whose sentence stands last in $1.
claims() {
    local f n at=0 found
    for f in "$BATS_TEST_DIRNAME"/../examples/advise-shell/*.sh; do
        n=$(grep -nxF -- "$(head -n 1 "$f")" "$1" | cut -d : -f 1)
        if [ "${n:-0}" -gt "$at" ]; then at=$n found=$f; fi
    done
    sed '1,/^# ----/d' "$found"
}

# The lines in $T/lines and what is claimed of them, in an empty directory.
runs() { # WHAT
    claims "$T/lines" >>"$T/lines"
    grep -q '^test\|cmp\|^grep' "$T/lines"
    mkdir "$T/place"
    code=0
    (cd "$T/place" && timeout 30 sh -eu "$T/lines" >"$T/said" 2>&1 </dev/null) || code=$?
    [ "$code" = 0 ] || [ "$code" = 77 ] || { echo "$1: $code"; cat "$T/lines" "$T/said"; false; }
    rm -rf "$T/place"
}

@test "what is printed for a shell runs, for every means and every pattern over one" {
    export PATH="$(dirname "$WYE"):$PATH"
    w advise --json --unrelated | jq -r '.answer.name, .runners_up[].name, .ruled_out[].name' >"$T/all"
    [ "$(wc -l <"$T/all")" -ge 30 ]
    while read -r name; do
        w advise --of "$name" --shell >"$T/lines"
        runs "$name"
    done <"$T/all"
    # Those that a need brings in.
    for needs in --fds '--unrelated --both-ways' '--network --trusted --both-ways'; do
        # shellcheck disable=SC2086
        w advise $needs --shell >"$T/lines"
        runs "$needs"
    done
}

@test "--of prints the lines of that one, and wants to know which lines" {
    w advise --of exec --cpp | grep -q 'exec:sort'
    w advise --of work-queue@unix --shell | grep -q '^here="$uri?listen"'
    check 2 advise --of unix
    complains '--cpp or --shell'
    check 2 advise --of unxi --shell
    complains 'did you mean unix?'
    check 2 advise --of carrier-pigeon --shell
    complains 'pub-sub@unix'
}
