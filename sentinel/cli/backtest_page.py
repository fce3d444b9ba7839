"""The report of a backtest: refused before the work where it could not be written after it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from sentinel.backtest.outcome import Backtest
from sentinel.cli.progress import Spinner
from sentinel.cli.replaying import Replay
from sentinel.errors import DataError
from sentinel.fitted import FittedModel

PageMaker = Callable[[Backtest, FittedModel, Path, Replay], None]


def page_maker(path: Path) -> PageMaker:
    """What writes a report to `path`.

    Raises UsageError where matplotlib is missing, DataError where the file cannot be written.
    """
    demand_figures("--report")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "is a directory")
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _refused(path, error) from None
    return lambda found, model, source, again: _write(path, found, model, source, again)


def demand_figures(option: str) -> None:
    """Raise UsageError where figures cannot be drawn: matplotlib comes with an extra."""
    try:
        import_module("sentinel.report.figures")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise click.UsageError(
            f"{option} draws figures with matplotlib, which is not installed: "
            "pip install 'sentinel[report]'"
        ) from None


def _write(path: Path, found: Backtest, model: FittedModel, source: Path, again: Replay) -> None:
    # Not at the top: it needs matplotlib, and nothing else does.
    from sentinel.report.album import album
    from sentinel.report.page import Heading, page

    with Spinner("drawing"):
        figures = album(found, model.channels, model.max_gap_ns, again.readings())
        heading = Heading(model.name, model.version, source.name, len(model.channels))
        text = page(found, heading, figures)
    # A report appears whole or not at all.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> DataError:
    hint = "name a file in a directory that can be written to and has room"
    what = f"the report cannot be written: {error.strerror or error}"
    return DataError(what, where=str(path), hint=hint)
