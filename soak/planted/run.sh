#!/bin/sh
# Applies each patch in this folder to a copy of the source, one at a time, and checks that the
# simulation finds the bug. Takes a few minutes. Those named pg-* are for cluster.sh. Arguments:
# patches to use instead of all.
set -eu
cd "$(dirname "$0")/../.."
copy=target/planted/source
histories=1000
[ $# -gt 0 ] || set -- $(ls soak/planted/*.patch | grep -v /pg-)
failed=
for patch; do
    name=$(basename "$patch" .patch)
    rm -rf "$copy"
    mkdir -p "$copy"
    git ls-files -z | xargs -0 cp --parents -t "$copy"
    patch -d "$copy" -p1 -s <"soak/planted/$name.patch"
    if ! CARGO_TARGET_DIR=target/planted/build \
        cargo build -q --manifest-path "$copy/Cargo.toml" -p capvote-soak; then
        echo "$name: does not compile"
        failed=$name
    elif found=$(RUST_BACKTRACE=0 target/planted/build/debug/capvote-soak histories --count $histories 2>&1); then
        echo "$name: not found in $histories histories"
        failed=$name
    else
        echo "$name: $(echo "$found" | grep -m 1 -o 'after [0-9].* histories.*' | cut -c1-160)"
    fi
done
[ -z "$failed" ]
