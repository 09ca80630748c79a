"""Verifies what it gets with the package standardwebhooks, and answers what it found.

200: the request verifies, and does not once it is altered. 401: it does not verify. 400: it verifies although it was altered.
"""

import os
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

KEY = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
VERIFIER = Webhook(KEY)


def verifies(body, headers):
    try:
        VERIFIER.verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


def judge(body, headers):
    if not verifies(body, headers):
        return 401
    now = int(headers["webhook-timestamp"])
    old = datetime.fromtimestamp(now - 3600, tz=timezone.utc)
    # Signed with the right key, an hour ago.
    resigned = VERIFIER.sign(headers["webhook-id"], old, body)
    altered = [
        verifies(body.replace("green", "red"), headers),
        verifies(body + " ", headers),
        verifies(body, {**headers, "webhook-id": "another"}),
        verifies(body, {**headers, "webhook-timestamp": str(now - 1)}),
        verifies(body, {**headers, "webhook-timestamp": str(now - 3600), "webhook-signature": resigned}),
    ]
    return 400 if any(altered) or "green" not in body else 200


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.send_response(judge(body, headers))
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nothing is logged: what it found is its answer."""


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
