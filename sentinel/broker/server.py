"""The connections of the broker: frames in, answers out, in the order of the requests."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct

from sentinel.broker.dispatch import ProtocolError, answer
from sentinel.broker.state import BrokerState

log = logging.getLogger(__name__)

_SIZE = struct.Struct(">i")
MAX_REQUEST_BYTES = 100 * 1024 * 1024  # Kafka's default of socket.request.max.bytes


async def serve(state: BrokerState, listener: socket.socket) -> None:
    """Accept and serve connections until cancelled; then all of them are closed."""
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as connections:
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections.create_task(_converse(state, connection))


async def _converse(state: BrokerState, connection: socket.socket) -> None:
    """Serve one connection, one request after another, as Kafka does."""
    loop = asyncio.get_running_loop()
    host, port = connection.getpeername()
    peer = f"{host}:{port}"
    with connection:
        try:
            while (frame := await _read_frame(connection)) is not None:
                response = await answer(state, frame)
                if response is not None:
                    await loop.sock_sendall(connection, response)
        except ProtocolError as error:
            log.warning("embedded broker: closing the connection of %s: %s", peer, error)
        except ConnectionError as error:
            log.debug("embedded broker: %s is gone: %s", peer, error)
        except Exception:  # a defect of one request shall not end the others' connections
            log.exception("embedded broker: closing the connection of %s", peer)


async def _read_frame(connection: socket.socket) -> bytearray | None:
    """One request without its size; None when the client has closed the connection."""
    head = await _read_exactly(connection, _SIZE.size)
    if head is None:
        return None
    (size_bytes,) = _SIZE.unpack(head)
    if not 0 <= size_bytes <= MAX_REQUEST_BYTES:
        raise ProtocolError(f"a request of {size_bytes} bytes")
    return await _read_exactly(connection, size_bytes)


async def _read_exactly(connection: socket.socket, size_bytes: int) -> bytearray | None:
    loop = asyncio.get_running_loop()
    data = bytearray(size_bytes)
    left = memoryview(data)
    while left:
        count = await loop.sock_recv_into(connection, left)
        if not count:
            return None
        left = left[count:]
    return data
