# orphans: verdicts and their evidence; what is held in any way is never one.
load ../tests/cli/helpers
load ../tests/cli/world

# verdict KIND NAME: the verdict of an object, whatever its age.
verdict() { look orphans --all --age 0 --json "$1" | jq -r --arg n "$2" '.items[] | select(.name == $n) | .verdict'; }
export -f verdict

@test "a file in /dev/shm that nobody has is proven; one that is mapped, or in flight, is held" {
    world '
        echo left >/dev/shm/left
        [ "$(verdict posix-shm /left)" = proven ]
        look orphans --age 0 --explain posix-shm >"$T/why"
        grep -q "+ the kernel gave a write lease" "$T/why"
        scene shm-map /mapped
        [ "$(verdict posix-shm /mapped)" = held ]
        scene shm-in-flight /flying
        [ "$(verdict posix-shm /flying)" = held ]'
}

@test "what was changed just now is not yet an orphan" {
    world '
        echo left >/dev/shm/left
        look orphans --json posix-shm | jq -e ".items[0].verdict == \"unknown\""'
}

@test "a segment without attaches whose creator is dead is proven; one that is attached is held" {
    world '
        id=$(ipcmk -M 4096 | grep -o "[0-9]*$")
        [ "$(look orphans --age 0 --json sysv-shm | jq -r ".items[0].verdict")" = proven ]
        ipcrm -m "$id"
        scene segment 0x77
        [ "$(look orphans --age 0 --json sysv-shm | jq -r ".items[0].verdict")" != proven ]
        scene attached 0x5151 0 0
        look orphans --age 0 --all --json sysv-shm | jq -e "[.items[].verdict] | index(\"held\") != null"'
}

@test "a semaphore set is never proven: an idle server looks like none" {
    world '
        ipcmk -S 1 >/dev/null
        v=$(look orphans --age 0 --json sysv-sem | jq -r ".items[0].verdict")
        [ "$v" = likely ] || [ "$v" = unknown ]
        look orphans --age 0 --explain sysv-sem | grep -q "! nobody attaches it"'
}

@test "a socket file that nobody is bound to is proven; one of another network namespace is held" {
    world '
        mount -t tmpfs none /var/tmp
        scene bound-gone /var/tmp/stale
        scene listen-other-net /var/tmp/elsewhere
        [ "$(verdict unix /var/tmp/stale)" = proven ]
        [ "$(verdict unix /var/tmp/elsewhere)" = held ]'
}

@test "a rule of the administrator keeps what it names" {
    world '
        echo x >/dev/shm/cache-1
        mount -t tmpfs none /etc
        mkdir /etc/wye
        echo "posix-shm /cache-* the nightly job reads it" >/etc/wye/persist
        [ "$(verdict posix-shm /cache-1)" = persists ]
        look orphans --all --explain posix-shm | grep -q "the nightly job reads it"'
}

@test "looking for orphans changes nothing" {
    world '
        echo left >/dev/shm/left
        ipcmk -M 4096 >/dev/null
        before=$(stat -c "%i %Y %Z %X" /dev/shm/left; ipcs -a)
        look orphans --age 0 >/dev/null
        [ "$before" = "$(stat -c "%i %Y %Z %X" /dev/shm/left; ipcs -a)" ]'
}
