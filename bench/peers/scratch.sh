# For the scripts that start PostgreSQL, which source it. The environment variable SCRATCH names an
# empty or missing folder; all its parent folders must be enterable by everyone. Enters it, and sets
# `scratch` to its path, `binaries` to the folder of PostgreSQL's programs, and `as_user` to what
# runs them.

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$binaries" ]; then
  command -v initdb >/dev/null || fail "no PostgreSQL server is installed"
  binaries=$(dirname "$(command -v initdb)")
fi

scratch=${SCRATCH:?must name a folder for the cluster}
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
as_user=()
if [ "$(id -u)" = 0 ]; then
  # PostgreSQL does not run as root.
  chown postgres: "$scratch"
  as_user=(setpriv --reuid postgres --regid postgres --init-groups)
fi
cd "$scratch"
