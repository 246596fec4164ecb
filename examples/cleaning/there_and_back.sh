# In namespaces that nobody else sees: an object that nobody has goes, one that somebody has stays, and all comes back.
unshare -Ur --ipc --mount --pid --fork --mount-proc true 2>/dev/null || exit 77
unshare -Ur --ipc --mount --pid --fork --mount-proc sh -eu -c '
    mount -t tmpfs none /dev/shm; mount -t tmpfs none /var/lib

    echo "what a job left" >/dev/shm/left
    echo "what a job uses" >/dev/shm/used
    sleep 60 </dev/shm/used &

    wye clean --age 0 || true                 # only says what would go, and why nothing else
    wye clean --age 0 --yes
    test ! -e /dev/shm/left && test -e /dev/shm/used

    run=$(wye undo --json | jq -r ".runs[0].run")
    wye undo "$run"
    test "$(cat /dev/shm/left)" = "what a job left"
'
