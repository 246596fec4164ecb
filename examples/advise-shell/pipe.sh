# A shell's own pipe; wye tee copies what goes through it.
printf '%s\n' b c a | wye tee copy | sort | tr '\n' ' ' >sorted
# ---- that it does so
test "$(cat sorted)" = 'a b c '
test "$(wc -l <copy)" = 3
