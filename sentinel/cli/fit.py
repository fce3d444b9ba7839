"""`sentinel fit`: from historical data to a model."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import click

from sentinel import store
from sentinel.cli import logs
from sentinel.cli.history import spool_history
from sentinel.cli.layout_options import file_layout, layout_options
from sentinel.cli.progress import TrainingProgress
from sentinel.cli.summary import print_summary
from sentinel.cli.wiring import history_range
from sentinel.config.loading import load
from sentinel.config.schema import LogConfig
from sentinel.fitted import FittedModel
from sentinel.fitting import FitSettings, architecture_of, fit
from sentinel.model.training import TrainingSettings
from sentinel.ports import Source
from sentinel.records import NS_PER_S
from sentinel.runtime.kernels import choose
from sentinel.source.files import FileSource
from sentinel.source.spool import Spool

EPILOG = """\b
Examples:
  sentinel fit history.csv --output model
  sentinel fit 2024/ --output model --entity-column pump --window-length 96
  sentinel fit long.parquet --layout long --channel-column sensor --output model
  sentinel fit --config sentinel.toml --from 2026-01-01 --to 2026-02-01 --output model
"""

DEFAULTS = FitSettings()
TRAINING = TrainingSettings()


class WindowLength(click.ParamType[int]):
    """A number of readings, or auto."""

    name = "auto|N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """0 stands for auto."""
        if value in ("auto", 0):
            return 0
        try:
            length = int(value)
        except ValueError:
            length = 0
        if not 4 <= length <= 4096:
            self.fail(f"{value!r} is neither auto nor a number from 4 to 4096", param, ctx)
        return length


def fit_and_save(
    source: Source,
    channels: tuple[str, ...],
    settings: FitSettings,
    output: Path,
    threads: int = 0,
) -> tuple[FittedModel, Counter[str]]:
    """Read a source to its end, fit a model, write it; the model and what was rejected."""
    with Spool() as spool:
        history, rejected = spool_history(source, spool)
        with TrainingProgress() as progress:
            model = fit(
                history,
                channels,
                settings,
                backend=choose(architecture_of(settings, channels), threads=threads).backend,
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
@layout_options
@click.option("--window-length", type=WindowLength(), default="auto", show_default=True,
              help="Readings in a window; auto: by the length of the history, 4 to 64.")
@click.option("--window-stride", type=click.IntRange(1), default=DEFAULTS.window_stride,
              show_default=True, help="Readings from one window to the next, in scoring too.")
@click.option("--max-gap", "max_gap_s", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
              help="A longer gap starts a new window.  [default: 10 sampling intervals]")
@click.option("--scaling", type=click.Choice(["standard", "min-max", "robust"]),
              default=DEFAULTS.scaling, show_default=True, help="Scaling of each channel.")
@click.option("--hidden", type=click.IntRange(1, 1024), default=DEFAULTS.hidden,
              show_default=True, help="Hidden units of each LSTM layer.")
@click.option("--encoder-layers", type=click.IntRange(1, 8), default=DEFAULTS.encoder_layers,
              show_default=True, help="LSTM layers that read the window.")
@click.option("--decoder-layers", type=click.IntRange(1, 8), default=DEFAULTS.decoder_layers,
              show_default=True, help="LSTM layers that rebuild it.")
@click.option("--bidirectional", is_flag=True, help="The encoder reads the window both ways.")
@click.option("--dropout", type=click.FloatRange(0, 0.5), default=0.0, show_default=True,
              help="Share dropped of what one layer hands the next, in training.")
@click.option("--initialisation", type=click.Choice(["glorot", "he"]),
              default=TRAINING.initialisation, show_default=True,
              help="How the weights begin.")
@click.option("--optimizer", type=click.Choice(["adam", "adamw", "rmsprop"]),
              default=TRAINING.optimizer, show_default=True,
              help="How the weights follow the gradient.")
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True),
              default=TRAINING.learning_rate, show_default=True,
              help="Size of its steps; of the largest, with --schedule one-cycle.")
@click.option("--schedule", type=click.Choice(["constant", "one-cycle"]),
              default=TRAINING.schedule, show_default=True,
              help="one-cycle: the learning rate rises for a tenth of --epochs, then falls.")
@click.option("--weight-decay", type=click.FloatRange(0, 1), default=TRAINING.weight_decay,
              show_default=True, help="With --optimizer adamw: pulls the weights to zero.")
@click.option("--input-noise", type=click.FloatRange(0, 10), default=TRAINING.input_noise,
              show_default=True, help="Added to the inputs in training, in standard deviations.")
@click.option("--batch-size", type=click.IntRange(1, 65536), default=TRAINING.batch_size,
              show_default=True, help="Windows in a minibatch.")
@click.option("--epochs", "epochs_max", type=click.IntRange(1), default=TRAINING.epochs_max,
              show_default=True, help="At most so many.")
@click.option("--epoch-windows", "epoch_windows_max", type=click.IntRange(1),
              default=TRAINING.epoch_windows_max, show_default=True,
              help="Windows drawn per epoch, at most; overlapping ones repeat each other.")
@click.option("--patience", type=click.IntRange(1), default=TRAINING.patience, show_default=True,
              help="Epochs without a better validation loss before stopping early.")
@click.option("--clip-norm", type=click.FloatRange(0, min_open=True), default=TRAINING.clip_norm,
              show_default=True, help="Largest norm of a gradient.")
@click.option("--exceed-probability", type=click.FloatRange(0, 0.1, min_open=True, max_open=True),
              default=DEFAULTS.exceed_probability, show_default=True,
              help="Threshold: the share of normal windows that may reach it.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--threads", type=click.IntRange(0, 256), default=0, show_default=True,
              help="0: one for each CPU. Never changes the result.")
def command(
    history: tuple[Path, ...], output: Path, config_path: Path | None,
    range_from: str | None, range_to: str | None, threads: int, **options: Any,
) -> None:
    # fmt: on
    """Fit a model to HISTORY: CSV or Parquet files, or directories of them.

    The table has a column `timestamp`, perhaps one that names the entity (the machine), and each
    other column of numbers is a channel. The oldest 70% of each entity train, the next 15% validate
    (they stop the training), the newest 15% test; the latter two calibrate the threshold.
    """
    logs.set_up(LogConfig())
    begun_s = time.monotonic()
    layout = file_layout(options)
    if bool(history) == bool(config_path):
        raise click.UsageError("name either files of a history or --config FILE for a topic's")
    if not config_path and (range_from or range_to):
        raise click.UsageError("--from and --to go with --config")
    store.prepare(output)  # an hour of work must not end in an error that was foreseeable
    if config_path:
        range_source = history_range(load(config_path), range_from, range_to)
        source: Source = range_source
        channels = tuple(range_source.channel_names)
    else:
        file_source = FileSource(history, layout)
        source, channels = file_source, tuple(file_source.channel_names)
    settings = _settings(options)
    try:
        model, rejected = fit_and_save(source, channels, settings, output, threads)
    finally:
        source.close()
    print_summary(model, rejected, output, time.monotonic() - begun_s)


def _settings(options: dict[str, Any]) -> FitSettings:
    training = {name: options.pop(name) for name in TrainingSettings.__slots__ if name in options}
    max_gap_ns = round(options.pop("max_gap_s") * NS_PER_S)
    return FitSettings(**options, max_gap_ns=max_gap_ns, training=TrainingSettings(**training))
