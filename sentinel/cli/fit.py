"""`sentinel fit`: from historical data to a model."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from sentinel import store
from sentinel.backtest.labels import Labels
from sentinel.cli import logs
from sentinel.cli.device_option import TRAINS, device_option
from sentinel.cli.exclusion import exclude_times_option, labelled_rows
from sentinel.cli.fit_options import model_options, settings_of, training_options
from sentinel.cli.history import spool_history
from sentinel.cli.layout_options import file_layout, layout_options
from sentinel.cli.progress import Spinner, TrainingProgress
from sentinel.cli.summary import print_summary
from sentinel.cli.suspicious import EXCLUDED_SHARE_MAX, suspicious_summary
from sentinel.cli.wiring import history_range
from sentinel.config.kernels import KernelsConfig
from sentinel.config.loading import load
from sentinel.config.schema import LogConfig
from sentinel.fitted import FittedModel
from sentinel.fitting import fit
from sentinel.fitting.review import review
from sentinel.fitting.settings import FitSettings, architecture_of, recommended_training
from sentinel.model.device import CudaBackend, Device
from sentinel.ports import Source
from sentinel.records import Readings
from sentinel.runtime.device import Asked, OnFailure, choose_device, demand_gpu
from sentinel.runtime.kernels import choose
from sentinel.runtime.workload import FILE, Workload
from sentinel.source.files import FileSource
from sentinel.source.labels import read_labels
from sentinel.source.spool import Spool

log = logging.getLogger(__name__)

# Steps of the windows that CPU and GPU are measured with where the history decides on theirs.
SUPPOSED_STEPS = 64

EPILOG = """\b
Examples:
  sentinel fit history.csv --output model
  sentinel fit 2024/ --output model --entity-column pump --window-length 96
  sentinel fit history.csv --output model --model reconstruct --epochs 100
  sentinel fit long.parquet --layout long --channel-column sensor --output model
  sentinel fit history.csv --output model --exclude-times faults.csv
  sentinel fit history.csv --output model --exclude-suspicious
  sentinel fit --config sentinel.toml --from 2026-01-01 --to 2026-02-01 --output model
"""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a fit is to do without: labelled stretches, and those that look anomalous to it."""

    labels: Labels | None = None
    suspicious: bool = False


def fit_and_save(
    source: Source,
    channels: tuple[str, ...],
    settings: FitSettings,
    output: Path,
    threads: int = 0,
    left_out: LeftOut | None = None,
    device: Asked = "auto",
    on_failure: OnFailure = "stop",
) -> tuple[FittedModel, Counter[str]]:
    """Read a source to its end, fit a model, write it; the model and what was rejected."""
    with Spool() as spool:
        history, rejected = spool_history(source, spool)
        backend = backend_of(channels, settings, threads, device, on_failure)
        model = _fitted(
            history, source.entities, channels, settings, spool, backend, left_out or LeftOut()
        )
        return store.save(model, output), rejected


