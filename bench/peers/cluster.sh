#!/bin/bash
# Runs a command with a PostgreSQL primary and a synchronous standby below it:
#   cluster.sh COMMAND...
# The environment variable SCRATCH names an empty or missing folder for both; all its parent folders
# must be enterable by everyone. The command finds the address of the database in LEDGER.
set -euo pipefail

. "$(dirname "$0")/scratch.sh"

pids=()
stop() {
  trap - EXIT TERM INT
  for pid in "${pids[@]}"; do kill -QUIT "$pid" 2>/dev/null || true; done
  wait
  exit "${1-0}"
}
trap 'stop $?' EXIT
trap stop TERM INT

# Starts a server on a port, and waits until it answers. `--pdeathsig` stops it even if this script
# is killed with SIGKILL.
start() {
  "${as_user[@]}" setpriv --pdeathsig QUIT "$binaries/postgres" -D "$scratch/$1" \
    >"$scratch/$1.log" 2>&1 &
  local pid=$!
  pids+=("$pid")
  until "$binaries/pg_isready" -q -h 127.0.0.1 -p "$2"; do
    kill -0 "$pid" || fail "the $1 does not start, see $scratch/$1.log"
    sleep 0.1
  done
}

port=$((20000 + RANDOM % 12000))
"${as_user[@]}" "$binaries/initdb" --pgdata=primary --username=postgres --auth=trust \
  --encoding=UTF8 --locale=C >initdb.log 2>&1 || fail "initdb failed, see $scratch/initdb.log"
cat >>primary/postgresql.conf <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
synchronous_standby_names = 'standby'
shared_buffers = 256MB
max_wal_size = 4GB
END
start primary "$port"
"${as_user[@]}" "$binaries/pg_basebackup" -D standby -R -X stream --checkpoint=fast \
  -d "host=127.0.0.1 port=$port user=postgres application_name=standby"
echo "port = $((port + 1))" >>standby/postgresql.conf
start standby "$((port + 1))"
synchronous="SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
until [ "$("$binaries/psql" -AtX -h 127.0.0.1 -p "$port" -U postgres -c "$synchronous")" = 1 ]; do
  sleep 0.1
done

export LEDGER=postgres://postgres@127.0.0.1:$port/postgres
setpriv --pdeathsig KILL "$@" &
pids+=("$!")
wait "$!"
