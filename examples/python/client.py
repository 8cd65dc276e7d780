"""A capvote client in Python: it votes, prints results, watches them, and counts a file's lines.

    client.py LINK vote CANDIDATE VOTER-NUMBER [NONCE]
    client.py LINK rank "NAME > NAME" VOTER-NUMBER [NONCE]
    client.py LINK results
    client.py LINK watch
    client.py LINK count-lines FILE

It exits with 0, with 3 if a vote was refused, and with 1 if something failed. It takes every link
that docs/clients.md describes, but opens no token; officer.py does.
"""

import asyncio
import base64
import hashlib
import os
import re
import ssl
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import capnp

SCHEMAS = Path(__file__).resolve().parents[2] / "schema"
# pycapnp has Cap'n Proto's own schemas in a folder `capnp`. Without them, a method with `-> stream`
# aborts the process.
IMPORTS = [str(Path(capnp.__file__).parents[1])]

election_schema = capnp.load(str(SCHEMAS / "election.capnp"), imports=IMPORTS)
lines_schema = capnp.load(str(SCHEMAS / "lines.capnp"), imports=IMPORTS)

DEFAULT_PORT = 12358
NONCE_BYTES = 16
# The longest answer to one `read`, even if the server asks for more.
READ_BYTES_MAX = 256 * 1024
REFUSED = 3

# The query parameters that each kind of link may have.
QUERIES = {"capvote": set(), "capvotes": {"cert"}, "capvote+unix": {"election"}}
ELECTION_ID = re.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# Python's ssl module has no name for this OpenSSL flag.
X509_V_FLAG_NO_CHECK_TIME = 0x200000

# Each command, and the numbers of arguments it takes.
COMMANDS = {"vote": (2, 3), "rank": (2, 3), "results": (0,), "watch": (0,), "count-lines": (1,)}


class Link:
    """A parsed link. Anything this does not understand is an error."""

    def __init__(self, text):
        # Error messages do not quote the link: it may hold a secret.
        url = urlsplit(text)
        if url.scheme not in QUERIES:
            raise ValueError("a link begins with capvote://, capvotes:// or capvote+unix:///")
        parts = parse_qsl(url.query, keep_blank_values=True)
        query = dict(parts)
        if not query.keys() <= QUERIES[url.scheme] or len(query) < len(parts):
            raise ValueError("the link has an unknown or repeated query parameter")
        if url.scheme == "capvote+unix":
            if url.netloc or not url.path.startswith("/"):
                raise ValueError("the path of a socket follows three slashes")
            self.socket, election = unquote(url.path), query.get("election")
        else:
            if not url.hostname or "@" in url.netloc:
                raise ValueError("a link names a host, and no user")
            port = DEFAULT_PORT if url.port is None else url.port
            self.socket, self.address = None, (url.hostname, port)
            election = url.path.removeprefix("/") or None
        if election is not None and not ELECTION_ID.fullmatch(election):
            raise ValueError("the election in the link is not a valid id")
        self.election = election or ""
        self.encrypted = url.scheme == "capvotes"
        self.fingerprint = query.get("cert")
        padding = "=" * (-len(url.fragment) % 4)
        self.token = base64.b64decode(url.fragment + padding, altchars=b"-_", validate=True)


async def connect(link):
    """Connects to the server that a link names."""
    if link.socket is not None:
        return capnp.TwoPartyClient(await capnp.AsyncIoStream.create_unix_connection(link.socket))
    context = tls_context(link.address, link.fingerprint) if link.encrypted else None
    stream = await capnp.AsyncIoStream.create_connection(*link.address, ssl=context)
    return capnp.TwoPartyClient(stream)


def tls_context(address, fingerprint):
    """Trusts only the certificate with this fingerprint; without one, as for any web site."""
    if fingerprint is None:
        return ssl.create_default_context()
    certificate = ssl.get_server_certificate(address)
    hashed = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest()
    if base64.urlsafe_b64encode(hashed).decode().rstrip("=") != fingerprint:
        raise ValueError("the server's certificate is not the one that the link names")
    # Trust this certificate alone, whatever its name, dates and issuer. The connection that is made
    # with this context verifies it again.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME
    context.load_verify_locations(cadata=certificate)
    return context


class MessageSink(election_schema.MessageSink.Server):
    """Prints the server's message to a voter. The server calls this before it answers the vote."""

    async def message(self, text, **_):
        print(text)


class ResultObserver(election_schema.ResultObserver.Server):
    """Shows results. The server sends the next ones after `changed` has returned."""

    def __init__(self):
        self.closed = asyncio.get_running_loop().create_future()

    async def changed(self, results, **_):
        show(results)

    async def done(self, **_):
        self.closed.set_result(None)


class RemoteFile(lines_schema.RemoteFile.Server):
    """A local file, which the server reads piece by piece."""

    def __init__(self, file):
        self.file = file

    async def read(self, offset, length, **_):
        return os.pread(self.file.fileno(), min(length, READ_BYTES_MAX), offset)


class LineSink(lines_schema.LineSink.Server):
    """Calls a function with each line."""

    def __init__(self, function):
        self.function = function

    async def lines(self, lines, **_):
        for line in lines:
            self.function(line)

    async def done(self, **_):
        pass


