# One at a time; the kernel unlocks when the command ends, however it ends.
echo 0 >number
for _ in 1 2 3 4; do wye lock number.lock -- sh -c 'n=$(cat number); sleep 0.01; echo $((n + 1)) >number' & done
wait
# ---- that it does so
test "$(cat number)" = 4
