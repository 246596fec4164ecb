# A server of one's own; a NATS server or cluster that is there has its address instead.
command -v nats-server >/dev/null || exit 77
wye cluster up >server & cluster=$!
trap 'kill $cluster; wait $cluster || true' EXIT
until test -s server; do sleep 0.05; done
uri=$(sed 's/SUBJECT/prices/' server)
wye recv --lines --count=1 --timeout=20s "$uri" >copy & reader=$!
while kill -0 $reader 2>/dev/null; do echo 1.08 | wye send --quiet --lines "$uri"; sleep 0.05; done
# ---- that it does so
test "$(cat copy)" = 1.08
