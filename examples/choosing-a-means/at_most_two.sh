# At most so many at once: a semaphore. A killed command's unit comes back.
units=shm-sem:wye-example-$$
trap 'wye rm --force "$units"' EXIT
mkdir running
for n in 1 2 3 4 5 6; do
    wye sem -n 2 "$units" -- sh -c "mkdir running/$n && ls running | wc -l >>counts && sleep 0.05 && rmdir running/$n" &
done
wait
test "$(wc -l <counts)" = 6
test "$(sort -n counts | tail -n 1)" -le 2
