# Each job goes to one worker, of which there may be any number; killed over it, another gets it. `here` lives longest.
uri=shm:wye-example-$$
here=$uri
wye take "$here" --count=4 --timeout=20s -- sh -c 'read -r n; echo "$n" >>settled' &
until seq 4 | wye put --quiet --lines "$uri" 2>/dev/null; do sleep 0.05; done
wait $!
wye rm "$uri"
# ---- that it does so
test "$(sort settled | tr -d '\n')" = 1234
