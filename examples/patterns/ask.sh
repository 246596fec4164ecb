wye serve shm:demo-upper --count 1 -- tr a-z A-Z &
printf 'good morning\n' | wye call shm:demo-upper --timeout 5s
wait
wye rm shm:demo-upper
