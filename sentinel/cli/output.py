"""Where verbs print for people: rich, plain when piped."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class OutputConsole(Console):
    """Standard output. A reader that went away is the frame's business, not rich's."""

    def on_broken_pipe(self) -> NoReturn:
        """Pass it on: `cli.errors` knows the exit code."""
        raise BrokenPipeError
