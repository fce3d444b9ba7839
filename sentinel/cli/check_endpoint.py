"""`sentinel check`, the part about the metrics endpoint: can its address be had?"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from sentinel.cli.findings import Finding, ok, warning
from sentinel.config.addresses import host_and_port
from sentinel.config.schema import Config
from sentinel.errors import ConfigError
from sentinel.metrics.exporter import listen

KEY = "metrics.listen_address"


def check_endpoint(config: Config) -> Iterator[Finding]:
    """Listen for a moment where the daemon would.

    A taken port is a warning only: the very daemon of this configuration may have it.
    """
    address = config.metrics.listen_address
    if not address:
        return
    try:
        listen(*host_and_port(address)).close()
    except ConfigError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE:
            hint = "if that is not the daemon of this configuration, set another address"
            yield warning(KEY, f"another process listens on {address}", hint)
        else:
            yield Finding("problem", KEY, f"{address}: {error.what}", error.hint, error.exit_code)
    else:
        yield ok(KEY, address)
