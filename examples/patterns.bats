# The pattern example of the README, unchanged, on what carries it.
: "${PATTERNS:?set it to the built examples/patterns.cpp}" "${WYE:?set it to the command}"

expected=$'image 1 to 640x480\nimage 2 to 640x480\nimage 3 to 640x480'

@test "patterns: on shm:" {
    name=wye-example-$$-$RANDOM
    [ "$(timeout 20 "$PATTERNS" "shm:$name")" = "$expected" ]
    "$WYE" rm "shm:$name"
}

@test "patterns: what a killed process left in the queue is done by the next" {
    name=wye-example-$$-$RANDOM
    printf '\1\0\0\0\200\2\0\0\340\1\0\0' | "$WYE" put "shm:$name"
    [ "$(timeout 20 "$PATTERNS" "shm:$name")" = "$expected" ] # the one that was there, and two of its own
    "$WYE" rm "shm:$name"
}
