"""Network addresses as the configuration writes them: host:port."""

from __future__ import annotations

PORT_MAX = 65_535


def host_and_port(text: str) -> tuple[str, int]:
    """`127.0.0.1:9108` or `[::1]:9108` as host and port; port 0 is any free one.

    Raises ValueError, which says what is wrong with `text`.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError("expected host:port")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError("expected an IPv6 address in brackets, [address]:port")
    if not (port.isascii() and port.isdigit()) or int(port) > PORT_MAX:
        raise ValueError(f"expected a port from 0 to {PORT_MAX} after the colon")
    return host, int(port)
