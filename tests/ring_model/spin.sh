#!/bin/sh
# usage: spin.sh MODEL.pml BUGS   Every state of the model holds; with each of its faults, 1 to BUGS, some does not.
# 77: spin or a C compiler is missing.
set -eu
model=$(readlink -f "$1")
bugs=$2
for tool in spin cc; do
    command -v $tool >/dev/null || { echo "skipped: $tool is missing (./dev setup)"; exit 77; }
done
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

errors() {  # of the model with this fault
    spin -a -DBUG="$1" "$model" >spin.log || { cat spin.log >&2; exit 1; }
    cc -O2 -w -DSAFETY -DMEMLIM=1024 -DCOLLAPSE -o pan pan.c
    timeout 200 ./pan -m2000000 >pan.log || { cat pan.log >&2; exit 1; }
    if grep -q 'max search depth too small\|out of memory\|MEMLIM bound\|truncated' pan.log; then cat pan.log >&2; exit 1; fi
    sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log
}

n=0
while [ "$n" -le "$bugs" ]; do
    found=$(errors "$n")
    states=$(sed -n 's/ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log)
    echo "$(basename "$model") -DBUG=$n: $found errors, $states states"
    case $n:$found in
        0:0 | [1-9]*:[1-9]*) ;;
        0:*) grep -m1 '^pan' pan.log; exit 1 ;;
        *) echo "this fault was not found"; exit 1 ;;
    esac
    n=$((n + 1))
done
