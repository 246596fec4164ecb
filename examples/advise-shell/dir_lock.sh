# One at a time, also on a network file system: mkdir makes it or says that it is there.
until mkdir here.lock 2>/dev/null; do sleep 0.05; done
trap 'rmdir here.lock' EXIT
# ---- that it does so
test -d here.lock
if mkdir here.lock 2>/dev/null; then exit 1; fi
