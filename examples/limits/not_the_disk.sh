# A semaphore set too many is "No space left on device", with any room on any disk: in a namespace that nobody else sees.
unshare -Ur --ipc true 2>/dev/null || exit 77
wye limits probe SEMMNI --json > seen
jq -r '.steps[] | "\(.call) #\(.first)..#\(.last): \(.error // "ok") \(.text // "")"' seen
test "$(jq -r '.steps[-1].text' seen)" = "No space left on device"

# Which limits it may have been, and how near each is here.
wye explain ENOSPC --call semget
