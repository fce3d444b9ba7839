"""The broker as an object: starts in a thread of its own, and stops without a trace."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from sentinel.broker.server import serve
from sentinel.broker.state import BrokerState
from sentinel.broker.topics import Topics
from sentinel.errors import KafkaError

HOST = "127.0.0.1"
DEFAULT_RETENTION_BYTES = 64 * 1024 * 1024
STOP_TIMEOUT_S = 10.0


class EmbeddedBroker:
    """A Kafka broker in this process, in memory, on the loopback interface.

    topics                  number of partitions by name; created before the first client comes
    port                    0 takes any free one
    retention_bytes         limit of each partition; the oldest batches are dropped beyond it
    auto_create_partitions  topics that clients ask for are created with so many; 0: they are not

    Starts once: a new start is a new broker, as nothing outlives the process either.
    """

    def __init__(
        self,
        topics: Mapping[str, int] | None = None,
        *,
        port: int = 0,
        retention_bytes: int = DEFAULT_RETENTION_BYTES,
        auto_create_partitions: int = 0,
    ) -> None:
        catalogue = Topics(
            retention_bytes=retention_bytes, auto_create_partitions=auto_create_partitions
        )
        for name, partitions in (topics or {}).items():
            catalogue.create(name, partitions)
        self._state = BrokerState(HOST, port, catalogue)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Task[None] | None = None
        self._running = threading.Event()

    @property
    def bootstrap_servers(self) -> str:
        """Where clients find it, host:port; known once it has started."""
        return f"{HOST}:{self._state.port}"

    def start(self) -> None:
        """Listen and serve. Raises sentinel.errors.KafkaError where the port cannot be had."""
        if self._thread is not None:
            raise RuntimeError("an EmbeddedBroker starts only once")
        try:
            listener = socket.create_server((HOST, self._state.port))
        except OSError as error:
            raise KafkaError(
                f"the embedded broker cannot listen: {os.strerror(error.errno or 0)}",
                where=self.bootstrap_servers,
                hint="choose another port, or 0 for any free one",
            ) from error
        listener.setblocking(False)
        self._state.port = listener.getsockname()[1]
        self._thread = threading.Thread(
            target=self._run, args=(listener,), name="embedded-broker", daemon=True
        )
        self._thread.start()
        self._running.wait()

    def stop(self) -> None:
        """Close all connections and forget everything. Idempotent."""
        thread, loop, server = self._thread, self._loop, self._server
        if thread is None or loop is None or server is None or not thread.is_alive():
            return
        loop.call_soon_threadsafe(server.cancel)
        thread.join(STOP_TIMEOUT_S)
        if thread.is_alive():
            raise RuntimeError(f"the embedded broker did not stop within {STOP_TIMEOUT_S:g} s")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self, listener: socket.socket) -> None:
        with listener:
            asyncio.run(self._serve(listener))

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = asyncio.create_task(serve(self._state, listener))
        self._running.set()
        await asyncio.wait({self._server})
        if not self._server.cancelled():
            self._server.result()  # it never ends by itself: show why it did
