"""Everything the broker holds. Only its event loop touches it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from sentinel.broker.group import Group
from sentinel.broker.topics import Topics

NODE_ID = 1  # of the only node
CLUSTER_ID = "sentinel-embedded"
LEADER_EPOCH = 0  # leadership never changes


@dataclass(slots=True)
class BrokerState:
    """One node: where it listens, and what it keeps."""

    host: str
    port: int
    topics: Topics
    groups: dict[str, Group] = field(default_factory=dict)
    producer_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1000))

    def group(self, group_id: str) -> Group:
        """The group of that id. One that nobody has joined or committed to is an empty group."""
        return self.groups.get(group_id) or Group(group_id)

    def keep_group(self, group_id: str) -> Group:
        """The group of that id, kept from now on."""
        return self.groups.setdefault(group_id, Group(group_id))
