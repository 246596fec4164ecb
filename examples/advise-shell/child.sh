# A program as the other end: its input and output, no shell between; its failure is ours.
printf '%s\n' b c a | wye send --quiet --lines 'exec:sort -r?framing=lines' >sorted
# ---- that it does so
test "$(tr '\n' ' ' <sorted)" = 'c b a '
code=0
echo x | wye send --quiet --lines 'exec:false?framing=lines' 2>/dev/null || code=$?
test "$code" != 0
