seq 4 | wye put --lines shm:demo-jobs
wye take shm:demo-jobs --idle 500ms -- sh -c 'read -r n; echo "one does $n"' &
wye take shm:demo-jobs --idle 500ms -- sh -c 'read -r n; echo "the other does $n"'
wait
wye rm shm:demo-jobs
