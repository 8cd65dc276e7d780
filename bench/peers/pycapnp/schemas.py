"""capvote's schemas, loaded by pycapnp."""

from pathlib import Path

import capnp

SCHEMAS = Path(__file__).resolve().parents[3] / "schema"
# pycapnp has Cap'n Proto's own schemas in a folder `capnp`. Without them, `-> stream` aborts the
# process.
IMPORTS = [str(Path(capnp.__file__).parents[1])]

election = capnp.load(str(SCHEMAS / "election.capnp"), imports=IMPORTS)
lines = capnp.load(str(SCHEMAS / "lines.capnp"), imports=IMPORTS)
