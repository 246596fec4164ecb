# One side listens; what is sent before it does, or faster than it reads, is lost.
uri=udp://127.9.$(($$ / 250 % 250)).$(($$ % 250 + 1)):7000
wye recv --lines --count=1 --timeout=20s "$uri?listen" >copy &
while kill -0 $! 2>/dev/null; do echo hello | wye send --quiet --lines "$uri" 2>/dev/null || sleep 0.05; done
# ---- that it does so
wait
test "$(cat copy)" = hello
