"""Reads CloudEvents with their SDK, and answers each with one of its own making, sent in the same mode to byway's inbound door.

200: the event is valid, says what was sent, and the answer was taken in. 400: anything else, with the reason.
"""

import os
import sys
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import Request, urlopen

from cloudevents.core.bindings import http
from cloudevents.core.v1.event import CloudEvent


def judge(mode, event):
    data = event.get_data()
    text = data["text"] if isinstance(data, dict) else data
    age = datetime.now(timezone.utc) - event.get_time()
    found = {
        "specversion": event.get_specversion(),
        "source": event.get_source(),
        "type": event.get_type(),
        "recipient": event.get_extension("recipient"),
        "text": text.decode() if isinstance(text, bytes) else text,
        "is_signed": isinstance(event.get_extension("bywaysig"), str),
        "is_recent": abs(age.total_seconds()) < 600,
    }
    expected = {
        "specversion": "1.0",
        "source": "byway://a/planner",
        "type": "dev.byway.message",
        "recipient": "executor@python",
        "text": 'Grüße & 100 % "green" 😀',
        "is_signed": True,
        "is_recent": True,
    }
    if found != expected:
        raise ValueError(found)
    return CloudEvent(
        attributes={
            "id": f"python-{mode}",
            "source": "https://sdk.example.org/python?x=%C3%BC",
            "type": "org.example.answer",
            "subject": 'answers: 100 % "green"',
            "time": datetime.now(timezone.utc),
            "datacontenttype": "application/json",
            "recipient": "planner@a",
            "causationid": event.get_id(),
            "hops": 1,
        },
        data={"text": f"{mode}: {found['text']}"},
    )


def answer(mode, headers, body):
    made = judge(mode, http.from_http_event(http.HTTPMessage(headers=headers, body=body)))
    message = http.to_binary_event(made) if mode == "binary" else http.to_structured_event(made)
    body = message.body.encode() if isinstance(message.body, str) else message.body
    request = Request(headers["x-answer-to"], data=body, method="POST")
    for name, value in message.headers.items():
        request.add_header(name, value)
    request.add_header("authorization", "Bearer sdk-token-1f6a")
    with urlopen(request, timeout=20) as taken:
        if taken.status != 202:
            raise ValueError(taken.status)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, said = 200, b""
        try:
            answer(self.path.strip("/"), headers, body)
        except Exception as error:
            why = error.read() if hasattr(error, "read") else b""
            print(repr(error), why, file=sys.stderr, flush=True)
            status, said = 400, repr(error).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        """Nothing is logged but what went wrong."""


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
