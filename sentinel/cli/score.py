"""`sentinel score`: the daemon's own detector over a file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from sentinel import store
from sentinel.cli import logs
from sentinel.cli.layout_options import file_layout, layout_options
from sentinel.cli.progress import Spinner
from sentinel.cli.summary import DROPPED_SHARE_SUSPICIOUS
from sentinel.cli.wiring import make_detector
from sentinel.config.loading import load
from sentinel.config.schema import AlertConfig, KernelsConfig, LogConfig, WindowConfig
from sentinel.records import Status
from sentinel.sink import scores as scores_file
from sentinel.sink.scores import ScoresWriter
from sentinel.source.files import FileSource
from sentinel.source.history_paths import find_files

log = logging.getLogger(__name__)

EPILOG = """\b
Columns: timestamp, entity, anomaly_score, score_ratio (1 = at the threshold), is_anomaly (inside
an open episode), status (ok, warming n/N, between strides, duplicate, late, rejected).

\b
Examples:
  sentinel score --model model --input today.csv --output scores.csv
  sentinel score --model model --input test.csv --context train.csv --output scores.parquet
"""


# fmt: off
@click.command(epilog=EPILOG, short_help="Score a file of readings.")
@click.option("--model", "model_path", required=True, type=click.Path(path_type=Path),
              metavar="MODEL", help="What `sentinel fit` wrote.")
@click.option("--input", "input_path", required=True, type=click.Path(path_type=Path),
              metavar="FILE", help="CSV or Parquet, or a directory of them.")
@click.option("--context", "context_path", type=click.Path(path_type=Path), metavar="FILE",
              help="Readings right before the input; their end fills the first windows.")
@click.option("--output", required=True, metavar="FILE",
              help="One row per reading: CSV, Parquet where it ends so; - is standard output.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE",
              help="Take [alert], [window] and [kernels].variant from a daemon's configuration.")
@click.option("--threads", type=click.IntRange(0, 256), default=0, show_default=True,
              help="0: one for each CPU. Never changes a score.")
@layout_options
def command(
    model_path: Path, input_path: Path, context_path: Path | None, output: str,
    config_path: Path | None, threads: int, **options: Any,
) -> None:
    # fmt: on
    """Score readings as `sentinel run` would: each score uses this reading and earlier ones only.

    A reading without a window of its own repeats its entity's last score; its status says why.
    """
    logs.set_up(LogConfig())
    layout = file_layout(options)
    if context_path and layout.entity_from_file_name:
        raise click.UsageError(
            "--context cannot go with --entity-from-file-name: its files would be other entities"
        )
    scores_file.prepare(output)
    model = store.load(model_path)
    before = find_files([context_path]) if context_path else []
    source = FileSource([*before, input_path], layout, model.channels, as_stream=True)
    unit = source.time_units[len(before)]
    alert, window, kernels = AlertConfig(), WindowConfig(), KernelsConfig()
    if config_path:
        config = load(config_path)
        alert, window, kernels = config.alert, config.window, config.kernels
    detector = make_detector(
        model, alert, msgspec.structs.replace(kernels, threads=threads),
        window_stride=window.window_stride, max_gap_s=window.max_gap_s,
    )  # fmt: skip
    with (
        Spinner("scoring") as spinner,
        ScoresWriter(output, source.entities, model.window_length, unit) as writer,
    ):
        rows, dropped = 0, 0
        while (batch := source.poll(0)) is not None:
            # Batches come file by file; the context's files stand before the input's.
            if len(batch.readings) and batch.readings.partition[0] < len(before):
                detector.prime(batch.readings)
                continue
            scores = detector.process(batch.readings).scores
            writer.write(batch.readings, scores)
            dropped += int(np.isin(scores.status, (Status.DUPLICATE, Status.LATE)).sum())
            rows += len(batch.readings)
            spinner.update(f"scoring: {rows:,} readings")
    if missing := source.channels().missing:
        log.warning("channels of the model that the input lacks: %s", ", ".join(missing))
    if dropped > DROPPED_SHARE_SUSPICIOUS * rows:
        log.warning(
            "%d of %d readings are out of order or repeated: is the input sorted by time, and is "
            "there a column that names the entity (--entity-column)?", dropped, rows,
        )  # fmt: skip
