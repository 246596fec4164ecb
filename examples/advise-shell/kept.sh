# The object has a name; who comes first makes it, and it stays until it is removed.
uri=fifo:$PWD/in
wye mk "$uri"
wye recv --lines --count=3 --timeout=20s "$uri" >copy &
seq 3 | wye send --quiet --lines --timeout=20s "$uri"
wait
wye rm "$uri"
# ---- that it does so
seq 3 | cmp - copy
