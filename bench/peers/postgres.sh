#!/bin/bash
# The PostgreSQL peer's server, or the database below another server:
#   postgres.sh vote VOTERS [COMMAND...]
# The environment variable SCRATCH names an empty or missing folder for the cluster; all its parent
# folders must be enterable by everyone. The command finds HOST:PORT of the database in DATABASE.
# For each vote, the client or the command runs one statement as user postgres in database postgres:
#   INSERT INTO ballots SELECT number, $2 FROM roll WHERE number = $1 ON CONFLICT DO NOTHING
set -euo pipefail

[ "${1-}" = vote ] && [[ "${2-}" =~ ^[0-9]+$ ]] || {
  echo "usage: postgres.sh vote VOTERS [COMMAND...]" >&2
  exit 1
}
voters=$2
shift 2
. "$(dirname "$0")/scratch.sh"

"${as_user[@]}" "$binaries/initdb" --pgdata="$scratch/cluster" --username=postgres --auth=trust \
  --encoding=UTF8 --locale=C >"$scratch/initdb.log" 2>&1 ||
  fail "initdb failed, see $scratch/initdb.log"

cat >>"$scratch/cluster/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 256MB
max_wal_size = 4GB
max_connections = 300
END

server=
below=
stop() {
  trap - EXIT TERM INT
  [ -z "$below" ] || kill "$below" 2>/dev/null || true
  # SIGINT is PostgreSQL's fast shutdown: it ends all sessions and stops cleanly.
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true
    wait "$server" || true
  fi
  exit "${1-0}"
}
trap 'stop $?' EXIT
trap stop TERM INT

psql() {
  "$binaries/psql" --no-psqlrc --quiet --set ON_ERROR_STOP=1 --host 127.0.0.1 --port "$port" \
    --username postgres "$@"
}

# Whether a port is free shows only when the server binds it. `--pdeathsig` stops the server even if
# this script is killed with SIGKILL.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  port=$((20000 + RANDOM % 12000))
  "${as_user[@]}" setpriv --pdeathsig INT "$binaries/postgres" -D "$scratch/cluster" -p "$port" \
    >"$scratch/postgres.log" 2>&1 &
  server=$!
  # If the port is taken, the server exits.
  while kill -0 "$server" 2>/dev/null; do
    if grep -q "ready to accept" "$scratch/postgres.log"; then
      break 2
    fi
    sleep 0.1
  done
  server=
done
[ -n "$server" ] || fail "PostgreSQL does not start, see $scratch/postgres.log"

psql postgres >"$scratch/setup.log" <<END || fail "the tables could not be created"
CREATE TABLE roll (number bigint PRIMARY KEY);
CREATE TABLE ballots (number bigint PRIMARY KEY, candidate text NOT NULL);
INSERT INTO roll SELECT generate_series(1, $voters);
VACUUM ANALYZE roll;
CHECKPOINT;
END

if [ $# -gt 0 ]; then
  DATABASE=127.0.0.1:$port setpriv --pdeathsig KILL "$@" &
  below=$!
  wait "$below" || fail "the command failed"
  exit
fi
echo "ready 127.0.0.1:$port"
wait "$server" || fail "PostgreSQL failed, see $scratch/postgres.log"
