"""A returning officer's client of capvote in Python: it issues voter numbers, closes an election, and reads its sheet.

    officer.py LINK issue COUNT
    officer.py LINK close
    officer.py LINK sheet

LINK is the one with the token, of the file `officer.link`. What is common to all clients is in client.py.
"""

import capnp

from client import IMPORTS, SCHEMAS, Link, connect, election_schema, name_of, run

officer_schema = capnp.load(str(SCHEMAS / "officer.capnp"), imports=IMPORTS)

COMMANDS = {"issue": (1,), "close": (0,), "sheet": (0,)}


class VoterNumberSink(officer_schema.VoterNumberSink.Server):
    """Keeps the numbers that the server draws. They are put on the roll once `done` is answered."""

    def __init__(self):
        self.kept = []

    async def numbers(self, numbers, **_):
        self.kept.extend(numbers)

    async def done(self, **_):
        # An officer who means it has them on a disk before this answers.
        pass


class TallySheetSink(officer_schema.TallySheetSink.Server):
    """Shows each ballot as it comes."""

    async def lines(self, lines, **_):
        for line in lines:
            print(line.candidate, line.nonce.hex(), line.commitment)

    async def done(self, **_):
        pass


def check(answer):
    """Raises an error where an act was not done. A refusal is a value, and says why."""
    outcome = answer.outcome
    which = name_of(lambda: outcome.which())
    if which == "refused":
        raise ValueError(outcome.refused)
    if which != "done":
        raise ValueError(which)


def shown(number):
    """A voter number as it is shown to people."""
    digits = f"{number:020}"
    return "-".join(digits[at : at + 4] for at in range(0, len(digits), 4))


async def main(link, command, *arguments):
    link = Link(link)
    connection = await connect(link)
    directory = connection.bootstrap().cast_as(election_schema.Directory)
    # A link does not tell its role. This one is taken for a returning officer's; with another, the next call fails.
    officer = (await directory.restore(link.token)).capability.as_interface(officer_schema.ReturningOfficer)
    administration = (await officer.administer(link.election)).administration
    if command == "issue":
        sink = VoterNumberSink()
        registrar = (await administration.registrar()).registrar
        check(await registrar.issue(int(arguments[0]), sink))
        # Not handed out before they are on the roll.
        for number in sink.kept:
            print(shown(number))
    elif command == "close":
        check(await administration.close())
    else:
        auditor = (await administration.auditor()).auditor
        check(await auditor.tallySheet(TallySheetSink()))


if __name__ == "__main__":
    run(main, COMMANDS, __doc__)
