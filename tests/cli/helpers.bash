# Helpers of the end-to-end scripts. WYE is the command under test; every wait is bounded, every file is below $BATS_TEST_TMPDIR.
: "${WYE:?set it to the command, as in: WYE=build/dev/bin/wye bats tests/cli}"
WYE=$(realpath "$WYE")
unset NO_COLOR CLICOLOR_FORCE FORCE_COLOR PAGER
T=${BATS_TEST_TMPDIR:-}

# The command, bounded in time: 99 says that it hung (124 is an answer of its own).
w() {
    local code=0
    timeout --kill-after=2 "${LIMIT:-20}" "$WYE" "$@" || code=$?
    if [ "$code" = 137 ]; then return 99; fi
    return "$code"
}

# `check CODE args...`: runs the command into $T/out and $T/err, and fails unless it answers CODE.
check() {
    local want=$1 code=0
    shift
    w "$@" >"$T/out" 2>"$T/err" </dev/null || code=$?
    if [ "$code" != "$want" ]; then
        echo "wye $*: exit code $code instead of $want"
        cat "$T/err"
        return 1
    fi
}

# One line of complaint on standard error (holding $1, if given), and nothing on standard output.
complains() {
    if [ "$(wc -l <"$T/err")" != 1 ]; then echo "not one line:"; cat "$T/err"; return 1; fi
    if [ -s "$T/out" ]; then echo "on standard output:"; cat "$T/out"; return 1; fi
    if [ -n "${1:-}" ] && ! grep -qF -- "$1" "$T/err"; then echo "does not name \"$1\": $(cat "$T/err")"; return 1; fi
}

has_scheme() { "$WYE" means --json | jq -e --arg s "$1" 'any(.means[]; .scheme == $s)' >/dev/null; }
needs_scheme() { has_scheme "$1" || skip "no $1: yet"; }
needs() { command -v "$1" >/dev/null || skip "no $1 here"; }
needs_root() { [ "$(id -u)" = 0 ] || skip "needs root"; }

# Until the command given succeeds, at most 5 s.
eventually() {
    local i
    for i in $(seq 100); do
        if "$@" 2>/dev/null; then return 0; fi
        sleep 0.05
    done
    echo "never: $*"
    return 1
}

# Whether process $1 waits for something to come, in the same system call twice: not for another of its threads.
resting() {
    local first second
    read -r first <"/proc/$1/syscall"
    sleep 0.03
    read -r second <"/proc/$1/syscall"
    case $first in running* | 202\ * | 98\ *) return 1 ;; esac  # futex: x86-64's number, and arm64's
    [ "$first" = "$second" ]
}

# Whether process $1 has a handler of its own for signal number $2, by now.
catches() {
    local mask
    mask=$(awk '/^SigCgt/ {print $2}' "/proc/$1/status")
    (((0x$mask >> ($2 - 1)) & 1))
}

random_file() { head -c "$2" /dev/urandom >"$1"; }
is_listening() { ss -Hltn "sport = :$1" | grep -q .; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# A name for a queue of this test, which cleanup() removes.
queue_name() { echo "/wye-e2e-$$-${BATS_TEST_NUMBER:-0}"; }

# The exit code of a background process, in $code.
ended() {
    code=0
    wait "$1" || code=$?
}

# What a test leaves running, or left in the kernel, is removed; that nothing is left is for the tests to say.
cleanup() {
    local p
    for p in $(jobs -p); do kill -KILL "$p" 2>/dev/null || true; done
    local kind
    for kind in posix-mq posix-sem posix-shm; do "$WYE" rm --force "$kind:$(queue_name)" 2>/dev/null || true; done
    [ -e "$T/key" ] || return 0
    for kind in sysv-mq sysv-sem sysv-shm; do "$WYE" rm --force "$kind:$T/key#7" 2>/dev/null || true; done
}
teardown() { cleanup; }
