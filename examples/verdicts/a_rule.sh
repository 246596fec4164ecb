# Shared memory that nobody has is an orphan, and the kernel's word is the evidence; a rule says what is meant to stay.
unshare -Ur --mount true 2>/dev/null || exit 77
echo 'protect  posix-shm  /cache-*  the nightly job reads it' > rules
cat > look <<'END'
mount -t tmpfs none /dev/shm
echo left > /dev/shm/cache-1
wye orphans --age 0 --json posix-shm > before || true
wye orphans --age 0 --json --all --rules rules posix-shm > after || true
END
unshare -Ur --mount sh -eu look
test "$(jq -r '.items[0] | .verdict, .class' before | xargs)" = "orphan proven"
jq -e '.items[0].evidence | any(.test == "lease" and .result == "granted")' before
test "$(jq -r '.items[0].verdict' after)" = protected
