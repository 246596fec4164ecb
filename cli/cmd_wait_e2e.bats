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
