wye sub shm:demo-prices --filter 'fx.*' --count 2 --lines --topics &
sleep 0.5
for pair in fx.eur:1.08 metal.gold:2000 fx.yen:0.0064; do
    printf '%s' "${pair#*:}" | wye pub shm:demo-prices --topic "${pair%:*}"
done
wait
wye rm shm:demo-prices
