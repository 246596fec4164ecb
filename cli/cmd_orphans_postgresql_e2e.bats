# orphans beside a real PostgreSQL, running, idle and crashed: nothing of a live cluster is ever called an orphan. The
# server lives in the namespaces of the test and ends with them.
load ../tests/cli/helpers
load ../tests/cli/world

setup() {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    [ -x "$bin/initdb" ] || skip "no PostgreSQL here: ./dev setup"
    needs setpriv
    needs jq
    export PG=$bin D=/var/tmp/pg
}

# PostgreSQL refuses to be root, in whatever user namespace.
as_other() {
    if [ "$(awk '{print $3; exit}' /proc/self/uid_map)" = 1 ]; then
        unshare --user --map-user=65534 --map-group=65534 "$@"
    else
        setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    fi
}
sql() { as_other timeout 30 "$PG/psql" -h /var/tmp -XqAt postgres -c "$1"; }
# start [SETTING=VALUE]...: a server that listens at a socket in /var/tmp alone.
start() {
    local s options="-c listen_addresses='' -c unix_socket_directories=/var/tmp -c fsync=off -c autovacuum=off -c max_logical_replication_workers=0"
    for s in "$@"; do options+=" -c $s"; done
    as_other timeout 30 "$PG/pg_ctl" -D "$D" -w -s -l /var/tmp/log -o "$options" start || { cat /var/tmp/log; return 1; }
    postmaster=$(head -n 1 "$D/postmaster.pid")
}
cluster() {
    mount -t tmpfs -o mode=1777 none /var/tmp
    cd /var/tmp
    as_other "$PG/initdb" -D "$D" -N -A trust -U nobody -E UTF8 --locale=C >/var/tmp/initdb 2>&1 || { cat /var/tmp/initdb; return 1; }
}
# What it could have left: in /var/tmp, in /dev/shm, and all of System V. Whatever their age.
ours() {
    look orphans --all --age 0 --json >"$T/all"
    jq -c '.items[] | select((.kind | startswith("sysv-") or startswith("posix-")) or (.name | startswith("/var/tmp/")))' "$T/all"
}
no_orphan() {
    if ours | jq -es 'any(.verdict == "orphan")' >/dev/null; then
        echo "$1: offered as an orphan:"
        ours | jq 'select(.verdict == "orphan")'
        return 1
    fi
}
pg_world() { world "$(declare -f as_other sql start cluster ours no_orphan); $1"; }

# Its statistics outgrow their first piece of memory, so it makes more, which it keeps without anybody attached.
life_of() {
    start "$@"
    no_orphan "just started"
    sql "create table t as select generate_series(1, 1000) as n" >/dev/null
    sql "do \$\$ begin for i in 1..2000 loop execute format('create table s%s()', i); end loop; end \$\$"
    no_orphan "idle"
    ours >"$T/idle"
    as_other "$PG/psql" -h /var/tmp -XqAt postgres -c "set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; select count(*), pg_sleep(600) from t" >/dev/null 2>&1 &
    eventually sh -c "pgrep -f '[p]ostgres: .* SELECT' >$T/backend"
    no_orphan "at work"
}
# The kernel ends the postmaster, but a backend lives: whoever took its segment away now would let a second one in.
crash_of() {
    local backend
    backend=$(head -n 1 "$T/backend")
    kill -STOP "$backend"
    kill -KILL "$postmaster"
    eventually not kill -0 "$postmaster"
    no_orphan "crashed, with a backend alive"
    kill -KILL "$backend"
    eventually not pgrep -x postgres
}
# Dead altogether. The segment by which it would find that out is the server's own to take over. What else of it is called
# proven may go: the next start finds its data.
after_of() {
    ours >"$T/left"
    jq -es 'all(.[] | select(.kind != "sysv-shm"); .verdict != "orphan") and any(.kind == "sysv-shm" and .verdict == "protected")' "$T/left" || { cat "$T/left"; return 1; }
    local id
    for id in $(jq -r 'select(.kind == "sysv-shm" and .class == "proven") | .facts.id' "$T/left"); do ipcrm -m "$id"; done
    start "$@"
    [ "$(sql 'select count(*) from t')" = 1000 ]
    no_orphan "started again"
}

@test "a cluster on System V memory: running, idle, crashed and dead" {
    pg_world "$(declare -f life_of crash_of after_of)"'
        cluster
        life_of shared_memory_type=sysv dynamic_shared_memory_type=sysv
        ours | jq -es "any(.kind == \"sysv-shm\" and .verdict == \"held\" and .facts.attaches > 3)"
        # The trap: segments that a live cluster needs, which nobody has attached, made and used last by the dead.
        jq -es "any(.kind == \"sysv-shm\" and .facts.attaches == 0 and any(.evidence[]; .test == \"rule\" and .result == \"alive\"))" "$T/idle"
        crash_of
        after_of shared_memory_type=sysv dynamic_shared_memory_type=sysv'
}

@test "a cluster on POSIX memory: running, idle, crashed and dead" {
    pg_world "$(declare -f life_of crash_of after_of)"'
        cluster
        life_of shared_memory_type=mmap dynamic_shared_memory_type=posix
        ours | jq -es "any(.kind == \"posix-shm\" and .name[:12] == \"/PostgreSQL.\")"
        crash_of
        ours | jq -es "any(.kind == \"posix-shm\" and .verdict == \"protected\")"
        after_of shared_memory_type=mmap dynamic_shared_memory_type=posix'
}
