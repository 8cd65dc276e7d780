#!/bin/sh
# Compiles the schemas into the request that build.rs reads, and records the hashes of the schemas.
# Run it after every change to a schema. Needs the Cap'n Proto compiler and its standard schemas
# (Debian: `capnproto` and `libcapnp-dev`).
set -eu
cd "$(dirname "$0")"
capnp compile -o- --src-prefix=. election.capnp lines.capnp officer.capnp > capvote.cgr
sha256sum election.capnp lines.capnp officer.capnp > capvote.cgr.sources
