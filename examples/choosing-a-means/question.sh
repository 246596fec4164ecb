# Question and answer between strangers on one host: a Unix socket. Here rev(1) answers.
socket=unix:$PWD/rev.sock
wye relay "$socket?listen&framing=lines" 'exec:rev?framing=lines' &
until test -S rev.sock; do sleep 0.05; done
test "$(echo hello | wye relay 'fd:0,1?framing=raw' "$socket?framing=raw")" = olleh
wait
