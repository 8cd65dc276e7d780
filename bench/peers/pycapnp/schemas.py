"""capvote's schemas, as pycapnp reads them."""

from pathlib import Path

import capnp

SCHEMAS = Path(__file__).resolve().parents[3] / "schema"
# pycapnp's own schemas lie in a folder `capnp` beside its code. Without them, `-> stream` aborts the process.
IMPORTS = [str(Path(capnp.__file__).parents[1])]

election = capnp.load(str(SCHEMAS / "election.capnp"), imports=IMPORTS)
lines = capnp.load(str(SCHEMAS / "lines.capnp"), imports=IMPORTS)
