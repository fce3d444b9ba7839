"""A Kafka broker inside this process, in memory: for `sentinel demo` and for the tests only.

It speaks the wire protocol by kafka-python's own message classes, to any client that negotiates
versions. One node, on the loopback interface, with a thread and an event loop of its own:

    with EmbeddedBroker(topics={"readings": 4}) as broker:
        consumer = KafkaConsumer("readings", bootstrap_servers=broker.bootstrap_servers)

What it does: Produce with the checks of idempotent producers, Fetch with long polls, offsets by
time, classic consumer groups (eager and cooperative, static members, session expiry), committed
offsets with metadata, administration of topics and groups, retention by size. Record batches are
kept as they come, compressed or not, and never decoded unless somebody searches them by time.

What it does not: survive its process, replicate, transactions (refused), the consumer protocol of
KIP-848, fetch sessions, security, quotas, compaction and any other configuration of topics
(accepted and ignored), retention by time.

A request travels through the files upwards in this list:

    batch, sequences, partition_log, topics   records: one batch, idempotence, a partition, all
    members, membership, group                consumer groups: a member, the rebalance, a group
    state                                     all of the above: what the node holds
    apis/                                     one coroutine per API: request -> response
    dispatch, server, embedded                frames, connections, the thread
"""

from sentinel.broker.embedded import EmbeddedBroker

__all__ = ["EmbeddedBroker"]
