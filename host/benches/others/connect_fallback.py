"""Redpanda Connect's `fallback`, as PyPI's mq-bridge-connect has it: takes in by HTTP, as byway does, and posts on.

Called with the port to listen on, the port of the far side and the URL of the first choice. Runs until it is killed.
"""

import sys

import mq_bridge
import mq_bridge_connect

listen, port, first = sys.argv[1:4]
mq_bridge_connect.register()
client = "{{ url: {}, verb: POST, retries: 0, max_in_flight: 192 }}"
mq_bridge.Route.from_str(
    f"""
bench:
  input:
    custom:
      name: connect
      config:
        connector: http_server
        address: 127.0.0.1:{listen}
        path: /post
  output:
    custom:
      name: connect
      config:
        connector: broker
        outputs:
          - fallback:
              - http_client: {client.format(first)}
              - http_client: {client.format(f"http://127.0.0.1:{port}/hook")}
""",
    "bench",
).run()
