# What one tells, all hear who have subscribed. `here` is whose process lives longest.
uri=shm:wye-example-$$
here=$uri
wye sub "$here" --filter='fx.*' --count=1 --timeout=20s --lines >heard &
until echo 1.08 | wye pub --quiet --lines "$uri" --topic=fx.eur --subscribers=1 --timeout=20s 2>/dev/null; do sleep 0.05; done
wait $!
wye rm "$uri"
# ---- that it does so
test "$(cat heard)" = 1.08
