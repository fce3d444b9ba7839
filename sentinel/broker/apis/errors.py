"""What a response says about an error of the protocol beyond its code."""

from __future__ import annotations


def message_of(error: Exception) -> str:
    """The error's own words; its name where it has none."""
    return str(error.args[0]) if error.args else type(error).__name__
