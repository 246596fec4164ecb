# Jobs that wait for whoever comes, the urgent one first.
uri=posix-mq:/wye-example-$$
printf '%s\n' one two | wye send --quiet --lines --create "$uri"
echo urgent | wye send --quiet --lines --priority=9 "$uri"
wye recv --count=3 --timeout=20s --lines "$uri" >taken
wye rm "$uri"
# ---- that it does so
test "$(tr '\n' ' ' <taken)" = 'urgent one two '
