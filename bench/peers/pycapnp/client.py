"""The pycapnp peer's client.

    client.py HOST:PORT (vote CONNECTIONS IN_FLIGHT VOTES | lines FILE)
"""

import asyncio
import json
import sys
import time

import capnp

import schemas


# A connection lasts as long as its client object, not as long as the capabilities from it.
clients = []


async def connect(address):
    host, port = address.rsplit(":", 1)
    stream = await capnp.AsyncIoStream.create_connection(host, int(port))
    clients.append(capnp.TwoPartyClient(stream))
    return clients[-1].bootstrap().cast_as(schemas.election.Directory)


class MessageSink(schemas.election.MessageSink.Server):
    def __init__(self):
        self.recorded = 0

    async def message_context(self, context):
        self.recorded += context.params.text == "Your vote is recorded."


class RemoteFile(schemas.lines.RemoteFile.Server):
    def __init__(self, file):
        self.file = file

    async def read_context(self, context):
        self.file.seek(context.params.offset)
        context.results.data = self.file.read(context.params.length)


class LineSink(schemas.lines.LineSink.Server):
    def __init__(self, function):
        self.function = function
        self.is_done = False

    async def lines_context(self, context):
        for line in context.params.lines:
            self.function(line)

    async def done_context(self, context):
        self.is_done = True


async def vote(address, connections, in_flight, votes):
    sinks = []
    voters = []
    recorded = 0

    async def cast(election, sink, numbers):
        nonlocal recorded
        for number in numbers:
            answer = await election.vote(candidate="Ada", voterNumber=number, messages=sink)
            recorded += answer.outcome.which() == "recorded"

    for first in range(1, connections + 1):
        directory = await connect(address)
        election = (await directory.election("")).election
        sinks.append(MessageSink())
        sink = schemas.election.MessageSink._new_client(sinks[-1])
        # The voters of one connection share one iterator.
        numbers = iter(range(first, votes + 1, connections))
        voters += [cast(election, sink, numbers) for _ in range(in_flight)]
    began = time.perf_counter()
    # A vote's message is sent before its outcome, over the same connection.
    await asyncio.gather(*voters)
    seconds = time.perf_counter() - began
    messages = sum(sink.recorded for sink in sinks)
    if (recorded, messages) != (votes, votes):
        sys.exit(f"{votes} votes were cast, {recorded} recorded, with {messages} messages")
    return votes, seconds


async def lines(address, path):
    length = 0

    def line(text):
        nonlocal length
        length += len(text)

    directory = await connect(address)
    counter = (await directory.lineCounter()).counter
    with open(path, "rb", buffering=0) as file:
        sink = LineSink(line)
        began = time.perf_counter()
        count = (await counter.countLines(RemoteFile(file), sink)).count
        seconds = time.perf_counter() - began
        if not sink.is_done or length != file.seek(0, 2):
            sys.exit(f"the callback saw {length} of {file.tell()} bytes, done: {sink.is_done}")
    return count, seconds


async def main(address, job, *arguments):
    if job == "vote":
        count, seconds = await vote(address, *map(int, arguments))
    else:
        count, seconds = await lines(address, *arguments)
    print(json.dumps({"count": count, "seconds": seconds}))


asyncio.run(capnp.run(main(*sys.argv[1:])))
