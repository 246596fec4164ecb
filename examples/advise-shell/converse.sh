# Both ways over one connection: rev(1) answers, and relay joins our own input and output to it.
uri=unix:$PWD/app.sock
wye relay "$uri?listen&framing=lines" 'exec:rev?framing=lines' &
until echo hello | wye relay 'fd:0,1?framing=raw' "$uri?framing=raw" >answer 2>/dev/null; do sleep 0.05; done
wait
# ---- that it does so
test "$(cat answer)" = olleh
