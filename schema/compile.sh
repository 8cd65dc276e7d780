#!/bin/sh
# Compiles the schema into the request that build.rs reads, and notes which texts it was made from.
# Needs the Cap'n Proto compiler and its standard files (Debian: `capnproto` and `libcapnp-dev`). Run it after every change of a schema.
set -eu
cd "$(dirname "$0")"
capnp compile -o- --src-prefix=. election.capnp lines.capnp officer.capnp > capvote.cgr
sha256sum election.capnp lines.capnp officer.capnp > capvote.cgr.sources
