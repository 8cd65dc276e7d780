# Run everything that CI runs.
ci:
    .ci/run

# Compile the schemas, after a change. Needs Debian's capnproto and libcapnp-dev.
schema:
    schema/compile.sh
