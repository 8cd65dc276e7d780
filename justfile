# What CI runs.
ci:
    .ci/run

# After a change of a schema: needs Debian's capnproto and libcapnp-dev.
schema:
    schema/compile.sh
