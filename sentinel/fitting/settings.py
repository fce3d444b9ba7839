"""Everything about a fit but the data, and what each kind of model recommends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.errors import ModelError
from sentinel.fitted import Kind
from sentinel.model.architecture import Architecture
from sentinel.model.training import TrainingSettings
from sentinel.window.scaling import ScalingMethod

# A single channel has less to tell in a window, and takes more of them.
STEPS, STEPS_ONE_CHANNEL = 800, 1200
# Windows of a minibatch: twice as many take twice as long, and find no more.
BATCH_SIZE = 32
# Of kind light: readings that are forecast after each one.
HORIZONS = 16


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to fit. Zero and None mean: choose by the history and the kind.

    window_stride       of kind reconstruct: readings from one window to the next
    reconstruct_every   of kind joint: readings from one rebuilt window to the next; of kind light:
                        from one look of a companion to the next
    exceed_probability  of kind reconstruct: the share of normal windows that may reach the
                        threshold
    """

    kind: Kind = "joint"
    window_length: int = 0
    window_stride: int = 1
    reconstruct_every: int = 16
    max_gap_ns: int = 0
    scaling: ScalingMethod = "standard"
    hidden: int = 64
    encoder_layers: int = 1
    decoder_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    exceed_probability: float = 1e-6
    training: TrainingSettings | None = None


def recommended_training(kind: Kind, channels: int) -> TrainingSettings:
    """The training that a kind of model was measured with.

    A light model's state lives on: it begins with gates that forget little.
    """
    if kind == "reconstruct":
        return TrainingSettings()
    return TrainingSettings(
        batch_size=BATCH_SIZE,
        steps=STEPS if channels > 1 else STEPS_ONE_CHANNEL,
        learning_rate=3e-3,
        schedule="one-cycle",
        input_noise=0.1,
        clip_norm=1.0,
        initialisation="glorot" if kind == "light" else "uniform",
    )


def architecture_of(settings: FitSettings, channels: Sequence[str]) -> Architecture:
    """The architecture that settings ask for."""
    forecast = settings.kind != "reconstruct"
    if forecast and settings.bidirectional:
        raise ModelError(
            f"a {settings.kind} model forecasts, and a bidirectional encoder has seen the answer",
            hint="leave out --bidirectional, or take --model reconstruct",
        )
    light = settings.kind == "light"
    return Architecture(
        len(channels), settings.hidden, settings.encoder_layers,
        0 if light else settings.decoder_layers,
        settings.bidirectional, settings.dropout, forecast, HORIZONS if light else 1,
    )  # fmt: skip
