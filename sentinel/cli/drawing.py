"""Reports and figures as files: refused before the work where they could not be written after."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

import click

from sentinel.backtest.outcome import Backtest
from sentinel.cli.progress import Spinner
from sentinel.errors import DataError
from sentinel.fitted import FittedModel
from sentinel.report.excerpt import Explained

PageMaker = Callable[[Backtest, FittedModel, Path, Iterable[Explained]], None]


def page_maker(path: Path) -> PageMaker:
    """What writes a report to `path`; raises as `demand_figures`."""
    demand_figures(path, "--report")
    return lambda found, model, source, again: _write_page(path, found, model, source, again)


def demand_figures(path: Path, option: str) -> None:
    """Refuse now what would be refused after all was scored.

    Raises UsageError where matplotlib is missing (it comes with an extra), DataError where `path`
    cannot be written.
    """
    try:
        import_module("sentinel.report.figures")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise click.UsageError(
            f"{option} draws figures with matplotlib, which is not installed: pip install "
            "matplotlib (the extra `report` of sentinel)"
        ) from None
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _refused(path, error) from None


def write_whole(path: Path, data: bytes) -> None:
    """The file appears whole or not at all. Raises DataError where it cannot be written."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def _write_page(
    path: Path,
    found: Backtest,
    model: FittedModel,
    source: Path,
    again: Iterable[Explained],
) -> None:
    # Not at the top: it needs matplotlib, and nothing else does.
    from sentinel.report.album import Sensors, album
    from sentinel.report.page import Heading, page

    with Spinner("drawing"):
        figures = album(found, Sensors.of(model), again)
        heading = Heading(model.name, model.version, source.name, len(model.channels))
        text = page(found, heading, figures)
    write_whole(path, text.encode())


def _refused(path: Path, error: OSError) -> DataError:
    hint = "name a file in a directory that can be written to and has room"
    what = f"the file cannot be written: {error.strerror or error}"
    return DataError(what, where=str(path), hint=hint)
