# Asynchronous: the queue keeps what was sent; sender and receiver need not live at the same time.
queue=posix-mq:/wye-example-$$
trap 'wye rm --force "$queue"' EXIT
echo 'look at me later' | wye send --quiet --lines --create "$queue"
# The sender has ended. Whoever comes now gets it:
test "$(wye recv --count 1 --timeout 5s --lines "$queue")" = 'look at me later'
# Empty again: there is no end of file, so a receiver waits until its deadline.
code=0
wye recv --count 1 --timeout 100ms "$queue" 2>/dev/null || code=$?
test "$code" = 124
