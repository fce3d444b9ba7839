"""`sentinel config`: a commented example, or what a file comes down to."""

from __future__ import annotations

from pathlib import Path

import click

from sentinel.config.loading import load
from sentinel.config.rendering import effective, example

EPILOG = """\b
Examples:
  sentinel config > sentinel.toml
  sentinel config --config sentinel.toml
"""


@click.command(epilog=EPILOG)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Print this configuration as it is in effect: defaults filled in, secrets hidden.",
)
def command(path: Path | None) -> None:
    """Print a commented example, or the effective configuration.

    Without --config: an example with every key, its meaning and its default. It is valid as it
    stands: put your topics into it.
    """
    click.echo(example() if path is None else effective(load(path)), nl=False)
