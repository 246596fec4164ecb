# Scenes of tests/factory in namespaces of their own, for the verbs that look at a whole machine.
: "${FACTORY:?set it to tests/factory of the build}"
export WYE FACTORY T

# Runs the words as a script in namespaces of their own: an empty /dev/shm, its own pids, System V objects, queues and
# sockets. All that it starts ends with it. What this user or kernel cannot have (77) is skipped.
world() {
    local user=() code=0
    [ "$(id -u)" = 0 ] || user=(--map-root-user)
    unshare "${user[@]}" --ipc --net --mount --pid --fork --mount-proc true 2>/dev/null || skip "no namespaces for this user"
    timeout --kill-after=2 60 unshare "${user[@]}" --ipc --net --mount --pid --fork --mount-proc bash -euo pipefail -c \
        "$(declare -f scene eventually resting look names not pids see sees alone keep 2>/dev/null || true); keep; mount -t tmpfs none /dev/shm; $1" || code=$?
    [ "$code" != 77 ] || skip "this kernel or user cannot have the scene"
    return "$code"
}

# The programs under test, where they lie in a place that a script may mount something else over.
keep() {
    local one at
    case $WYE in /tmp/* | /var/* | /run/*) ;; *) return 0 ;; esac
    mount -t tmpfs none /media
    for one in WYE FACTORY; do
        at=/media/$(basename "${!one}")
        : >"$at"
        mount --bind "${!one}" "$at"
        export "$one=$at"
    done
}

# Makes a scene, waits until it is there; its process is $made.
scene() {
    local out
    out=$(mktemp -p "$T")
    "$FACTORY" "$@" >"$out" &
    made=$!
    local i
    for i in $(seq 100); do
        if grep -q ready "$out"; then return 0; fi
        kill -0 "$made" 2>/dev/null || { wait "$made"; return 1; }
        sleep 0.02
    done
    return 1
}
# The command, where something may be found or missed.
look() {
    local code=0
    "$WYE" "$@" || code=$?
    [ "$code" -le 2 ]
}
# A command that must fail: `! command` ends no script.
not() { if "$@"; then echo "should fail: $*"; return 1; fi; }
# The names that it lists.
names() { look ls "$@" --columns name | sed "1d;\$d"; }
# The inventory, with a true answer to a question of jq about its items: $p is the last scene's process.
see() { look ls --json >"$T/ls"; }
sees() { see && jq -e --argjson p "${made:-0}" ".items | $1" "$T/ls" >/dev/null || { echo "does not see: $1"; cat "$T/ls"; false; }; }
# In a world: /tmp, /run and /var of its own. What lies there belongs to everybody on the machine, who is not seen from here.
alone() {
    local n=0 way
    mount -t tmpfs none /mnt
    for way in "$(dirname "$(realpath "$WYE")")" "$(dirname "$(realpath "$FACTORY")")" "$T"; do
        mkdir "/mnt/$n"
        mount --bind "$way" "/mnt/$n"
        n=$((n + 1))
    done
    for way in /tmp /run /var/lib /var/tmp; do mount -t tmpfs none "$way"; done
    n=0
    for way in "$(dirname "$(realpath -m "$WYE")")" "$(dirname "$(realpath -m "$FACTORY")")" "$T"; do
        if [ ! -d "$way" ]; then mkdir -p "$way" && mount --bind "/mnt/$n" "$way"; fi
        n=$((n + 1))
    done
    chmod 1777 /tmp /var/tmp
    cd "$T"  # where this was started may be under one of them
}
