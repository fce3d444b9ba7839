"""Single requests over a socket: what no client library would ever send."""

from __future__ import annotations

import socket
import struct
from typing import Any, Self

from kafka.errors import CoordinatorLoadInProgressError
from kafka.protocol.consumer import FetchRequest, JoinGroupRequest, SyncGroupRequest
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest
from kafka.record.default_records import DefaultRecordBatchBuilder

from tests.waiting import wait_until

TIMEOUT_S = 10.0


class RawClient:
    """One connection to a broker, one request at a time."""

    def __init__(self, bootstrap_servers: str) -> None:
        host, port = bootstrap_servers.split(":")
        self._socket = socket.create_connection((host, int(port)), TIMEOUT_S)
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._answers.close()
        self._socket.close()

    def ask(self, request: Any, version: int) -> Any:
        """The decoded answer to a request. Raises ConnectionError if the broker hangs up."""
        request.API_VERSION = version
        request.with_header(correlation_id=7, client_id="raw")
        answer = self.exchange(bytes(request.encode(header=True))[:])
        return request.header.get_response_class().decode(answer, header=True)

    def exchange(self, frame: bytes) -> bytes:
        """The answer's frame to a request's frame. Raises ConnectionError if there is none."""
        self._socket.sendall(struct.pack(">i", len(frame)) + frame)
        head = self._answers.read(4)
        if len(head) < 4:
            raise ConnectionError("the broker has closed the connection")
        return self._answers.read(*struct.unpack(">i", head))

    def new_producer_id(self) -> int:
        """An id of an idempotent producer; a Kafka that has just started needs a moment for it."""
        request = InitProducerIdRequest(transactional_id=None, transaction_timeout_ms=1000)

        def answered() -> Any:
            answer = self.ask(request, 2)
            assert answer.error_code in (0, CoordinatorLoadInProgressError.errno)
            return None if answer.error_code else answer

        return int(wait_until(answered).producer_id)

    def join(
        self, group_id: str, *, member_id: str = "", instance_id: str | None = None, version: int
    ) -> Any:
        """The answer to a JoinGroup; its timeouts are long."""
        Protocol = JoinGroupRequest.JoinGroupRequestProtocol
        request = JoinGroupRequest(
            group_id=group_id,
            session_timeout_ms=600_000,
            rebalance_timeout_ms=600_000,
            member_id=member_id,
            group_instance_id=instance_id,
            protocol_type="consumer",
            protocols=[Protocol(name="range", metadata=b"")],
        )
        return self.ask(request, version)

    def sync(self, group_id: str, joined: Any, instance_id: str | None, version: int) -> Any:
        """The answer to the SyncGroup of a leader that assigns nothing."""
        request = SyncGroupRequest(
            group_id=group_id,
            generation_id=joined.generation_id,
            member_id=joined.member_id,
            group_instance_id=instance_id,
            protocol_type="consumer",
            protocol_name="range",
            assignments=[],
        )
        return self.ask(request, version)

    def produce(self, topic: str, records: bytes) -> tuple[int, int]:
        """Error code and base offset of one batch for partition 0."""
        Topic = ProduceRequest.TopicProduceData
        partition = Topic.PartitionProduceData(index=0, records=records)
        data = [Topic(name=topic, partition_data=[partition])]
        request = ProduceRequest(transactional_id=None, acks=-1, timeout_ms=5000, topic_data=data)
        answer = self.ask(request, 8).responses[0].partition_responses[0]
        return answer.error_code, answer.base_offset

    def fetch(
        self,
        topic: str,
        offset: int,
        *,
        max_wait_ms: int = 100,
        session_id: int = 0,
        session_epoch: int = -1,
    ) -> Any:
        """The answer to a Fetch of partition 0."""
        Topic = FetchRequest.FetchTopic
        partition = Topic.FetchPartition(
            partition=0, fetch_offset=offset, partition_max_bytes=1 << 20
        )
        request = FetchRequest(
            max_wait_ms=max_wait_ms,
            min_bytes=1,
            max_bytes=1 << 20,
            session_id=session_id,
            session_epoch=session_epoch,
            topics=[Topic(topic=topic, partitions=[partition])],
        )
        return self.ask(request, 11)


def batch(
    *values: bytes,
    producer_id: int = -1,
    epoch: int = -1,
    sequence: int = -1,
    transactional: bool = False,
    timestamp_ms: int = 1_700_000_000_000,
) -> bytes:
    """A record batch with these values, a millisecond apart."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=transactional,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
        batch_size=1 << 20,
    )
    for index, value in enumerate(values):
        builder.append(index, timestamp_ms + index, None, value, [])
    return bytes(builder.build())
