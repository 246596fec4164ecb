# Messages with a type; a reader asks for one. The path's inode is the key.
touch key
uri=sysv-mq:$PWD/key#7
echo an order | wye send --quiet --lines --create --type=1 "$uri"
echo a complaint | wye send --quiet --lines --type=2 "$uri"
wye recv --count=1 --timeout=20s --lines --type=2 "$uri" >taken
wye rm "$uri"
# ---- that it does so
test "$(cat taken)" = 'a complaint'
