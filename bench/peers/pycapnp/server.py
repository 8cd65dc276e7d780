"""The pycapnp peer's server: server.py (vote VOTERS | lines)."""

import asyncio
import io
import sys
from collections import deque

import capnp

import schemas

# Bytes per read, and reads in flight.
READ = 256 * 1024
READS = 8


class Directory(schemas.election.Directory.Server):
    def __init__(self, voters):
        self.the_election = Election(voters)

    async def election_context(self, context):
        context.results.election = self.the_election

    async def lineCounter_context(self, context):
        context.results.counter = LineCounter()


# Everything runs on one thread and needs no lock.
class Election(schemas.election.Election.Server):
    def __init__(self, voters):
        self.voted = dict.fromkeys(range(1, voters + 1), False)
        self.votes = {"Ada": 0, "Grace": 0}
        self.sending = set()

    async def vote_context(self, context):
        params = context.params
        text = self.record(params.voterNumber, params.candidate, context.results.outcome)
        # The vote does not wait for the sink, but dropping the promise would cancel the call.
        sending = asyncio.create_task(send(params.messages.message(text)))
        self.sending.add(sending)
        sending.add_done_callback(self.sending.discard)

    def record(self, number, candidate, outcome):
        voted = self.voted.get(number)
        if candidate not in self.votes:
            outcome.unknownCandidate = list(self.votes)
            return "There is no such candidate."
        if voted is None:
            outcome.unknownVoterNumber = None
            return "There is no such voter number."
        if voted:
            outcome.alreadyVoted = None
            return "A vote under this number stands."
        self.voted[number] = True
        self.votes[candidate] += 1
        outcome.init("recorded")
        return "Your vote is recorded."


async def send(call):
    try:
        await call
    except capnp.KjException:
        pass  # The voter has left.


class LineCounter(schemas.lines.LineCounter.Server):
    async def countLines_context(self, context):
        sink = context.params.lines
        count = 0
        last = b""
        async for data in read(context.params.file):
            # `BytesIO.readlines` splits at "\n" only and keeps it, unlike `bytes.splitlines`.
            lines = io.BytesIO(last + data).readlines()
            last = b"" if lines[-1].endswith(b"\n") else lines.pop()
            await sink.lines(lines)
            count += len(lines)
        if last:
            await sink.lines([last])
            count += 1
        await sink.done()
        context.results.count = count


async def read(file):
    """The file's bytes, with further reads in flight."""
    offset = asked = 0
    reads = deque()
    while True:
        while len(reads) < READS:
            reads.append(file.read(asked, READ))
            asked += READ
        expected = asked - READS * READ + READ
        data = (await reads.popleft()).data
        if not data:
            return
        offset += len(data)
        if offset != expected:
            # A short answer: reads beyond it are repeated from its end.
            reads.clear()
            asked = offset
        yield data


async def main(job, voters=0):
    directory = Directory(int(voters))

    async def serve(stream):
        await capnp.TwoPartyServer(stream, bootstrap=directory).on_disconnect()

    server = await capnp.AsyncIoStream.create_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"ready {host}:{port}", flush=True)
    await server.serve_forever()


asyncio.run(capnp.run(main(*sys.argv[1:])))
