"""The options of `sentinel fit` that say what model to fit, and how to train it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import click
from click.core import ParameterSource

from sentinel.cli.finite_range import FiniteRange
from sentinel.cli.option_group import option_group
from sentinel.config.bounds import COUNT_MAX, DURATION_MAX_S, EXCEED_PROBABILITY_MIN
from sentinel.fitted import KINDS_OF, Kind
from sentinel.fitting.settings import FitSettings, recommended_training
from sentinel.model.training import TrainingSettings
from sentinel.records import NS_PER_S

DEFAULTS = FitSettings()
PLAIN = recommended_training("reconstruct", 1)
JOINT, JOINT_ONE = recommended_training("joint", 2), recommended_training("joint", 1)
SEED_MAX = 2**32 - 1


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


def _only_with(*kinds: Kind) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that refuses an option which the other kinds of model have no use for."""

    def check(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        given = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
        if given and ctx.params["kind"] not in kinds:
            raise click.UsageError(f"{param.opts[0]} only goes with --model {' or '.join(kinds)}")
        return value

    return check


_PLAIN = _only_with("reconstruct")
_RECIPE = _only_with(*KINDS_OF)
_REBUILDS = _only_with("joint")
_DECODES = _only_with("joint", "forecast", "reconstruct")


# fmt: off
max_gap_option = click.option(
    "--max-gap", "max_gap_s", type=FiniteRange(0, DURATION_MAX_S), default=0.0, metavar="SECONDS",
    help="A longer gap starts a new window.  [default: 10 sampling intervals]",
)

# What model to fit.
model_options = option_group(
    click.option("--model", "kind", type=click.Choice(get_args(Kind)),
                 default=DEFAULTS.kind, show_default=True, is_eager=True,
                 help="joint: forecast and reconstruction, with small companions; light: a single "
                 "step of a network for each reading, for the largest fleets; forecast: the "
                 "forecast alone; reconstruct: a plain autoencoder with one threshold."),
    click.option("--window-length", type=WindowLength(), default="auto", show_default=True,
                 help="Readings in a window; auto: by the length of the history, 4 to 64."),
    click.option("--reconstruct-every", type=click.IntRange(1, COUNT_MAX), callback=_REBUILDS,
                 default=DEFAULTS.reconstruct_every, show_default=True,
                 help="With --model joint: readings from one rebuilt window to the next; 1: each, "
                 "eight times slower."),
    click.option("--window-stride", type=click.IntRange(1, COUNT_MAX), callback=_PLAIN,
                 default=DEFAULTS.window_stride, show_default=True,
                 help="With --model reconstruct: readings from one window to the next."),
    max_gap_option,
    click.option("--scaling", type=click.Choice(["standard", "min-max", "robust"]),
                 default=DEFAULTS.scaling, show_default=True, help="Scaling of each channel."),
    click.option("--hidden", type=click.IntRange(1, 1024), default=DEFAULTS.hidden,
                 show_default=True, help="Hidden units of each LSTM layer."),
    click.option("--encoder-layers", type=click.IntRange(1, 8), default=DEFAULTS.encoder_layers,
                 show_default=True, help="LSTM layers that read the window."),
    click.option("--decoder-layers", type=click.IntRange(1, 8), callback=_DECODES,
                 default=DEFAULTS.decoder_layers, show_default=True,
                 help="LSTM layers that rebuild it; a light model has none."),
    click.option("--bidirectional", is_flag=True, callback=_PLAIN,
                 help="With --model reconstruct: the encoder reads the window both ways."),
    click.option("--dropout", type=FiniteRange(0, 0.5), default=DEFAULTS.dropout,
                 show_default=True,
                 help="Share dropped of what one layer hands the next, in training."),
    click.option("--exceed-probability", callback=_PLAIN,
                 type=FiniteRange(EXCEED_PROBABILITY_MIN, 0.1, max_open=True),
                 default=DEFAULTS.exceed_probability, show_default=True,
                 help="With --model reconstruct: the share of normal windows that may reach the "
                 "threshold."),
)

# How to train it.
training_options = option_group(
    click.option("--initialisation", type=click.Choice(["glorot", "he", "uniform"]),
                 help="How the weights begin.  "
                 f"[default: {JOINT.initialisation}; light, reconstruct: {PLAIN.initialisation}]"),
    click.option("--optimizer", type=click.Choice(["adam", "adamw", "rmsprop"]),
                 default=PLAIN.optimizer, show_default=True,
                 help="How the weights follow the gradient."),
    click.option("--weight-decay", type=FiniteRange(0, 1), default=PLAIN.weight_decay,
                 show_default=True, help="With --optimizer adamw: pulls the weights to zero."),
    click.option("--learning-rate", type=FiniteRange(0, 1, min_open=True),
                 help="Size of its steps; of the largest, with --schedule one-cycle.  "
                 f"[default: {JOINT.learning_rate}; reconstruct: {PLAIN.learning_rate}]"),
    click.option("--schedule", type=click.Choice(["constant", "one-cycle"]),
                 help="one-cycle: the learning rate rises for a tenth of the training, then falls."
                 f"  [default: {JOINT.schedule}; reconstruct: {PLAIN.schedule}]"),
    click.option("--input-noise", type=FiniteRange(0, 10),
                 help="Added to the inputs in training, in standard deviations.  "
                 f"[default: {JOINT.input_noise}; reconstruct: {PLAIN.input_noise}]"),
    click.option("--clip-norm", type=FiniteRange(0, 1_000_000, min_open=True),
                 help="Largest norm of a gradient.  "
                 f"[default: {JOINT.clip_norm}; reconstruct: {PLAIN.clip_norm}]"),
    click.option("--batch-size", type=click.IntRange(1, 65536),
                 help="Windows in a minibatch.  "
                 f"[default: {JOINT.batch_size}; reconstruct: {PLAIN.batch_size}]"),
    click.option("--steps", type=click.IntRange(1, COUNT_MAX), callback=_RECIPE,
                 help="Minibatches.  "
                 f"[default: {JOINT.steps}; for a single channel: {JOINT_ONE.steps}]"),
    click.option("--epochs", "epochs_max", type=click.IntRange(1, COUNT_MAX), callback=_PLAIN,
                 default=PLAIN.epochs_max, show_default=True,
                 help="With --model reconstruct: at most so many."),
    click.option("--epoch-windows", "epoch_windows_max", type=click.IntRange(1, COUNT_MAX),
                 callback=_PLAIN, default=PLAIN.epoch_windows_max,
                 show_default=True, help="With --model reconstruct: windows drawn per epoch, at "
                 "most; overlapping ones repeat each other."),
    click.option("--patience", type=click.IntRange(1, COUNT_MAX), callback=_PLAIN,
                 default=PLAIN.patience, show_default=True, help="With --model reconstruct: epochs "
                 "without a better validation loss before stopping early."),
    click.option("--seed", type=click.IntRange(0, SEED_MAX), default=0, show_default=True,
                 help="Same seed, same bytes; a GPU's are others than a CPU's."),
)
# fmt: on


def settings_of(options: dict[str, Any], channels: int) -> FitSettings:
    """The settings that the options of both groups ask for; None: the kind's own."""
    max_gap_ns = round(options.pop("max_gap_s") * NS_PER_S)
    training = {name: options.pop(name) for name in TrainingSettings.__slots__ if name in options}
    given = {name: value for name, value in training.items() if value is not None}
    recommended = recommended_training(options["kind"], channels)
    return FitSettings(**options, max_gap_ns=max_gap_ns, training=replace(recommended, **given))
