# To another host: TCP. (Any address of 127.0.0.0/8 is this host; this one is nobody else's.)
address=tcp://127.9.$(($$ / 250 % 250)).$(($$ % 250 + 1)):7000
head -c 1000000 /dev/urandom >original
wye recv --timeout=20s "$address?listen" >copy &
until wye send --quiet "$address" original 2>/dev/null; do sleep 0.05; done
wait
cmp original copy
