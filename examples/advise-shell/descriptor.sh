# Descriptors are passed by programs (the C++ beside this). In a shell the kernel moves pages where both ends are descriptors:
head -c 100000 /dev/urandom >original
wye recv --timeout=20s "unix:$PWD/app.sock?listen" >copy &
until wye send --quiet "unix:$PWD/app.sock" original 2>/dev/null; do sleep 0.05; done
wait
# ---- that it does so
cmp original copy
