# One way, to a program that knows nothing of wye: a FIFO with lines.
wye mk "fifo:$PWD/in"
cat in >copy &
seq 1000 | wye send --quiet --lines "fifo:$PWD/in?framing=lines"
wait
seq 1000 | cmp - copy
