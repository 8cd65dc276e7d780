#!/bin/sh
# Builds a Debian package, target/debian/capvote_*.deb. Needs cargo-deb.
set -eu
cd "$(dirname "$0")/.."
cargo build --release --locked --bins
packaging/share.sh "${CARGO_TARGET_DIR:-target}/release" target/share
cargo deb --locked --no-build
