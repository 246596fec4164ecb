# Jobs that wait for whoever comes: each goes to one worker, the urgent one first.
queue=posix-mq:/wye-example-$$
trap 'wye rm --force "$queue"' EXIT
printf '%s\n' one two three | wye send --quiet --lines --create "$queue"
echo urgent | wye send --quiet --lines --priority=9 "$queue"
test "$(wye recv --count=1 --timeout=20s --lines "$queue")" = urgent
wye recv --count=2 --timeout=20s --lines "$queue" >taken-by-a &
wye recv --count=1 --timeout=20s --lines "$queue" >taken-by-b
wait
test "$(sort taken-by-a taken-by-b | tr '\n' ' ')" = 'one three two '
