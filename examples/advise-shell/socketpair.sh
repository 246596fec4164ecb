# A shell makes no socket pairs: both ways to a child it has by exec:, or a Unix socket without a name that stays.
printf '%s\n' b c a | wye send --quiet --lines 'exec:sort -r?framing=lines' >sorted
# ---- that it does so
test "$(tr '\n' ' ' <sorted)" = 'c b a '
