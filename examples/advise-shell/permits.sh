# At most two at once, over all that name it.
touch key
uri=shm-sem:wye-example-$$
mkdir running
for n in 1 2 3 4; do wye sem --permits=2 "$uri" -- sh -c "mkdir running/$n; ls running | wc -l >>counts; sleep 0.05; rmdir running/$n" & done
wait
wye rm "$uri"
# ---- that it does so
test "$(wc -l <counts)" = 4
test "$(sort -n counts | tail -n 1)" -le 2
