# limits: what is used against what others count, and what a probe leaves.
load ../tests/cli/helpers

# In an ipc namespace of its own, as its root: where the limits can be set without harm to anybody.
alone() { timeout 30 unshare -Ur --ipc bash -c "set -e; $1" alone "$WYE"; }
needs_namespaces() { unshare -Ur --ipc true 2>/dev/null || skip "no user namespaces for this user"; }
row() { jq -e --arg name "$1" "[.limits[] | select(.name == \$name)][0] | $2" "$T/json" >/dev/null || { jq --arg name "$1" '.limits[] | select(.name == $name)' "$T/json"; false; }; }

@test "every limit has a row, the nearest first, and the last line says what was not seen" {
    w limits >"$T/out"
    w limits --json >"$T/json"
    jq -e '.schema == "wye.limits/1" and (.limits | length >= 60)' "$T/json"
    jq -e '[.limits[].percent | . // -1] | . == (sort | reverse)' "$T/json"
    jq -e 'all(.limits[]; .title and .scope and .use and .remedy and (.errors | length > 0) and .where)' "$T/json"
    head -n 1 "$T/out" | grep -q '^LIMIT  *SCOPE  *USED  *LIMIT  *%  *TOP USER  *WHEN FULL$'
    tail -n 1 "$T/out" | grep -qE '^coverage: [0-9]+ processes, [0-9]+ unreadable; ipc namespaces 1/1, net namespaces 1/1$'
    grep -q '^SEMMNI .* semget: ENOSPC "No space left on device" (not the disk)$' "$T/out"
    grep -q '^RLIMIT_MSGQUEUE .* mq_open: EMFILE "Too many open files" (descriptors are not short)$' "$T/out"
}

@test "System V figures are those of lsipc and ipcs" {
    needs_namespaces
    needs lsipc
    alone 'for i in 1 2 3; do ipcmk -M 5000; done >/dev/null; for i in 1 2; do ipcmk -S 7; done >/dev/null; ipcmk -Q >/dev/null
        "$1" limits --json; echo; lsipc -g --json; ipcs -u' >"$T/both"
    sed '/^$/,$d' "$T/both" >"$T/json"
    sed '1,/^$/d' "$T/both" | sed '/^------/,$d' | jq -r '.ipclimits[] | "\(.resource) \(.limit) \(.used)"' >"$T/lsipc" || skip "lsipc has no JSON here"
    for name in MSGMNI SHMMNI SEMMNI SEMMNS; do
        read -r _ limit used <<<"$(grep "^$name " "$T/lsipc")"
        row "$name" ".used == $used and .ceiling == $limit"
    done
    row SEMMNS '.used == 14'
    # Not lsipc's figure: 2.38 divides the sum of the sizes, and says 3. The kernel counts whole pages of each.
    row SHMALL '.used == 6'
    grep -q '^pages allocated 6$' "$T/both"
    grep -q '^allocated semaphores = 14$' "$T/both"
}

@test "open files are those of file-nr" {
    w limits --json >"$T/json"
    read -r now _ max </proc/sys/fs/file-nr
    row file-max ".ceiling == $max and .used > $now / 2 and .used < $now * 2 + 1000"
    row RLIMIT_NOFILE '.used > 0 and .ceiling > 0'
}

@test "--warn shows what is near, with 1; nothing is, with 0; 2 where not everything could be seen, whatever was found" {
    needs_namespaces
    unshare -Ur --ipc --pid --fork --mount-proc true 2>/dev/null || skip "no pid namespaces for this user"
    # Alone in a pid namespace nobody is unreadable.
    apart() { timeout 30 unshare -Ur --ipc --pid --fork --mount-proc bash -c "set -e; $1" apart "$WYE" "$FACTORY"; }
    full='echo 32000 1024000000 500 2 >/proc/sys/kernel/sem; ipcmk -S 1 >/dev/null; ipcmk -S 1 >/dev/null; code=0'
    apart "$full"'; "$1" limits --warn 100 --json || code=$?; [ $code = 1 ]' >"$T/json"
    row SEMMNI '.used == 2 and .ceiling == 2 and .percent == 100'
    jq -e 'all(.limits[]; .percent >= 100)' "$T/json"
    alone "$full"'; "$1" limits || code=$?; [ $code = 0 ]' >"$T/out"
    grep -qE '^SEMMNI  *ipc:\[[0-9]+\]  *2  *2  *100.0!  *' "$T/out"
    code=0
    apart "$full"'; ipcrm --all=sem; "$1" limits --warn 100' >"$T/out" || code=$?
    [ "$(grep -c '^SEMMNI' "$T/out" || true)" = 0 ]
    if [ "$(wc -l <"$T/out")" = 2 ]; then [ "$code" = 0 ]; else [ "$code" = 1 ]; fi
    # Somebody who lets nobody look, and a user namespace in which nobody may look all the same.
    cat >"$T/partial" <<'SCRIPT'
"$2" unreadable >/dev/null &
shy=$!; sleep 0.3
code=0; unshare -Ur "$1" limits --warn 100 || code=$?
kill $shy; [ $code = 2 ]
SCRIPT
    apart "$full; $(cat "$T/partial")" >"$T/out"
    grep -q '^SEMMNI' "$T/out"
    grep -qE ' [1-9][0-9]* unreadable' "$T/out"
}

