"""The client of XML-RPC and JSON-RPC in Python: each voter votes, and then asks for the message.

    client.py HOST:PORT (arrive-xml|arrive-json) IN_FLIGHT VOTES
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from xmlrpc.client import ServerProxy as XmlServer

from jsonrpclib import ServerProxy as JsonServer

address, job, in_flight, votes = sys.argv[1:]
connect = {"arrive-xml": XmlServer, "arrive-json": JsonServer}[job]


def voter(number):
    server = connect(f"http://{address}")
    outcome = server.vote(number, "Ada")
    message = server.message(number)
    server("close")()
    return outcome == "recorded" and message == "Your vote is recorded."


began = time.perf_counter()
with ThreadPoolExecutor(int(in_flight)) as threads:
    recorded = sum(threads.map(voter, range(1, int(votes) + 1)))
seconds = time.perf_counter() - began
if recorded != int(votes):
    sys.exit(f"{votes} voters came, and {recorded} votes were recorded")
print(json.dumps({"count": recorded, "seconds": seconds}))
