"""`--device`, of every command that computes scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

SCORES = (
    "What computes the scores; auto: an NVIDIA GPU that measures faster.  [default: auto, or the "
    "configuration's]"
)
TRAINS = (
    "What trains and computes scores; auto: an NVIDIA GPU that measures faster, and at least twice "
    "as fast in training.  [default: auto, or the configuration's]"
)


def device_option(text: str) -> Callable[[Any], Any]:
    """The option, with this help."""
    return click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help=text)
