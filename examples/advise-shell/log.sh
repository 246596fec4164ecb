# Events for everybody, also for who comes later: several append, each reader sees all. --follow goes on.
uri=file:$PWD/events
for who in a b; do seq -f "$who %g" 100 | wye send --quiet --lines --create "$uri" & done
wait
wye recv --lines "$uri" >first
wye recv --lines "$uri" >second
# ---- that it does so
cmp first second
test "$(wc -l <first)" = 200
