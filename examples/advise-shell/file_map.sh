# Pages of a file are used by programs (the C++ beside this); the file is made as any other.
truncate -s 1M state
od -A n -t u4 -N 4 state >first
# ---- that it does so
test "$(tr -d ' ' <first)" = 0
