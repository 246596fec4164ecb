# A program of ours as the other end: its input and output, no shell between.
test "$(printf '%s\n' b c a | wye send --quiet --lines 'exec:sort -r?framing=lines' | tr '\n' ' ')" = 'c b a '
# Its failure is ours.
code=0
echo x | wye send --quiet --lines 'exec:false?framing=lines' 2>/dev/null || code=$?
test "$code" != 0
