"""An officer's client in Python: it issues numbers, closes an election, and prints its tally sheet.

    officer.py LINK issue COUNT
    officer.py LINK close
    officer.py LINK sheet

LINK is the link with a token in the file `officer.link`. What clients have in common is in
client.py.
"""

import capnp

from client import IMPORTS, SCHEMAS, Link, connect, election_schema, name_of, run

officer_schema = capnp.load(str(SCHEMAS / "officer.capnp"), imports=IMPORTS)

COMMANDS = {"issue": (1,), "close": (0,), "sheet": (0,)}


class VoterNumberSink(officer_schema.VoterNumberSink.Server):
    """Keeps the new numbers. The server puts them on the roll once `done` is answered."""

    def __init__(self):
        self.kept = []

    async def numbers(self, numbers, **_):
        self.kept.extend(numbers)

    async def done(self, **_):
        # In earnest, store the numbers on disk before answering.
        pass


class TallySheetSink(officer_schema.TallySheetSink.Server):
    """Prints each ballot."""

    async def lines(self, lines, **_):
        for line in lines:
            print(line.candidate, line.nonce.hex(), line.commitment)

    async def done(self, **_):
        pass


def check(answer):
    """Raises an error if an act was not done. A refusal is a value that gives the reason."""
    outcome = answer.outcome
    which = name_of(lambda: outcome.which())
    if which == "refused":
        raise ValueError(outcome.refused)
    if which != "done":
        raise ValueError(which)


def shown(number):
    """A voter number in groups of four digits, for people."""
    digits = f"{number:020}"
    return "-".join(digits[at : at + 4] for at in range(0, len(digits), 4))


async def main(link, command, *arguments):
    link = Link(link)
    connection = await connect(link)
    directory = connection.bootstrap().cast_as(election_schema.Directory)
    # A link does not reveal its role. If it is not a returning officer's, the next call fails.
    restored = (await directory.restore(link.token)).capability
    officer = restored.as_interface(officer_schema.ReturningOfficer)
    administration = (await officer.administer(link.election)).administration
    if command == "issue":
        sink = VoterNumberSink()
        registrar = (await administration.registrar()).registrar
        check(await registrar.issue(int(arguments[0]), sink))
        # Only now are they on the roll and safe to hand out.
        for number in sink.kept:
            print(shown(number))
    elif command == "close":
        check(await administration.close())
    else:
        auditor = (await administration.auditor()).auditor
        check(await auditor.tallySheet(TallySheetSink()))


if __name__ == "__main__":
    run(main, COMMANDS, __doc__)
