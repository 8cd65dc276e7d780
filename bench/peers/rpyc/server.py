"""The RPyC peer's server.

    server.py (vote|vote-handout VOTERS | lines-handout | lines-best | lines-batched)
"""

import socket
import sys
import threading
from collections import deque

import rpyc
from rpyc.core.channel import Channel
from rpyc.utils.helpers import buffiter
from rpyc.utils.server import ThreadedServer

# No compression: on loopback it only costs time.
Channel.COMPRESSION_THRESHOLD = sys.maxsize

# While a vote waits for its callback, RPyC serves the connection's next votes in nested calls: as
# deep as the client has votes in flight, at about eleven frames each.
sys.setrecursionlimit(20_000)

# Lines that a buffered iterator fetches at once, and callbacks in flight.
CHUNK = 1000
UNANSWERED = 1000


class Election(rpyc.Service):
    def __init__(self, voters):
        self.voted = dict.fromkeys(range(1, voters + 1), False)
        self.votes = {"Ada": 0, "Grace": 0}
        self.lock = threading.Lock()

    def exposed_vote(self, number, candidate, callback):
        with self.lock:
            outcome = self.record(number, candidate)
        # Outside the lock, so that others can vote while the callback runs.
        callback(f"Your vote is {outcome}.")
        return outcome

    def record(self, number, candidate):
        if candidate not in self.votes:
            return "refused: unknown candidate"
        voted = self.voted.get(number)
        if voted is None:
            return "refused: unknown voter number"
        if voted:
            return "refused: already voted"
        self.voted[number] = True
        self.votes[candidate] += 1
        return "recorded"


class LinesHandout(rpyc.Service):
    """Two round trips per line: one fetches it, one calls the callback."""

    def exposed_count_lines(self, file, function):
        n = 0
        for n, line in enumerate(file, 1):
            function(line)
        return n


class LinesBest(rpyc.Service):
    """Many lines per fetch, and one asynchronous callback per line."""

    def exposed_count_lines(self, file, function):
        function = rpyc.async_(function)
        unanswered = deque()
        n = 0
        for n, line in enumerate(buffiter(file, CHUNK, CHUNK), 1):
            if len(unanswered) == UNANSWERED:
                # `value` raises the callback's exception.
                unanswered.popleft().value
            unanswered.append(function(line))
        for answer in unanswered:
            answer.value
        return n


class LinesBatched(rpyc.Service):
    """Many lines per fetch and per callback; the client calls its function for each line."""

    def exposed_count_lines(self, file, function):
        function = rpyc.async_(function)
        n = 0
        batch = []
        answer = None
        for n, line in enumerate(buffiter(file, CHUNK, CHUNK), 1):
            batch.append(line)
            if len(batch) == CHUNK:
                # One batch is in flight while the next is fetched.
                if answer:
                    answer.value
                answer = function(tuple(batch))
                batch.clear()
        if answer:
            answer.value
        function(tuple(batch)).value
        return n


def service(job, voters=0):
    if job.startswith("vote"):
        return Election(int(voters))
    counters = {
        "lines-handout": LinesHandout, "lines-best": LinesBest, "lines-batched": LinesBatched,
    }
    return counters[job]()


# One service object for all connections, which share the votes.
server = ThreadedServer(service(*sys.argv[1:]), hostname="127.0.0.1", port=0, backlog=128)
# Accepted connections inherit this option.
server.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
# Connections made before `start` wait in the backlog.
server.listener.listen(server.backlog)
print(f"ready {server.host}:{server.port}", flush=True)
server.start()
