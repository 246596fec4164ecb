# Question and answer between strangers on one host: a Unix socket. Here rev(1) answers.
socket=unix:$PWD/rev.sock
wye relay "$socket?listen&framing=lines" 'exec:rev?framing=lines' &
until echo hello | wye relay 'fd:0,1?framing=raw' "$socket?framing=raw" >answer 2>/dev/null; do sleep 0.05; done
wait
test "$(cat answer)" = olleh
