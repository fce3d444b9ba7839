"""From a history to a fitted model: segments, split, scaling, training, threshold. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sentinel.alert.thresholds import tail_threshold
from sentinel.errors import DataError
from sentinel.fitted import FittedModel, Scorer
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from sentinel.model.training import Progress, TrainingSettings, evenly, mean_loss, train
from sentinel.model.windows import WindowSet
from sentinel.records import NS_PER_S, Float32Array, FloatArray, Readings, TimeArray
from sentinel.score.reconstruction import score_errors, usual_errors
from sentinel.window.scaling import (
    CHUNK_ROWS,
    Scaling,
    ScalingMethod,
    constant_channels,
    fit_scaling,
)
from sentinel.window.segments import Segments, find_segments, median_interval_ns
from sentinel.window.split import Part, auto_window_length, longest_entity, split

GAP_INTERVALS = 10  # a gap is so many median sampling intervals, unless max_gap is given
CALIBRATION_WINDOWS_MAX = 8192
# A score of 1 is as odd as usual. Only a history that is rebuilt without any error, a dead one, has
# a tail below that, down to a threshold of 0, which no ratio can be taken of.
THRESHOLD_MIN = 1.0

# Makes an array that is as long as the history, a memory map where that is larger than memory.
Allocate = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class FitSettings:
    """Everything about a fit but the data. Zero means: choose from the history."""

    window_length: int = 0
    window_stride: int = 1
    max_gap_ns: int = 0
    scaling: ScalingMethod = "standard"
    hidden: int = 64
    encoder_layers: int = 1
    decoder_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    exceed_probability: float = 1e-6
    training: TrainingSettings = field(default_factory=TrainingSettings)


def architecture_of(settings: FitSettings, channels: Sequence[str]) -> Architecture:
    """The architecture that settings ask for."""
    return Architecture(
        len(channels), settings.hidden, settings.encoder_layers, settings.decoder_layers,
        settings.bidirectional, settings.dropout,
    )  # fmt: skip


def fit(
    history: Readings,
    channels: Sequence[str],
    settings: FitSettings,
    *,
    backend: Backend | None = None,
    allocate: Allocate = np.empty,
    on_step: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FittedModel:
    """Fit a model to a history. Same history, settings and seed: the same bytes.

    history   its arrays may be memory maps larger than memory; so may what `allocate` returns
    backend   which kernels train and score, on how many threads; default: the portable ones, on one
    allocate  makes the arrays that are as long as the history; nothing else grows with its rows
    Raises DataError where the history holds no channel, or makes too few windows.
    """
    if not channels:
        raise DataError("the history has no numeric channel")
    backend = backend or Backend()
    interval_ns = median_interval_ns(history.entity, history.time_ns)
    max_gap_ns = settings.max_gap_ns or GAP_INTERVALS * interval_ns
    segments = find_segments(history, max_gap_ns, allocate)
    window_length = settings.window_length or auto_window_length(
        longest_entity(segments), settings.window_stride
    )
    parts = split(segments, window_length, settings.window_stride)
    train_rows = _rows_of(parts.train, segments, allocate)
    scaling = fit_scaling(history.values, train_rows, settings.scaling)
    constant = constant_channels(history.values, train_rows)
    rows = _scaled_rows(history, segments, scaling, allocate)
    windows = [
        WindowSet(rows, part.starts, part.lengths, window_length, part.runs, settings.window_stride)
        for part in (parts.train, parts.validation, parts.test)
    ]
    trained = train(
        architecture_of(settings, channels),
        windows[0],
        windows[1],
        settings.training,
        backend,
        on_step,
        should_stop,
    )
    model = FittedModel(
        channels=tuple(channels),
        window_length=window_length,
        window_stride=settings.window_stride,
        interval_ns=interval_ns,
        max_gap_ns=max_gap_ns,
        scaling=scaling,
        parameters=trained.parameters,
        error_scale=np.ones(len(channels)),
        threshold=np.nan,
    )
    model, scores = _calibrate(model, windows[1:], settings.exceed_probability, backend)
    most = settings.training.evaluation_windows_max
    summary: dict[str, Any] = {
        "rows": len(history),
        "rows_used": len(segments.rows),
        "rows_duplicate": segments.duplicates,
        "rows_late": segments.late,
        "rows_empty": segments.empty,
        "entities": len(np.unique(segments.entity)),
        "segments": len(segments.entity),
        "channels": len(channels),
        "channels_constant": [
            name for name, still in zip(channels, constant, strict=True) if still
        ],
        "interval_s": interval_ns / NS_PER_S,
        "windows_train": len(windows[0]),
        "windows_validation": len(windows[1]),
        "windows_test": len(windows[2]),
        "epochs": trained.epochs,
        "best_epoch": trained.best_epoch,
        "steps": trained.steps,
        "interrupted": trained.interrupted,
        "loss_train": trained.train_loss,
        "loss_validation": trained.validation_loss,
        "loss_test": _test_loss(model, windows[2], most, backend),
        "gradient_norm": trained.gradient_norm,
        "clipped_share": trained.clipped_share,
        "threshold": model.threshold,
        "threshold_reached_validation": float(np.mean(scores[0] >= model.threshold)),
        "threshold_reached_test": float(np.mean(scores[1] >= model.threshold)),
    }
    return replace(model, summary=summary)


def _rows_of(part: Part, segments: Segments, allocate: Allocate) -> TimeArray:
    """The rows of the history (M,) that a part is made of."""
    rows = allocate((part.rows,), np.int64)
    end = 0
    for first, stop in part.ranges:
        begin, end = end, end + stop - first
        rows[begin:end] = segments.rows[first:stop]
    return rows


def _scaled_rows(
    history: Readings, segments: Segments, scaling: Scaling, allocate: Allocate
) -> Float32Array:
    rows = allocate((len(segments.rows), history.values.shape[1]), np.float32)
    for start in range(0, len(rows), CHUNK_ROWS):
        some = segments.rows[start : start + CHUNK_ROWS]
        rows[start : start + len(some)] = scaling.apply(history.values[some])
    return rows


def _test_loss(model: FittedModel, windows: WindowSet, most: int, backend: Backend) -> float:
    scorer = WindowScorer(model.parameters, model.window_length, backend)
    return mean_loss(scorer, windows, evenly(len(windows), most))


def _calibrate(
    model: FittedModel,
    held_out: Sequence[WindowSet],
    exceed_probability: float,
    backend: Backend,
) -> tuple[FittedModel, list[FloatArray]]:
    """The model with an error scale and a threshold, and the held-out windows' scores by part.

    All windows that did not train are taken, the test part's too: the more of a machine's moods
    calibrate the threshold, the less it cries wolf. The test loss stays untouched by this.
    """
    errors = []
    scorer = Scorer(model, backend)
    for windows in held_out:
        chosen = evenly(len(windows), CALIBRATION_WINDOWS_MAX)
        errors.append(scorer.score(windows.rows, *windows.places(chosen)).channel_errors)
    model = replace(model, error_scale=usual_errors(np.concatenate(errors)))
    scores = [score_errors(part, part, model.error_scale).anomaly_score for part in errors]
    together = np.concatenate(scores)
    if not np.isfinite(together).any():
        raise DataError("no held-out window has a value", hint="give a longer history")
    threshold = max(THRESHOLD_MIN, tail_threshold(together, exceed_probability))
    return replace(model, threshold=threshold), scores
