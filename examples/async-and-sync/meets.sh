# Synchronous: the other end must be there.
socket=unix:$PWD/socket
code=0
echo hello | wye send --quiet --lines "$socket" 2>/dev/null || code=$?
test "$code" = 3 # nobody listens
wye recv --timeout 20s "$socket?listen" >heard &
until echo hello | wye send --quiet --lines "$socket" 2>/dev/null; do sleep 0.05; done
wait
test "$(cat heard)" = hello
