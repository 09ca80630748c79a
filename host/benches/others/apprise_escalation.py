"""Sends notifications through Apprise's escalation: a first choice that nobody answers, then a second.

Called with the number of notifications and the port of the far side. Prints the seconds they took and how
many Apprise says were delivered. One after the other: more at once were slower on every machine tried.
"""

import logging
import sys
import time

import apprise

count, port, first = int(sys.argv[1]), sys.argv[2], sys.argv[3]
logging.disable(logging.CRITICAL)
chain = apprise.Apprise()
chain.add(first.replace("http://", "json://"), tag="1:ops")
chain.add(f"json://127.0.0.1:{port}/hook", tag="2:ops")


def send():
    return bool(chain.notify(body="The deployment is done.", tag="ops"))


send()
began = time.monotonic()
delivered = sum(send() for _ in range(count))
print(time.monotonic() - began, delivered, flush=True)
