"""The HTTP server of the metrics: waitress on a thread of its own.

One thread owns all sockets and never waits for any of them; a few workers see whole requests only.
A client that stalls holds one of a bounded number of connections until the idle timeout, and no
thread. (prometheus_client's own server: one thread per connection, without a bound.)
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from typing import Any, Final

from prometheus_client import CollectorRegistry
from waitress.server import create_server

from sentinel.errors import ConfigError
from sentinel.metrics.endpoints import application
from sentinel.ports import Health

log = logging.getLogger(__name__)

WORKERS: Final = 4
MAX_CONNECTIONS: Final = 128
IDLE_TIMEOUT_S: Final = 20  # longer than the usual scrape interval: Prometheus keeps connections
CLEANUP_INTERVAL_S: Final = 2
MAX_HEADER_BYTES: Final = 16 * 1024
MAX_BODY_BYTES: Final = 16 * 1024  # no endpoint reads a body
BACKLOG: Final = 128

_HINTS: Final = {
    errno.EADDRINUSE: "another process has this port: stop it, or set another "
    "metrics.listen_address (ss -ltnp shows who listens)",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address: correct "
    "metrics.listen_address",
    errno.EACCES: "ports below 1024 need a privilege: set another metrics.listen_address",
}


class MetricsExporter:
    """Serves the endpoints on host:port; port 0 takes any free one, IPv6 works.

    host "::" listens on IPv4 too, as 0.0.0.0 does on all IPv4 interfaces.
    """

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        self._host = host
        self._port = port
        self._application = application(registry, health)
        self._server: Any = None
        self._sockets: dict[int, Any] = {}
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens, for people; with the true port once started."""
        return f"http://{_joined(self._host, self._port)}"

    def start(self) -> None:
        """Listen, and serve from now on.

        Raises    SentinelError where the address cannot be had.
        """
        listener = listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        self._server = create_server(
            self._application,
            map=self._sockets,
            sockets=[listener],
            threads=WORKERS,
            connection_limit=MAX_CONNECTIONS,
            channel_timeout=IDLE_TIMEOUT_S,
            cleanup_interval=CLEANUP_INTERVAL_S,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_BODY_BYTES,
            backlog=BACKLOG,
            asyncore_use_poll=True,  # select() fails on descriptors above 1023
            log_socket_errors=False,  # a client that went away is its own affair
            ident="sentinel",
        )
        self._thread = threading.Thread(
            target=self._server.run, name="sentinel-metrics", daemon=True
        )
        self._thread.start()
        log.info("metrics at %s/metrics", self.url)

    def close(self) -> None:
        """Stop serving, close every connection, free the port. Idempotent."""
        if self._thread is None:
            return
        # Workers first: they write to the trigger, which the next line closes.
        self._server.task_dispatcher.shutdown()
        pulled = threading.Event()

        def close_sockets() -> None:
            # Run by the server's own thread, perhaps before the trigger that it closes is pulled.
            pulled.wait()
            self._close_sockets()

        self._server.trigger.pull_trigger(close_sockets)
        pulled.set()
        self._thread.join()
        self._thread = None

    def _close_sockets(self) -> None:
        # The server's loop ends with the last socket.
        for dispatcher in list(self._sockets.values()):
            dispatcher.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; ConfigError, by an OSError, where the address cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            (address[0], port),
            family=family,
            backlog=BACKLOG,
            dualstack_ipv6=address[0] == "::" and socket.has_dualstack_ipv6(),
        )
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: not even looked up
        why = error.strerror if isinstance(error, socket.gaierror) else "malformed"
        raise ConfigError(
            f"metrics cannot listen: {host!r} is not an address of this machine ({why})",
            where=_joined(host, port),
            hint="correct metrics.listen_address",
        ) from error
    except OSError as error:
        number = error.errno or 0
        raise ConfigError(
            f"metrics cannot listen: {os.strerror(number)}",
            where=_joined(host, port),
            hint=_HINTS.get(number, "set another metrics.listen_address"),
        ) from error


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
