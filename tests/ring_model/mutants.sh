#!/bin/sh
# usage: mutants.sh LIST DIR   Runs DIR/wye_ring_KIND_N for each line of the list: each must be caught.
set -eu
all=0
caught=0
while read -r kind n scenarios what; do
    case $kind in '#'* | '') continue ;; esac
    all=$((all + 1))
    if said=$("$2/wye_ring_${kind}_$n" --mutant "$scenarios"); then
        caught=$((caught + 1))
    fi
    echo "$kind $n ($what): $said"
done <"$1"
echo "$caught of $all caught"
[ "$caught" = "$all" ]
