# One side listens, the other connects as soon as it can.
uri=unix:$PWD/app.sock
wye recv --lines --timeout=20s "$uri?listen" >copy &
until seq 3 | wye send --quiet --lines --timeout=20s "$uri" 2>/dev/null; do sleep 0.05; done
wait
# ---- that it does so
seq 3 | cmp - copy
