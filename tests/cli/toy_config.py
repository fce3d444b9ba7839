"""A daemon's configuration, of a model `toy` that lies beside it."""

from __future__ import annotations

# Nobody listens there.
CONFIG = """model = "toy"
[metrics]
listen_address = ""
[source]
bootstrap_servers = "127.0.0.1:9"
topic = "readings"
group_id = "g"
[sink]
events_topic = "events"
dead_letter_topic = "letters"
"""
