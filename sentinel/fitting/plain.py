"""The plain autoencoder: trained until the validation loss stops falling, then a threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sentinel.alert.thresholds import tail_threshold
from sentinel.errors import DataError
from sentinel.fitted import FittedModel
from sentinel.fitting.history import History
from sentinel.fitting.settings import FitSettings, architecture_of, recommended_training
from sentinel.model.backends import window_scorer
from sentinel.model.device import Device
from sentinel.model.training import Progress, evenly, mean_loss, train
from sentinel.model.windows import WindowSet
from sentinel.records import FloatArray
from sentinel.score.reconstruction import score_errors, usual_errors
from sentinel.scorers.plain import PlainScorer
from sentinel.window.split import auto_window_length, longest_entity, split

CALIBRATION_WINDOWS_MAX = 8192
# A score of 1 is as odd as usual. Only a history that is rebuilt without any error, a dead one, has
# a tail below that, down to a threshold of 0, which no ratio can be taken of.
THRESHOLD_MIN = 1.0


def fit_plain(
    history: History,
    settings: FitSettings,
    backend: Device,
    on_step: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> FittedModel:
    """Fit a model of kind reconstruct: 70% of each entity's rows train, the next 15% validate."""
    window_stride = settings.window_stride
    training = settings.training or recommended_training(settings.kind, len(history.channels))
    window_length = settings.window_length or auto_window_length(
        longest_entity(history.segments), window_stride
    )
    parts = split(history.segments, window_length, window_stride)
    train_rows = history.rows_of(parts.train.ranges)
    scaling = history.scaling_of(train_rows, settings)
    rows = history.scaled(scaling)
    windows = [
        WindowSet(rows, part.starts, part.lengths, window_length, part.runs, window_stride)
        for part in (parts.train, parts.validation, parts.test)
    ]
    trained = train(
        architecture_of(settings, history.channels), windows[0], windows[1], training, backend,
        on_step, should_stop,
    )  # fmt: skip
    model = FittedModel(
        kind=settings.kind,
        channels=tuple(history.channels),
        window_length=window_length,
        window_stride=window_stride,
        interval_ns=history.interval_ns,
        max_gap_ns=history.max_gap_ns,
        scaling=scaling,
        history_range=history.range_of(history.segments.rows),
        parameters=trained.parameters,
        error_scale=np.ones(len(history.channels)),
        recipe=None,
        threshold=np.nan,
        calibration_scores=np.zeros(0),
    )
    model, scores = _calibrate(model, windows[1:], settings.exceed_probability, backend)
    scorer = window_scorer(model.parameters, window_length, backend)
    chosen = evenly(len(windows[2]), training.evaluation_windows_max)
    summary: dict[str, Any] = {
        **history.summary(history.range_of(train_rows)),
        "windows_train": len(windows[0]),
        "windows_validation": len(windows[1]),
        "windows_test": len(windows[2]),
        "epochs": trained.epochs,
        "best_epoch": trained.best_epoch,
        "steps": trained.steps,
        "interrupted": trained.interrupted,
        "loss_train": trained.train_loss,
        "loss_validation": trained.validation_loss,
        "loss_test": mean_loss(scorer, windows[2], chosen),
        "gradient_norm": trained.gradient_norm,
        "clipped_share": trained.clipped_share,
        "threshold": model.threshold,
        "threshold_reached_validation": float(np.mean(scores[0] >= model.threshold)),
        "threshold_reached_test": float(np.mean(scores[1] >= model.threshold)),
    }
    return replace(model, summary=summary)


def _calibrate(
    model: FittedModel,
    held_out: Sequence[WindowSet],
    exceed_probability: float,
    backend: Device,
) -> tuple[FittedModel, list[FloatArray]]:
    """The model with an error scale and a threshold, and the held-out windows' scores by part.

    All windows that did not train are taken, the test part's too: the more of a machine's moods
    calibrate the threshold, the less it cries wolf. The test loss stays untouched by this.
    """
    errors = []
    usual = np.ones(len(model.channels))
    scorer = PlainScorer(model.parameters, model.window_length, usual, backend)
    for windows in held_out:
        chosen = evenly(len(windows), CALIBRATION_WINDOWS_MAX)
        places = windows.places(chosen)
        errors.append(scorer.score_windows(windows.rows, *places).channel_errors)
    error_scale = usual_errors(np.concatenate(errors))
    scores = [score_errors(part, part, error_scale).anomaly_score for part in errors]
    together = np.concatenate(scores)
    together = together[np.isfinite(together)]
    if not len(together):
        raise DataError("no held-out window has a value", hint="give a longer history")
    threshold = max(THRESHOLD_MIN, tail_threshold(together, exceed_probability))
    model = replace(
        model, error_scale=error_scale, threshold=threshold, calibration_scores=together
    )
    return model, scores
