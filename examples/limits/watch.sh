# For a machine that looks after itself: exit code 1 when something is that near. 7: nothing is, of what could be seen.
code=0
wye limits --warn 99.9 > near || code=$?
case $code in 0|7) ;; 1) cat near ;; *) exit 1 ;; esac
