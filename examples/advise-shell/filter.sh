# What the shell has connected, as one of a program's ends.
seq 3 | wye recv --lines 'fd:0?framing=lines' >copy
# ---- that it does so
seq 3 | cmp - copy
