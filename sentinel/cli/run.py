"""`sentinel run`: the daemon."""

from __future__ import annotations

import logging
import signal
from pathlib import Path

import click
import msgspec

from sentinel.cli import logs
from sentinel.cli.device_option import SCORES, device_option
from sentinel.cli.wiring import running
from sentinel.config.loading import load
from sentinel.plural import counted
from sentinel.runtime.device import Asked

EPILOG = """\b
Signals: SIGTERM and SIGINT end the batch in hand, deliver, commit and leave the group.

\b
Examples:
  sentinel run --config sentinel.toml
  systemctl start sentinel
"""

log = logging.getLogger(__name__)


# fmt: off
@click.command(epilog=EPILOG, short_help="Run the daemon.")
@click.option("--config", "path", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="The configuration; `sentinel config` prints an example.")
@device_option(SCORES)
def command(path: Path, device: Asked | None) -> None:
    # fmt: on
    """Consume readings, score them, write anomaly events; until SIGTERM or Ctrl-C."""
    config = load(path)
    if device:
        kernels = msgspec.structs.replace(config.kernels, device=device)
        config = msgspec.structs.replace(config, kernels=kernels)
    logs.set_up(config.log)
    with running(config) as started:
        daemon = started.daemon

        def stop(number: int, frame: object) -> None:
            log.info("%s: stopping", signal.Signals(number).name)
            daemon.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        model = started.detector.model
        log.info(
            "model %s version %s (%s): %s, windows of %d readings, %s threshold",
            model.name, model.version, model.kind, counted(len(model.channels), "channel"),
            model.window_length, config.alert.threshold,
        )  # fmt: skip
        log.info(
            "reading topic %r at %s as group %r; metrics at %s",
            config.source.topic, config.source.bootstrap_servers, config.source.group_id,
            started.metrics_url or "(off)",
        )  # fmt: skip
        daemon.run()
    log.info("stopped")
