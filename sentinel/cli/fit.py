"""`sentinel fit`: from historical data to a model."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from sentinel import store
from sentinel.backtest.labels import Labels
from sentinel.cli import logs
from sentinel.cli.exclusion import labelled_rows
from sentinel.cli.fit_options import model_options, settings_of, training_options
from sentinel.cli.history import spool_history
from sentinel.cli.layout_options import file_layout, layout_options
from sentinel.cli.progress import TrainingProgress
from sentinel.cli.summary import print_summary
from sentinel.cli.wiring import history_range
from sentinel.config.loading import load
from sentinel.config.schema import LogConfig
from sentinel.fitted import FittedModel
from sentinel.fitting import fit
from sentinel.fitting.settings import FitSettings, architecture_of
from sentinel.ports import Source
from sentinel.runtime.kernels import choose
from sentinel.source.files import FileSource
from sentinel.source.labels import read_labels
from sentinel.source.spool import Spool

EPILOG = """\b
Examples:
  sentinel fit history.csv --output model
  sentinel fit 2024/ --output model --entity-column pump --window-length 96
  sentinel fit history.csv --output model --model reconstruct --epochs 100
  sentinel fit long.parquet --layout long --channel-column sensor --output model
  sentinel fit history.csv --output model --exclude-times faults.csv
  sentinel fit --config sentinel.toml --from 2026-01-01 --to 2026-02-01 --output model
"""


def fit_and_save(
    source: Source,
    channels: tuple[str, ...],
    settings: FitSettings,
    output: Path,
    threads: int = 0,
    labels: Labels | None = None,
) -> tuple[FittedModel, Counter[str]]:
    """Read a source to its end, fit a model, write it; the model and what was rejected.

    labels  stretches to leave out; None: none
    """
    with Spool() as spool:
        history, rejected = spool_history(source, spool)
        excluded = None
        if labels is not None:
            excluded = labelled_rows(labels, history, source.entities, spool.allocate)
        with TrainingProgress() as progress:
            model = fit(
                history,
                channels,
                settings,
                backend=choose(architecture_of(settings, channels), threads=threads).backend,
                excluded=excluded,
                allocate=spool.allocate,
                on_step=progress.on_step,
                should_stop=progress.should_stop,
            )
        if progress.should_stop() and not model.summary["steps"]:
            raise KeyboardInterrupt  # nothing was learnt: an older model there stays
        return store.save(model, output), rejected


# fmt: off
@click.command(epilog=EPILOG, short_help="Fit a model to a history of readings.")
@click.argument("history", nargs=-1, type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), metavar="MODEL",
              help="Directory of the model; an older model there is replaced.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE",
              help="Instead of files: read the topic of this configuration's [source].")
@click.option("--from", "range_from", metavar="OFFSET|TIME",
              help="With --config: where to begin.  [default: the oldest record]")
@click.option("--to", "range_to", metavar="OFFSET|TIME",
              help="With --config: where to end.  [default: the newest record]")
@click.option("--exclude-times", "labels_path", type=click.Path(path_type=Path), metavar="LABELS",
              help="Leave out what this file names: columns from and to, perhaps entity.")
@layout_options
@model_options
@training_options
@click.option("--threads", type=click.IntRange(0, 256), default=0, show_default=True,
              help="0: one for each CPU. Never changes the result.")
def command(
    history: tuple[Path, ...], output: Path, config_path: Path | None,
    range_from: str | None, range_to: str | None, labels_path: Path | None, threads: int,
    **options: Any,
) -> None:
    # fmt: on
    """Fit a model to HISTORY: CSV or Parquet files, or directories of them.

    The table has a column `timestamp`, perhaps one that names the entity (the machine), and each
    other column of numbers is a channel. The older 80% of each entity's rows train; the newer 20%
    teach what errors are usual. (--model reconstruct: the oldest 70% train, the next 15% validate
    and stop the training, the newest 15% test; the latter two calibrate the threshold.)
    """
    logs.set_up(LogConfig())
    begun_s = time.monotonic()
    layout = file_layout(options)
    if bool(history) == bool(config_path):
        raise click.UsageError("name either files of a history or --config FILE for a topic's")
    if not config_path and (range_from or range_to):
        raise click.UsageError("--from and --to go with --config")
    labels = read_labels(labels_path) if labels_path else None
    store.prepare(output)  # an hour of work must not end in an error that was foreseeable
    if config_path:
        range_source = history_range(load(config_path), range_from, range_to)
        source: Source = range_source
        channels = tuple(range_source.channel_names)
    else:
        file_source = FileSource(history, layout)
        source, channels = file_source, tuple(file_source.channel_names)
    settings = settings_of(options, len(channels))
    try:
        model, rejected = fit_and_save(source, channels, settings, output, threads, labels)
    finally:
        source.close()
    print_summary(model, rejected, output, time.monotonic() - begun_s)
