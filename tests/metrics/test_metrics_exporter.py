"""The endpoints over real sockets: what they answer, and that no client can block another."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentinel.errors import SentinelError
from sentinel.metrics import exporter as exporter_module
from sentinel.metrics.catalogue import Catalogue
from sentinel.metrics.exporter import MetricsExporter
from sentinel.ports import HealthReport


class SetHealth:
    """Health as the test says."""

    def __init__(self) -> None:
        self.ok = True

    def healthy(self) -> HealthReport:
        return HealthReport(self.ok, {"seconds_since_progress": 1.5})

    def ready(self) -> HealthReport:
        return HealthReport(self.ok, {"channels": {"missing": ["temp"]}})


HEALTH = SetHealth()


@contextlib.contextmanager
def serving(host: str = "127.0.0.1", port: int = 0) -> Iterator[MetricsExporter]:
    registry = Catalogue({"name": "m", "version": "1"}).registry
    exporter = MetricsExporter(host, port, registry, HEALTH)
    exporter.start()
    try:
        yield exporter
    finally:
        exporter.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[MetricsExporter]:
    with serving() as exporter:
        yield exporter


def address(exporter: MetricsExporter) -> tuple[str, int]:
    parts = urlsplit(exporter.url)
    assert parts.hostname is not None
    assert parts.port
    return parts.hostname, parts.port


def ask(
    exporter: MetricsExporter, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(*address(exporter), timeout=10)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response, response.read()


def test_metrics_are_readable_by_a_parser(shared: MetricsExporter) -> None:
    response, body = ask(shared, "/metrics")
    assert response.status == 200
    assert response.getheader("Content-Type", "").startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(body.decode())}
    assert {"sentinel_records", "sentinel_score_ratio", "sentinel_model_info"} <= names


def test_openmetrics_on_request(shared: MetricsExporter) -> None:
    response, body = ask(shared, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert response.getheader("Content-Type", "").startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready"])
def test_head_answers_like_get_without_the_body(shared: MetricsExporter, path: str) -> None:
    response, body = ask(shared, path, "HEAD")
    assert (response.status, body) == (200, b"")
    assert int(response.getheader("Content-Length", "0")) > 0


def test_health_tells_why(shared: MetricsExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    response, body = ask(shared, "/-/healthy")
    assert response.status == 200
    assert json.loads(body) == {"ok": True, "details": {"seconds_since_progress": 1.5}}
    monkeypatch.setattr(HEALTH, "ok", False)
    response, body = ask(shared, "/-/ready")
    assert response.status == 503
    assert json.loads(body) == {"ok": False, "details": {"channels": {"missing": ["temp"]}}}


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/metrics/", "/metrics/x", "/-/reload"])
def test_other_paths_are_not_found(shared: MetricsExporter, path: str) -> None:
    assert ask(shared, path)[0].status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(shared: MetricsExporter, method: str) -> None:
    response, _ = ask(shared, "/metrics", method)
    assert response.status == 405
    assert response.getheader("Allow") == "GET, HEAD"


def test_oversized_header_is_refused(shared: MetricsExporter) -> None:
    assert ask(shared, "/metrics", Padding="x" * 64_000)[0].status == 431


def test_ipv6_and_any_free_port() -> None:
    with serving("::1") as exporter:
        assert exporter.url.startswith("http://[::1]:")
        assert ask(exporter, "/metrics")[0].status == 200


def test_unspecified_ipv6_listens_on_ipv4_too() -> None:
    with (
        serving("::") as exporter,
        socket.create_connection(("127.0.0.1", address(exporter)[1]), timeout=10) as client,
    ):
        client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.0 200 OK")


def test_stalled_clients_hold_no_thread_and_block_nobody() -> None:
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(serving())
        before = threading.active_count()
        for beginning in (b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: x\r\n"):
            for _ in range(20):
                client = socket.create_connection(address(exporter), timeout=10)
                stack.callback(client.close)
                client.sendall(beginning)
        # These ask again and again and never read an answer.
        for _ in range(20):
            client = socket.create_connection(address(exporter), timeout=10)
            stack.callback(client.close)
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
        assert ask(exporter, "/metrics")[0].status == 200
        assert threading.active_count() == before


def test_a_server_that_is_awake_already_closes_nothing_that_is_still_written_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving() as exporter:
        trigger, closed = exporter._server.trigger, threading.Event()
        pull, close_sockets = trigger._physical_pull, exporter._close_sockets

        def late() -> None:
            pull()  # another thread's: the server wakes, and finds what it is to do
            closed.wait(0.5)
            pull()

        def close() -> None:
            close_sockets()
            closed.set()

        monkeypatch.setattr(trigger, "_physical_pull", late)
        monkeypatch.setattr(exporter, "_close_sockets", close)
        exporter.close()
        assert closed.is_set()


def test_connections_are_bounded_and_stalled_ones_make_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exporter_module, "MAX_CONNECTIONS", 8)
    monkeypatch.setattr(exporter_module, "IDLE_TIMEOUT_S", 1)
    monkeypatch.setattr(exporter_module, "CLEANUP_INTERVAL_S", 1)
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(serving())
        stalled = [socket.create_connection(address(exporter), timeout=20) for _ in range(30)]
        for client in stalled:
            stack.callback(client.close)
        # Waits in the backlog until the idle timeout has thrown stalled ones out.
        connection = http.client.HTTPConnection(*address(exporter), timeout=30)
        stack.callback(connection.close)
        connection.request("GET", "/-/healthy")
        assert connection.getresponse().status == 200
        # Without a bound the answer had come while the first stalled client was still connected.
        stalled[0].setblocking(False)
        assert stalled[0].recv(1) == b""


def test_taken_port_is_the_operators_error_with_a_hint(shared: MetricsExporter) -> None:
    host, port = address(shared)
    with pytest.raises(SentinelError) as caught, serving(host, port):
        pass
    assert str(caught.value) == (
        f"127.0.0.1:{port}: metrics cannot listen: Address already in use; another process has "
        "this port: stop it, or set another metrics.listen_address (ss -ltnp shows who listens)"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid", "127.0.0..1", "x" * 64])
def test_foreign_address_is_the_operators_error(host: str) -> None:
    with pytest.raises(SentinelError, match=r"correct metrics\.listen_address"), serving(host):
        pass


def test_close_frees_the_port_and_ends_the_threads() -> None:
    before = set(threading.enumerate())
    with serving() as exporter:
        stalled = socket.create_connection(address(exporter), timeout=10)
        assert ask(exporter, "/metrics")[0].status == 200
    exporter.close()
    assert stalled.recv(1) == b""
    stalled.close()
    deadline = time.monotonic() + 10
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert set(threading.enumerate()) == before
    with serving(*address(exporter)) as again:
        assert ask(again, "/metrics")[0].status == 200
