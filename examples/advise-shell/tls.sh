# Each side shows a certificate that the other's `ca` has signed. This one signs itself, and both sides have it.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
uri="tls://127.0.0.1:$((20000 + $$ % 10000))?ca=ca.pem&cert=ca.pem&key=ca.key"
wye recv --lines --timeout=20s "$uri&listen" >copy &
until seq 3 | wye send --quiet --lines --timeout=20s "$uri" 2>/dev/null; do sleep 0.05; done
wait
# ---- that it does so
seq 3 | cmp - copy
