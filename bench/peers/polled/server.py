"""The server of XML-RPC and JSON-RPC in Python. They have no callbacks: voters ask for messages.

    server.py (vote-xml|vote-json) VOTERS
"""

import sys
import threading
from socketserver import ThreadingMixIn
from xmlrpc.server import SimpleXMLRPCServer

from jsonrpclib.SimpleJSONRPCServer import SimpleJSONRPCServer


class Election:
    def __init__(self, voters):
        self.voted = dict.fromkeys(range(1, voters + 1), False)
        self.votes = {"Ada": 0, "Grace": 0}
        self.messages = {}
        self.lock = threading.Lock()

    def vote(self, number, candidate):
        with self.lock:
            outcome = self.record(number, candidate)
            self.messages[number] = f"Your vote is {outcome}."
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

    def message(self, number):
        with self.lock:
            return self.messages.pop(number)


class XmlServer(ThreadingMixIn, SimpleXMLRPCServer):
    daemon_threads = True
    request_queue_size = 128


class JsonServer(ThreadingMixIn, SimpleJSONRPCServer):
    daemon_threads = True
    request_queue_size = 128


job, voters = sys.argv[1:]
servers = {"vote-xml": XmlServer, "vote-json": JsonServer}
server = servers[job](("127.0.0.1", 0), logRequests=False)
server.register_instance(Election(int(voters)))
host, port = server.server_address
print(f"ready {host}:{port}", flush=True)
server.serve_forever()