@test "--prom is the text format, to the letter" {
    w limits --prom >"$T/prom"
    python3 - "$T/prom" <<'PARSER'
import re, sys
NAME, LABEL = r"[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? ([+-]?(?:\d+(?:\.\d+)?|Inf)|NaN)")
text = open(sys.argv[1], encoding="utf-8").read()
assert text.endswith("\n")
typed, helped, family, seen, closed = {}, set(), None, set(), set()
for line in text.splitlines():
    if m := re.fullmatch(rf"# HELP ({NAME}) .+", line):
        assert m[1] not in helped, line
        helped.add(m[1])
    elif m := re.fullmatch(rf"# TYPE ({NAME}) (gauge|counter)", line):
        assert m[1] not in typed and m[1] in helped, line
        if family: closed.add(family)
        typed[m[1]], family = m[2], m[1]
    else:
        m = SAMPLE.fullmatch(line)
        assert m and m[1] == family and m[1] not in closed, line
        assert (m[1], m[2]) not in seen, "twice: " + line
        seen.add((m[1], m[2]))
assert len(seen) > 50 and {"wye_limit_used", "wye_limit_ceiling"} <= typed.keys()
PARSER
    if command -v promtool >/dev/null; then promtool check metrics <"$T/prom"; fi
}

@test "--all-ns looks into the namespaces of others" {
    needs_root
    unshare --ipc sh -c "ipcmk -Q; ipcmk -Q; ipcmk -Q; readlink /proc/self/ns/ipc; exec sleep 15" >"$T/other" &
    holder=$!
    eventually grep -q '^ipc:' "$T/other"
    w limits --all-ns --json >"$T/json"
    kill "$holder"
    jq -e --arg ns "$(tail -n 1 "$T/other")" '[.limits[] | select(.name == "MSGMNI" and .where == $ns)] | length == 1 and .[0].used == 3' "$T/json"
    jq -e '.coverage.ipc_namespaces.all >= 2' "$T/json"
    # Ours is another one.
    jq -e --arg ns "$(readlink /proc/self/ns/ipc)" '[.limits[] | select(.name == "MSGMNI" and .where == $ns)] | length == 1' "$T/json"
}

@test "--user shows what one user has" {
    w limits --user "$(id -u)" --json >"$T/json"
    jq -e --argjson id "$(id -u)" '(.limits | length > 0) and all(.limits[]; .users | length == 1 and .[0].uid == $id)' "$T/json"
    row RLIMIT_NPROC '.used > 0'
    check 2 limits --user no-such-user-here
    complains no-such-user-here
}

@test "as a user without rights it says what it could not see" {
    needs_root
    needs setpriv
    chmod 755 "$BATS_RUN_TMPDIR" "$(dirname "$T")" "$T"
    timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups "$WYE" limits --json >"$T/json" 2>"$T/err" || skip "the command cannot be run as another user here"
    [ ! -s "$T/err" ]
    jq -e '.coverage.unreadable > 0 and .coverage.partial' "$T/json"
}

