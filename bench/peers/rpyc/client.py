"""The RPyC peer's client.

    client.py HOST:PORT (vote|vote-handout CONNECTIONS IN_FLIGHT VOTES)
    client.py HOST:PORT (arrive|arrive-handout IN_FLIGHT VOTES)
    client.py HOST:PORT (lines-... FILE)
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import rpyc
from rpyc.core.channel import Channel
from rpyc.core.stream import SocketStream

# No compression: on loopback it only costs time.
Channel.COMPRESSION_THRESHOLD = sys.maxsize


def connect(address):
    host, port = address.rsplit(":", 1)
    stream = SocketStream.connect(host, int(port), nodelay=True)
    # Counting a whole file may take longer than the default timeout of 30 seconds.
    return rpyc.connect_stream(stream, config={"sync_request_timeout": None})


class Voters:
    """The voters of one connection. One thread sends the votes and runs the callbacks."""

    def __init__(self, address, in_flight, numbers):
        self.connection = connect(address)
        self.vote = rpyc.async_(self.connection.root.vote)
        self.in_flight = in_flight
        self.numbers = iter(numbers)
        # One callback object for all: RPyC would make a new proxy for each one.
        self.callback = self.message
        self.unanswered = 0
        self.recorded = 0
        self.messages = 0

    def run(self, start):
        start.wait()
        for _ in range(self.in_flight):
            self.cast_next()
        while self.unanswered:
            self.connection.serve()

    def cast_next(self):
        number = next(self.numbers, None)
        if number is not None:
            self.unanswered += 1
            self.vote(number, "Ada", self.callback).add_callback(self.answered)

    def run_handout(self, start):
        """As in the handout: one call at a time."""
        start.wait()
        for number in self.numbers:
            outcome = self.connection.root.vote(number, "Ada", self.callback)
            self.recorded += outcome == "recorded"

    def message(self, text):
        self.messages += text == "Your vote is recorded."

    def answered(self, outcome):
        self.unanswered -= 1
        self.recorded += not outcome.error and outcome.value == "recorded"
        self.cast_next()


def vote(address, job, connections, in_flight, votes):
    shares = [range(first, votes + 1, connections) for first in range(1, connections + 1)]
    all_voters = [Voters(address, in_flight, share) for share in shares]
    start = Barrier(connections + 1)
    with ThreadPoolExecutor(connections) as threads:
        run = Voters.run_handout if job == "vote-handout" else Voters.run
        running = [threads.submit(run, voters, start) for voters in all_voters]
        start.wait()
        began = time.perf_counter()
        for thread in running:
            thread.result()
        seconds = time.perf_counter() - began
    recorded = sum(voters.recorded for voters in all_voters)
    messages = sum(voters.messages for voters in all_voters)
    if (recorded, messages) != (votes, votes):
        sys.exit(f"{votes} votes were cast, {recorded} recorded, with {messages} callbacks")
    return votes, seconds


def arrive(address, job, in_flight, votes):
    """Each voter connects, votes, is told and leaves. A thread for each that is there."""
    host, port = address.rsplit(":", 1)

    def voter(number):
        messages = []
        # As in the handout, with what `connect` sets by default.
        is_handout = job == "arrive-handout"
        connection = rpyc.connect(host, int(port)) if is_handout else connect(address)
        outcome = connection.root.vote(number, "Ada", messages.append)
        connection.close()
        return outcome == "recorded" and messages == ["Your vote is recorded."]

    began = time.perf_counter()
    with ThreadPoolExecutor(in_flight) as threads:
        recorded = sum(threads.map(voter, range(1, votes + 1)))
    seconds = time.perf_counter() - began
    if recorded != votes:
        sys.exit(f"{votes} voters came, and {recorded} votes were recorded")
    return votes, seconds


def lines(address, job, path):
    length = 0

    def line(text):
        nonlocal length
        length += len(text)

    def batch(texts):
        for text in texts:
            line(text)

    count_lines = connect(address).root.count_lines
    with open(path, "rb") as file:
        began = time.perf_counter()
        count = count_lines(file, batch if job == "lines-batched" else line)
        seconds = time.perf_counter() - began
        if length != file.seek(0, 2):
            sys.exit(f"the callback saw {length} of {file.tell()} bytes")
    return count, seconds


address, job, *arguments = sys.argv[1:]
if job.startswith("vote"):
    count, seconds = vote(address, job, *map(int, arguments))
elif job.startswith("arrive"):
    count, seconds = arrive(address, job, *map(int, arguments))
else:
    count, seconds = lines(address, job, *arguments)
print(json.dumps({"count": count, "seconds": seconds}))
