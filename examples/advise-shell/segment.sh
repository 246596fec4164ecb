# Pages are used by programs (the C++ beside this); the command makes them, says who has them, and removes them.
touch key
uri="posix-shm:/wye-example-$$?size=1M"
wye mk "$uri"
wye inspect "$uri" >known
wye rm "$uri"
# ---- that it does so
grep -q . known
