# Questions, each answered by a command.
uri=shm:wye-example-$$
here=$uri
wye serve "$here" --count=1 --timeout=20s -- tr a-z A-Z &
until echo good morning | wye call "$uri" --timeout=5s >answer 2>/dev/null; do sleep 0.05; done
wait $!
wye rm "$uri"
# ---- that it does so
test "$(cat answer)" = 'GOOD MORNING'
