#!/bin/sh
# Builds the programs for release, in target/package/release, without the paths of the source and of
# the builder's home in them.
set -eu
cd "$(dirname "$0")/.."
source=$(pwd -P)
cargo_home=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd -P)
rust=$(rustc --print sysroot)
target=${CARGO_TARGET_DIR:-$source/target}/package
export RUSTFLAGS="--remap-path-prefix=$source=capvote --remap-path-prefix=$cargo_home=cargo \
--remap-path-prefix=$rust=rust"
map="-ffile-prefix-map=$target=target -ffile-prefix-map=$source=capvote -ffile-prefix-map=$cargo_home=cargo"
export CFLAGS="$map" CXXFLAGS="$map" CARGO_TARGET_DIR="$target"
cargo build --package capvote --release --locked --bins
