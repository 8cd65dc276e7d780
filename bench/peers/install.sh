#!/bin/bash
# install.sh VENV: installs what the peers need on Debian, and the Python peers' packages into a
# virtual environment in the folder VENV. Parts are independent: one that cannot be installed prints
# one line, and its peer is left out.
set -uo pipefail

venv=${1:?usage: install.sh VENV}
installed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# part WHAT COMMAND...
part() {
  local what=$1
  shift
  if "$@" >"$log" 2>&1; then
    installed=$((installed + 1))
  else
    echo "install.sh: could not install $what: $(grep -v '^[[:space:]]*$' "$log" | tail -n 1)" >&2
  fi
}

packages() {
  local missing=()
  local package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" ||
      missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --yes)
  # A new machine may have no package lists.
  "${apt[@]}" install --no-install-recommends "${missing[@]}" ||
    { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${missing[@]}"; }
}

environment() {
  [ -x "$venv/bin/python" ] && return
  # Some Pythons bring the venv module and need no package.
  python3 -m venv "$venv" || { packages python3-venv && python3 -m venv "$venv"; }
}

part "the C++ peer's packages" packages capnproto libcapnp-dev g++ make
part "PostgreSQL" packages postgresql
if environment >"$log" 2>&1; then
  part "RPyC" "$venv/bin/python" -m pip install rpyc==6.0.2
  part "JSON-RPC" "$venv/bin/python" -m pip install jsonrpclib-pelix==1.2.0
  part "pycapnp" "$venv/bin/python" -m pip install pycapnp==2.2.4
else
  echo "install.sh: could not make a Python environment in $venv: $(tail -n 1 "$log")" >&2
fi

[ "$installed" -gt 0 ]