def _fitted(
    history: Readings,
    entities: Sequence[str],
    channels: tuple[str, ...],
    settings: FitSettings,
    spool: Spool,
    backend: Device,
    left_out: LeftOut,
) -> FittedModel:
    """A model of a history, and in its summary what looks anomalous there."""
    excluded = spool.allocate((len(history),), np.bool_)
    if left_out.labels is not None:
        excluded[:] = labelled_rows(left_out.labels, history, entities, spool.allocate)

    def fitted_by(which: Device) -> tuple[FittedModel, bool]:
        with TrainingProgress() as progress:
            model = fit(
                history, channels, settings, backend=which, excluded=excluded,
                allocate=spool.allocate, on_step=progress.on_step,
                should_stop=progress.should_stop,
            )  # fmt: skip
        if progress.should_stop() and not model.summary["steps"]:
            raise KeyboardInterrupt  # nothing was learnt: an older model there stays
        return model, progress.should_stop()

    def once() -> tuple[FittedModel, bool]:
        if not isinstance(backend, CudaBackend) or backend.fallback is None:
            return fitted_by(backend)
        # What a GPU has learnt is lost with it: the CPU begins anew.
        return backend.fallback.attempt(lambda: fitted_by(backend), lambda: fitted_by(backend.cpu))

    model, stopped = once()
    if stopped or model.recipe is None:
        return model
    try:
        with Spinner("looking through the history"):
            found = review(
                history, model, settings, backend=backend, excluded=excluded,
                allocate=spool.allocate,
            )  # fmt: skip
        gone = found.leave_out(EXCLUDED_SHARE_MAX, excluded) if left_out.suspicious else ()
    except KeyboardInterrupt:
        log.warning("stopped: the model is kept; its history is not looked through to the end")
        return model
    if gone:
        try:
            again, stopped = once()
        except KeyboardInterrupt:
            stopped = True
        if stopped:
            log.warning("stopped: the model that learnt the suspicious stretches, too, is kept")
            return model
        model = again
    told = suspicious_summary(found, gone, channels, entities)
    return replace(model, summary={**model.summary, "suspicious": told})


def backend_of(
    channels: tuple[str, ...],
    settings: FitSettings,
    threads: int,
    device: Asked,
    on_failure: OnFailure,
) -> Device:
    """What trains and what scores."""
    architecture = architecture_of(settings, channels)
    cpu = choose(architecture, threads=threads, training=True).backend
    strides = {"reconstruct": settings.window_stride, "joint": settings.reconstruct_every}
    training = settings.training or recommended_training(settings.kind, len(channels))
    work = Workload(
        settings.window_length or SUPPOSED_STEPS, strides.get(settings.kind, 0), FILE,
        training.batch_size,
    )  # fmt: skip
    chosen = choose_device(architecture, work, cpu, device, on_failure)
    trains = isinstance(chosen.device, CudaBackend) and chosen.device.trains
    log.info(
        "device %s (%s); training on %s", chosen.name, chosen.reason, "cuda" if trains else "cpu"
    )
    return chosen.device


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
@exclude_times_option("Leave out what this file names: columns from and to (both ends included), "
                      "perhaps entity.")
@click.option("--exclude-suspicious", is_flag=True,
              help="Leave out what looks anomalous, at most a tenth, and fit once more.")
@layout_options
@model_options
@training_options
@device_option(TRAINS)
@click.option("--threads", type=click.IntRange(0, 256), default=0, show_default=True,
              help="0: one for each CPU. Never changes the result.")
def command(
    history: tuple[Path, ...], output: Path, config_path: Path | None,
    range_from: str | None, range_to: str | None, left_out_path: Path | None,
    exclude_suspicious: bool, threads: int, device: Asked | None, **options: Any,
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
    if exclude_suspicious and options["kind"] == "reconstruct":
        raise click.UsageError("--exclude-suspicious does not go with --model reconstruct")
    left_out = LeftOut(read_labels(left_out_path) if left_out_path else None, exclude_suspicious)
    store.prepare(output)  # an hour of work must not end in an error that was foreseeable
    config = load(config_path) if config_path else None
    kernels = config.kernels if config else KernelsConfig()
    device = device or kernels.device
    demand_gpu(device, kernels.on_gpu_failure)
    if config:
        range_source = history_range(config, range_from, range_to)
        source: Source = range_source
        channels = tuple(range_source.channel_names)
    else:
        file_source = FileSource(history, layout)
        source, channels = file_source, tuple(file_source.channel_names)
    settings = settings_of(options, len(channels))
    try:
        model, rejected = fit_and_save(
            source, channels, settings, output, threads, left_out, device, kernels.on_gpu_failure
        )
    finally:
        source.close()
    print_summary(
        model, rejected, output, time.monotonic() - begun_s, exclude_suspicious=exclude_suspicious
    )