@test "a probe runs into the limit, and tells what came" {
    needs_namespaces
    w limits probe SEMMNI >"$T/out"
    grep -qE '^  semget  *#1\.\.#4  *ok$' "$T/out"
    grep -qE '^  semget  *#5  *ENOSPC "No space left on device"$' "$T/out"
    grep -q '^here now: [0-9,]* of [0-9,]* used (ipc:' "$T/out"
    w limits probe semmni --small --json >"$T/json"
    jq -e '.schema == "wye.probe/1" and .probed and .set == 4 and .steps[-1].error == "ENOSPC" and .steps[-1].first == 5 and .steps[0].last == 4' "$T/json"
    w limits probe shm-bytes --json | jq -e 'any(.steps[]; .error == "SIGBUS") and any(.steps[]; .error == "EFAULT")'
}

@test "no probe leaves a trace: objects, settings, mounts and processes are as before" {
    unshare -Ur --ipc --net --mount --pid --fork --mount-proc true 2>/dev/null || skip "no user namespaces for this user"
    # A host of its own, in which nobody else makes anything meanwhile.
    # shellcheck disable=SC2016
    timeout 100 unshare -Ur --ipc --net --mount --pid --fork --mount-proc bash -c '
        set -e
        mount -t tmpfs none /dev/shm; : >/dev/shm/mine; ipcmk -Q; ipcmk -S 3; ipcmk -M 100
        look() {
            ipcs -a; ipcs -t; ls -l /dev/shm /proc/self/ns; cat /proc/self/mountinfo /proc/sys/kernel/{sem,shm*,msg*,pid_max} \
                /proc/sys/fs/mqueue/* /proc/sys/user/* /proc/sys/net/core/somaxconn /proc/sys/net/unix/max_dgram_qlen \
                /proc/sys/net/ipv4/ip_local_port_range; ip link; ss -Haxt; list=$(ps -A -o comm=); sort <<<"$list"
        }
        look >"$2/before"
        for name in $("$1" limits --json | jq -r ".limits[] | select(.probe) | .name" | sort -u); do
            "$1" limits probe "$name" >>"$2/probes" 2>>"$2/refused" || true
        done
        look >"$2/after"' host "$WYE" "$T"
    [ "$(grep -c '^so: ' "$T/probes")" -ge 40 ]
    # ls and cat name their own process; the links of a namespace have the time when they were last looked at.
    sed -i 's/\[[0-9]*\]//g; s/^.* \([a-z]*\)[a-z_]* ->/\1 ->/' "$T/before" "$T/after"
    diff "$T/before" "$T/after"
}

@test "--like-here takes the ceiling of this machine" {
    needs_namespaces
    most=$(cat /proc/sys/kernel/msgmni)
    [ "$most" -le 40000 ] || skip "kernel.msgmni is too large to be filled"
    w limits probe MSGMNI --like-here --json | jq -e ".set == $most and .steps[-1].first == $most + 1 and .steps[-1].error == \"ENOSPC\""
}

@test "what cannot be run into without harm is only told, and that is said" {
    w limits probe file-max >"$T/out"
    grep -q '^not probed: it is one number of the whole machine$' "$T/out"
    grep -q 'ENFILE "Too many open files in system"' "$T/out"
    w limits probe file-max --json | jq -e '.probed == false and .steps == [] and .note'
}

@test "where user namespaces are forbidden a probe says so, with 4" {
    needs_namespaces
    timeout 20 unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"' sh "$WYE" limits probe SEMMNI >"$T/out" 2>"$T/err" && false
    [ $? = 4 ] || { cat "$T/err"; false; }
    complains "max_user_namespaces is 0"
}

@test "wrong arguments end with 2, and a near name is suggested" {
    check 2 limits probe SEMNI
    complains "did you mean SEMMNI"
    check 2 limits probe
    complains "NAME"
    check 2 limits prob SEMMNI
    complains "prob"
    check 2 limits probe SEMMNI SEMMNS
    complains
    check 2 limits --warn 101
    complains
    check 2 limits --warn much
    complains much
    check 2 limits --small
    complains probe
    check 2 limits probe SEMMNI --prom
    complains probe
    check 2 limits --json --prom
    complains
    check 2 limits probe SEMMNI --small --like-here
    complains
}

@test "a closed pipe is a quiet end, a full device an error" {
    { code=0; w limits 2>"$T/err" || code=$?; echo "$code" >"$T/code"; } | head -n 1 >/dev/null
    [ ! -s "$T/err" ]
    [ "$(cat "$T/code")" = 0 ]
    code=0
    w limits --json >/dev/full 2>"$T/err" || code=$?
    [ "$code" = 1 ]
}
