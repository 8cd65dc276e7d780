#!/bin/sh
# Applies each patch pg-*.patch in this folder to a copy of the source, one at a time, and checks
# that the test that it names fails. Needs PostgreSQL, which the tests start. Takes some minutes.
# Arguments: patches to use instead of all.
set -eu
cd "$(dirname "$0")/../.."
copy=target/planted/source
export CARGO_TARGET_DIR="$PWD/target/planted/build"
[ $# -gt 0 ] || set -- soak/planted/pg-*.patch
missed=
for patch; do
    name=$(basename "$patch" .patch)
    test=$(sed -n 's/^Found by: //p' "soak/planted/$name.patch")
    rm -rf "$copy"
    mkdir -p "$copy"
    git ls-files -z | xargs -0 cp --parents -t "$copy"
    patch -d "$copy" -p1 -s <"soak/planted/$name.patch"
    cargo="cargo test -q --manifest-path $copy/Cargo.toml --test ledger"
    if ! $cargo --no-run; then
        echo "$name: does not compile"
        missed=$name
    elif found=$(timeout 300 $cargo -- --exact "$test" 2>&1); then
        echo "$name: missed"
        missed=$name
    elif ! echo "$found" | grep -q "^test result: FAILED"; then
        echo "$name: the test did not end"
        missed=$name
    else
        echo "$name: found, $(echo "$found" | grep -m 1 -A 1 panicked | tail -n 1 | cut -c1-160)"
    fi
done
[ -z "$missed" ]
