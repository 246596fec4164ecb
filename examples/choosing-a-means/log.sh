# Events for everybody, also for who comes later: several write, each reader sees all.
log=file:$PWD/events
for who in a b c; do
    seq -f "$who %g" 100 | wye send --quiet --lines --create "$log" &
done
wait
wye recv --lines "$log" >first
wye recv --lines "$log" >second
cmp first second
test "$(wc -l <first)" = 300
seq -f 'b %g' 100 >from-b
grep '^b' first | cmp - from-b # what one wrote is there in its order
