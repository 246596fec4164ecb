# undo: what clean took comes back, and never over something new.
load ../tests/cli/helpers
load ../tests/cli/world

place() { world "alone; $(declare -f gone); $1"; }
# Takes all that there is; the run is $run.
gone() {
    "$WYE" clean --age 0 --yes --likely >/dev/null
    run=$(ls /var/lib/wye/undo | tail -1)
}
export -f place gone

@test "without a run they are listed, with what is in them and until when" {
    place '
        "$WYE" undo | grep -c "nothing to undo in /var/lib/wye"
        echo x >/dev/shm/a; echo y >/dev/shm/b
        gone
        "$WYE" undo >"$T/out"
        grep -q "^RUN .*UNTIL .*OBJECTS" "$T/out"
        grep -q "^$run .* 2 *8.0K" "$T/out"
        "$WYE" undo --json | jq -e --arg r "$run" ".runs[0] | .run == \$r and .objects == 2 and .until_ns - .begun_ns > 6e14"'
}

@test "a dry run only says so" {
    place '
        echo x >/dev/shm/a
        gone
        "$WYE" undo --dry-run "$run" >"$T/out"
        grep -q "posix-shm /a: would come back" "$T/out"
        [ ! -e /dev/shm/a ]
        "$WYE" undo "$run"
        [ -e /dev/shm/a ]'
}

@test "what is new under a name or key is never overwritten, and the old is still kept" {
    place '
        echo old >/dev/shm/a
        echo other >/dev/shm/b
        ipcmk -M 4096 >/dev/null
        key=$(ipcs -m | sed -n "s/^\(0x[0-9a-f]*\) .*/\1/p")
        gone
        echo new >/dev/shm/a
        python3 -c "import ctypes, sys; sys.exit(ctypes.CDLL(None).shmget(int(sys.argv[1], 0) - (1 << 32 if int(sys.argv[1], 0) >> 31 else 0), 8192, 0o1600) < 0)" "$key"
        code=0
        "$WYE" undo "$run" >"$T/out" || code=$?
        cat "$T/out"
        [ "$code" = 5 ]
        [ "$(cat /dev/shm/a)" = new ]
        [ "$(cat /dev/shm/b)" = other ]
        [ "$(ipcs -m | grep "$key" | grep -c 8192)" = 1 ]
        grep -q "posix-shm /a: in the way: .*the name is another.s now" "$T/out"
        grep -q "1 of 3 objects are back; the others are still kept" "$T/out"
        rm /dev/shm/a
        ipcrm -M "$key"
        "$WYE" undo "$run" --json | jq -e "[.objects[].outcome] == [\"back\", \"back\"]"
        [ "$(cat /dev/shm/a)" = old ]
        ipcs -m | grep "$key" | grep -c 4096'
}

@test "what cannot be made as it was is said" {
    place '
        ipcmk -M 4096 >/dev/null
        gone
        "$WYE" undo "$run" | grep -c "^sysv-shm .*: back, but not .*times"'
}

@test "names that are no text come back as they were" {
    place '
        name=$(printf "/dev/shm/\377\033[31m\nx")
        echo x >"$name"
        gone
        [ -z "$(ls /dev/shm)" ]
        "$WYE" undo "$run" >"$T/out"
        [ "$(grep -c $'"'\\\\033'"' "$T/out" || true)" = 0 ]
        [ -e "$name" ]'
}

@test "a run that is not there, or at which somebody is, is said" {
    place '
        code=0
        "$WYE" undo 20260101-1 2>"$T/err" || code=$?
        [ "$code" = 3 ]
        echo x >/dev/shm/a
        gone
        code=0
        "$WYE" undo 20260101-1 2>"$T/err" || code=$?
        [ "$code" = 3 ]
        grep -q "there is no run \"20260101-1\"; wye undo lists them" "$T/err"
        code=0
        flock "/var/lib/wye/undo/$run/manifest.jsonl" "$WYE" undo "$run" 2>"$T/err" || code=$?
        [ "$code" = 5 ]
        grep -q "a wye is at work on it" "$T/err"'
}
