"""The WSGI application: /metrics for Prometheus, /-/healthy and /-/ready for supervisors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from sentinel.ports import Health, HealthReport

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    Headers = list[tuple[str, str]]

ALLOWED_METHODS: Final = ("GET", "HEAD")


def application(registry: CollectorRegistry, health: Health) -> WSGIApplication:
    """Routes requests; every answer has its length, so that HEAD tells what GET would."""
    routes: dict[str, Callable[[WSGIEnvironment], tuple[str, Headers, bytes]]] = {
        "/metrics": lambda environ: _scrape(registry, environ.get("HTTP_ACCEPT", "")),
        "/-/healthy": lambda _: _health(health.healthy()),
        "/-/ready": lambda _: _health(health.ready()),
    }

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        route = routes.get(environ["PATH_INFO"])
        if route is None:
            status, headers, body = _text("404 Not Found", f"try one of {' '.join(routes)}\n")
        elif method not in ALLOWED_METHODS:
            status, headers, body = _text("405 Method Not Allowed", "GET or HEAD only\n")
            headers.append(("Allow", ", ".join(ALLOWED_METHODS)))
        else:
            status, headers, body = route(environ)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [] if method == "HEAD" else [body]

    return serve


def _scrape(registry: CollectorRegistry, accept: str) -> tuple[str, Headers, bytes]:
    encode, content_type = choose_encoder(accept)
    return "200 OK", [("Content-Type", content_type)], encode(registry)


def _health(report: HealthReport) -> tuple[str, Headers, bytes]:
    status = "200 OK" if report.ok else "503 Service Unavailable"
    return status, [("Content-Type", "application/json")], msgspec.json.encode(report) + b"\n"


def _text(status: str, text: str) -> tuple[str, Headers, bytes]:
    return status, [("Content-Type", "text/plain; charset=utf-8")], text.encode()
