# wait: who sleeps for whom, and rings of them.
load ../tests/cli/helpers
load ../tests/cli/world

# Two processes, each of which reads what the other would have to write.
export pipe_ring='
import os
r1, w1 = os.pipe()
r2, w2 = os.pipe()
if os.fork() == 0:
    os.close(w1), os.close(r2), os.read(r1, 1)
else:
    os.close(r1), os.close(w2), os.read(r2, 1)
'

@test "two who hold a lock each and wait for the other's are a deadlock" {
    world '
        flock "$T/a" -c "touch $T/1; until [ -e $T/2 ]; do sleep 0.02; done; exec flock $T/b true" &
        flock "$T/b" -c "touch $T/2; until [ -e $T/1 ]; do sleep 0.02; done; exec flock $T/a true" &
        # Seen while it starts, one still has the name of the shell that it was.
        told() { look wait --cycles >"$T/out" && grep -q "^deadlock: flock\[.*flock $T/[ab] -> flock\[.*flock $T/[ab] -> " "$T/out"; }
        eventually told
        look wait --json >"$T/w"
        jq -e ".cycles | length == 1" "$T/w" >/dev/null
        jq -e "[.waits[] | select(.stuck)] | length == 2" "$T/w" >/dev/null'
}

@test "two who each read what the other would write are a deadlock" {
    world '
        python3 -c "$pipe_ring" &
        told() { look wait --cycles >"$T/out" && grep -q "$1" "$T/out"; }
        eventually told "^deadlock: python3\[.*read pipe:.* -> python3\[.*read pipe:.* -> python3"'
}

@test "who waits for somebody that goes on is in no ring" {
    world '
        scene lock "$T/lock" flock
        holder=$made
        flock "$T/lock" true &
        waiter=$!
        eventually sh -c "\"$WYE\" wait --json --pid $waiter >$T/w; jq -e \".waits | length == 1\" $T/w"
        jq -e --argjson h "$holder" ".waits[0] | .until[0].pid == \$h and (.stuck | not) and .nobody_else" "$T/w" >/dev/null
        code=0; "$WYE" wait --cycles >"$T/out" || code=$?
        [ "$code" = 0 ]
        [ "$(wc -l <"$T/out")" = 1 ]'
}

@test "who sleeps in semop is told, and that anybody may end it" {
    world '
        scene semop 0x77
        look wait --pid "$made" >"$T/out"
        grep -q "semop .*sysv-sem .* ?" "$T/out"'
}

# What `wait` says of the last scene: how many of its processes sleep, and the rings they are in.
export rings='
rings() { look wait --cycles --json >"$T/w" && jq -e "[.cycles[] | {sure, n: (.pids | length)}] == $1" "$T/w" >/dev/null; }
asleep() { look wait --json >"$T/w" && jq -e "[.waits[] | select(.comm == \"factory\")] | length == $1" "$T/w" >/dev/null; }
end() { kill -9 "$made"; wait "$made" 2>/dev/null || true; eventually asleep 0; }
'

@test "two who wait for each other over semaphores, queues and locks are likely a deadlock; over pipes, for certain" {
    world "$rings"'
        likely="[{sure: false, n: 2}]"
        for knot in "knot-sem knot 0x51" "knot-lock-sem knot 0x52 $T/lock" "knot-msg knot 0x53 0x54" "knot-posix-sem knot /a /b" "knot-mq knot /p /q"; do
            scene $knot
            eventually rings "$likely" || { echo "$knot"; cat "$T/w"; false; }
            look wait --cycles --sure >"$T/out"
            [ "$(wc -l <"$T/out")" = 1 ]
            end
        done
        scene knot-pipes knot
        eventually rings "[{sure: true, n: 2}]"
        look wait --cycles --sure | grep -q "^deadlock: factory"
        look wait | grep -q "pipe:.*, full .*for ever"'
}

@test "who will give up, who goes on, and a third who could help: no deadlock" {
    world "$rings"'
        for knot in "knot-sem timed 0x51" "knot-lock-sem timed 0x52 $T/lock" "knot-posix-sem timed /a /b" "knot-mq timed /p /q" "knot-mq third /r /s"; do
            scene $knot
            eventually asleep 2 || { echo "$knot"; cat "$T/w"; false; }
            rings "[]" || { echo "$knot"; cat "$T/w"; false; }
            end
        done
        for knot in "knot-sem loose 0x61" "knot-lock-sem loose 0x62 $T/lock2" "knot-msg loose 0x63 0x64" "knot-posix-sem loose /c /d" "knot-mq loose /t /u" "knot-pipes loose"; do
            scene $knot
            eventually asleep 1 || { echo "$knot"; cat "$T/w"; false; }
            rings "[]" || { echo "$knot"; cat "$T/w"; false; }
            end
        done'
}

@test "who changed a semaphore last is told with it; asking leaves the set as it was" {
    world '
        scene knot-sem knot 0x51
        cat /proc/sysvipc/sem >"$T/before"
        told() { look wait >"$T/out" && grep -q "semop .*sysv-sem 0 key 0x51 \[1\] .*last changed by factory\[[0-9]*\] ? .*likely" "$T/out"; }
        eventually told
        look wait --cycles | grep -q "^likely deadlock: factory\[[0-9]*\] semop 0 key 0x51 \[[01]\] (last changed by) -> factory"
        look map | grep -q "^factory\[$made\] ··waits sysv-sem 0 key 0x51 \[1\]··> last changed by factory\[[0-9]*\] ?$"
        look map --dot | grep -q "style=dotted, label=\"waits sysv-sem 0 key 0x51 \[1\], last changed by\""
        look map --mermaid | grep -q -- "-\.->|\"waits sysv-sem"
        look map --json | jq -e --argjson p "$made" "any(.waits[]; .pid == \$p and .by_last_use and .part == 1)" >/dev/null
        diff "$T/before" /proc/sysvipc/sem'
}

@test "in another IPC namespace, too" {
    world "$rings"'
        unshare --ipc "$FACTORY" knot-sem knot 0x51 >"$T/other" &
        eventually rings "[{sure: false, n: 2}]"'
}

@test "whose last user is gone, or only himself, waits for nobody who is known" {
    world "$rings"'
        scene semop 0x77
        eventually asleep 1
        jq -e ".waits[0] | .until == [] and (.nobody_else | not) and .part == 1" "$T/w" >/dev/null
        rings "[]"'
}
