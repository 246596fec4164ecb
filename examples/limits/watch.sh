# For a machine that looks after itself: 1 when something is that near; 0 when nothing is, 2 when not all could be seen.
code=0
wye limits --warn 99.9 > near || code=$?
case $code in 0) ;; 1 | 2) cat near ;; *) exit 1 ;; esac
