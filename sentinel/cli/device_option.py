"""`--device`, of every command that computes scores."""

from __future__ import annotations

import click

# fmt: off
device_option = click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]),
    help="What computes the scores; auto: an NVIDIA GPU that measures faster.  [default: auto, or "
         "the configuration's]")
# fmt: on