async def vote(election, candidate, number, nonce=None):
    # Drawn and printed before the vote is sent: if no answer comes, a retry with the same nonce
    # counts once.
    nonce = bytes.fromhex(nonce) if nonce else os.urandom(NONCE_BYTES)
    number = voter_number(number)
    print(f"nonce {nonce.hex()}", flush=True)
    # With it, the size of an encrypted vote does not tell the choice.
    padding = bytes(8 * max(0, 32 - len(candidate.encode()) // 8))
    answer = await election.vote(
        candidate=candidate,
        voterNumber=number,
        messages=MessageSink(),
        nonce=nonce,
        padding=padding,
    )
    return told(answer.outcome, lambda election: commitment(election, candidate, nonce))


async def rank(election, names, number, nonce=None):
    """Casts a ranked ballot: the first name has rank 1."""
    nonce = bytes.fromhex(nonce) if nonce else os.urandom(NONCE_BYTES)
    number = voter_number(number)
    slate = list((await election.info()).info.candidates)
    ranked = [name.strip() for name in names.split(">")]
    for name in ranked:
        if name not in slate:
            raise ValueError(f"there is no candidate {name!r}; the candidates are {slate}")
    # One number for each name of the slate; 0 is no mark.
    marks = [ranked.index(name) + 1 if name in ranked else 0 for name in slate]
    print(f"nonce {nonce.hex()}", flush=True)
    # Only a blank ballot, which has no marks, needs padding.
    answer = await election.cast(
        marks=marks, voterNumber=number, messages=MessageSink(), nonce=nonce
    )
    marked = [(name, mark) for name, mark in zip(slate, marks) if mark]
    return told(answer.outcome, lambda election: ranked_commitment(election, marked, nonce))


def told(outcome, expected):
    """Prints an outcome. The receipt has to be the one that `expected` computes."""
    # A refusal is a value. An exception leaves open whether the vote was recorded.
    which = name_of(lambda: outcome.which())
    if which == "throttled":
        print(f"throttled: vote again in {outcome.throttled} ms, over a new connection")
    elif which != "recorded":
        print(which)
    else:
        receipt = outcome.recorded
        if receipt.commitment != expected(receipt.election):
            raise ValueError("the receipt is not for this vote")
        print(f"recorded {receipt.commitment}")
        return 0
    return REFUSED


def voter_number(text):
    """Parses a voter number. `int` alone would accept "12_3", and more than 64 bits."""
    digits = "".join(text.replace("-", " ").split())
    if not re.fullmatch("[0-9]{1,20}", digits) or int(digits) >= 1 << 64:
        raise ValueError("a voter number is 1 to 20 digits, at most 18446744073709551615")
    return int(digits)


def name_of(read):
    """The name of a union member or enum value; a newer server's may not be in these schemas."""
    try:
        return str(read())
    except (capnp.KjException, RuntimeError):
        return "something newer"


def commitment(election, candidate, nonce):
    """The receipt of a vote, computed from election, candidate and nonce."""
    hashed = hashlib.sha256(b"capvote receipt 1\0")
    for part in (election.encode(), candidate.encode(), nonce):
        hashed.update(behind_length(part))
    return shown(hashed)


def ranked_commitment(election, marked, nonce):
    """The receipt of a ballot with marks: names and marks in the order of the slate."""
    hashed = hashlib.sha256(b"capvote receipt 2\0" + behind_length(election.encode()))
    for name, mark in marked:
        hashed.update(mark.to_bytes(2, "little") + behind_length(name.encode()))
    hashed.update(nonce)
    return shown(hashed)


def behind_length(part):
    return len(part).to_bytes(4, "little") + part


def shown(hashed):
    """A receipt as it is shown."""
    text = base64.b32encode(hashed.digest()[:20]).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def show(results):
    candidates = ", ".join(f"{it.candidate} {it.votes}" for it in results.candidates)
    turnout = results.turnout
    status = name_of(lambda: results.status)
    print(f"{status}: {candidates}; {turnout.ballots} of {turnout.voters} have voted", flush=True)


async def watch(connection, election):
    observer = ResultObserver()
    # Dropping this ends the watch.
    subscription = (await election.watch(observer)).subscription
    lost = asyncio.ensure_future(connection.on_disconnect())
    await asyncio.wait([observer.closed, lost], return_when=asyncio.FIRST_COMPLETED)
    del subscription
    if not observer.closed.done():
        raise ConnectionError("the connection was lost")
    print("closed")


async def count_lines(counter, path):
    def on_line(line):
        sys.stdout.buffer.write(line.removesuffix(b"\n") + b"\n")

    with open(path, "rb") as file:
        answer = await counter.countLines(file=RemoteFile(file), lines=LineSink(on_line))
    sys.stdout.buffer.flush()
    print(answer.count)


async def main(link, command, *arguments):
    link = Link(link)
    # The connection lasts as long as this object does.
    connection = await connect(link)
    directory = connection.bootstrap().cast_as(election_schema.Directory)
    if command == "count-lines":
        return await count_lines((await directory.lineCounter()).counter, *arguments)
    election = (await directory.election(link.election)).election
    if command == "vote":
        return await vote(election, *arguments)
    if command == "rank":
        return await rank(election, *arguments)
    if command == "results":
        return show((await election.results()).results)
    return await watch(connection, election)


def run(main, commands, usage):
    """Runs the command on the command line, and exits."""
    link_and_command, arguments = sys.argv[1:3], sys.argv[3:]
    if len(link_and_command) < 2 or len(arguments) not in commands.get(link_and_command[1], ()):
        sys.exit(usage)
    try:
        sys.exit(asyncio.run(capnp.run(main(*link_and_command, *arguments))))
    except capnp.KjException as error:
        sys.exit(error.description)
    except (OSError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run(main, COMMANDS, __doc__)
