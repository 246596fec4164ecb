# One at a time: a lock. Four loops add to one number, and none of the additions is lost.
echo 0 >number
for _ in 1 2 3 4; do
    for _ in 1 2 3 4 5; do
        wye lock number.lock -- sh -c 'n=$(cat number); echo $((n + 1)) >number'
    done &
done
wait
test "$(cat number)" = 20
