"""A client of capvote in Python: it votes, tells results, watches them, and counts the lines of a file.

    client.py LINK vote CANDIDATE VOTER-NUMBER [NONCE]
    client.py LINK results
    client.py LINK watch
    client.py LINK count-lines FILE

It ends with 0, with 3 for a vote that was refused, and with 1 where something failed. It takes every link that
docs/clients.md describes, and opens no token.
"""

import asyncio
import base64
import hashlib
import os
import ssl
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import capnp

SCHEMAS = Path(__file__).resolve().parents[2] / "schema"
# pycapnp has the schemas of Cap'n Proto itself in a folder `capnp`. Without them a method that answers with
# `-> stream` aborts the process.
IMPORTS = [str(Path(capnp.__file__).parents[1])]

election_schema = capnp.load(str(SCHEMAS / "election.capnp"), imports=IMPORTS)
lines_schema = capnp.load(str(SCHEMAS / "lines.capnp"), imports=IMPORTS)

DEFAULT_PORT = 12358
NONCE_BYTES = 16
# The longest answer to one `read`, whatever the server asks for.
READ_BYTES_MAX = 256 * 1024
REFUSED = 3


async def connect(link):
    """A connection to the server that a link names, and the id of the election in the link, or ""."""
    url = urlsplit(link)
    query = dict(parse_qsl(url.query))
    if url.scheme == "capvote+unix":
        stream = await capnp.AsyncIoStream.create_unix_connection(unquote(url.path))
        return capnp.TwoPartyClient(stream), query.get("election", "")
    if url.scheme not in ("capvote", "capvotes"):
        # The link is not repeated: it may hold a secret.
        raise ValueError("a link begins with capvote://, capvotes:// or capvote+unix:///")
    address = (url.hostname, url.port or DEFAULT_PORT)
    encryption = encrypted(address, query.get("cert")) if url.scheme == "capvotes" else None
    stream = await capnp.AsyncIoStream.create_connection(*address, ssl=encryption)
    return capnp.TwoPartyClient(stream), url.path.strip("/")


def encrypted(address, fingerprint):
    """How to speak to the server that has the certificate with this fingerprint; without one, as to any web server."""
    if fingerprint is None:
        return ssl.create_default_context()
    certificate = ssl.get_server_certificate(address)
    hashed = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest()
    if base64.urlsafe_b64encode(hashed).decode().rstrip("=") != fingerprint:
        raise ValueError("the server's certificate is not the one that the link names")
    # The connection that is made with this trusts that certificate alone, whatever name is in it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate)
    return context


class MessageSink(election_schema.MessageSink.Server):
    """What the server has to say to a voter: it calls this, over the connection, before it answers the vote."""

    async def message(self, text, **_):
        print(text)


class ResultObserver(election_schema.ResultObserver.Server):
    """Whoever watches. The next results are sent once this has dealt with the last."""

    def __init__(self):
        self.closed = asyncio.get_running_loop().create_future()

    async def changed(self, results, **_):
        show(results)

    async def done(self, **_):
        self.closed.set_result(None)


class RemoteFile(lines_schema.RemoteFile.Server):
    """A file of this machine, which the server reads piece by piece."""

    def __init__(self, file):
        self.file = file

    async def read(self, offset, length, **_):
        return os.pread(self.file.fileno(), min(length, READ_BYTES_MAX), offset)


class LineSink(lines_schema.LineSink.Server):
    """Calls a function with each line that the server found."""

    def __init__(self, function):
        self.function = function

    async def lines(self, lines, **_):
        for line in lines:
            self.function(line)

    async def done(self, **_):
        pass


async def vote(election, candidate, number, nonce=None):
    # Made before the vote is sent, and shown: with the same nonce, whoever gets no answer votes again and is counted once.
    nonce = bytes.fromhex(nonce) if nonce else os.urandom(NONCE_BYTES)
    print(f"nonce {nonce.hex()}", flush=True)
    number = int("".join(number.replace("-", " ").split()))
    answer = await election.vote(candidate=candidate, voterNumber=number, messages=MessageSink(), nonce=nonce)
    # A refusal is a value. An exception would leave open whether the vote was recorded.
    outcome = answer.outcome
    if outcome.which() == "throttled":
        print(f"throttled: vote again in {outcome.throttled} ms, over a new connection")
    elif outcome.which() != "recorded":
        print(outcome.which())
    else:
        receipt = outcome.recorded
        if receipt.commitment != commitment(receipt.election, candidate, nonce):
            raise ValueError("the receipt is not for this vote")
        print(f"recorded {receipt.commitment}")
        return 0
    return REFUSED


def commitment(election, candidate, nonce):
    """The receipt of a vote, as anyone who knows these three can compute it."""
    hashed = hashlib.sha256(b"capvote receipt 1\0")
    for part in (election.encode(), candidate.encode(), nonce):
        hashed.update(len(part).to_bytes(4, "little") + part)
    text = base64.b32encode(hashed.digest()[:20]).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def show(results):
    candidates = ", ".join(f"{it.candidate} {it.votes}" for it in results.candidates)
    turnout = results.turnout
    print(f"{results.status}: {candidates}; {turnout.ballots} of {turnout.voters} have voted", flush=True)


async def watch(connection, election):
    observer = ResultObserver()
    # The watch ends when this is dropped.
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
    # The connection lasts as long as this object.
    connection, id = await connect(link)
    directory = connection.bootstrap().cast_as(election_schema.Directory)
    if command == "count-lines":
        return await count_lines((await directory.lineCounter()).counter, *arguments)
    election = (await directory.election(id)).election
    if command == "vote":
        return await vote(election, *arguments)
    if command == "results":
        return show((await election.results()).results)
    if command == "watch":
        return await watch(connection, election)
    raise ValueError(f"there is no command {command!r}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        sys.exit(asyncio.run(capnp.run(main(*sys.argv[1:]))))
    except capnp.KjException as error:
        sys.exit(error.description)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
