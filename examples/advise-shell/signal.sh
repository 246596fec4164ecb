# It happened: to that very process, and to no other that has its number by now.
wye signal wait USR1 --timeout=20s >told 2>ready & waiter=$!
until grep -q waits ready; do sleep 0.05; done
wye signal send $waiter USR1
wait
# ---- that it does so
grep -q USR1 told
