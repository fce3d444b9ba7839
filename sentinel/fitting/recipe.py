"""Network and companions on the older readings of each entity; what is usual, on the newer ones.

Errors of readings that trained are smaller than those to come: what is usual is never learnt from
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sentinel.errors import DataError
from sentinel.fitted import KINDS_OF, FittedModel, Recipe
from sentinel.fitting.chunks import chunks
from sentinel.fitting.companions import fit_companions
from sentinel.fitting.history import History
from sentinel.fitting.settings import FitSettings, architecture_of, recommended_training
from sentinel.fitting.stretches import measure_stretches
from sentinel.fitting.threshold import held_out_threshold
from sentinel.model.device import Device, call_windows
from sentinel.model.training import Progress, evenly, train_steps
from sentinel.model.windows import WindowSet
from sentinel.records import FloatArray, TimeArray
from sentinel.score.judging import Calibration, calibrate
from sentinel.score.kinds import BLOCKS
from sentinel.scorers.measuring import Measurer
from sentinel.window.rings import Rings
from sentinel.window.split import calibration_split, calibration_window_length, longest_entity

CALIBRATION_ROWS_MAX = 32_768
CALIBRATION_VALUES_MAX = 1 << 20
CALIBRATION_SCORES_MAX = 8192
# Windows are rebuilt now and then only, and it is chance with which readings they end: what is
# usual is learnt from so many choices, of a long history from fewer.
CALIBRATION_TURNS = 4


def fit_recipe(
    history: History,
    settings: FitSettings,
    backend: Device,
    on_step: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> FittedModel:
    """Fit a model of any kind that judges every reading."""
    window_length = settings.window_length or calibration_window_length(
        longest_entity(history.segments)
    )
    fitted, held_out = calibration_split(history.segments, window_length)
    # All of it: a level that only the newest readings reached is a usual one, too.
    scaling = history.scaling_of(history.segments.rows, settings)
    rows = history.scaled(scaling)
    windows = WindowSet(rows, fitted.starts, fitted.lengths, window_length, fitted.runs)
    training = settings.training or recommended_training(settings.kind, len(history.channels))
    shown, burn_in = windows, 0
    if settings.kind == "light":
        shown, burn_in = chunks(rows, history.segments, fitted)
    trained = train_steps(
        architecture_of(settings, history.channels), shown, training, backend,
        on_step, should_stop, burn_in,
    )  # fmt: skip
    companions = fit_companions(windows)
    kinds = tuple(
        kind for kind in KINDS_OF[settings.kind] if kind != BLOCKS or companions.blocks is not None
    )
    rings = Rings(
        scaling, window_length, settings.reconstruct_every, history.max_gap_ns,
        windows_max=call_windows(backend, len(history.channels)), in_turn=True,
    )  # fmt: skip
    measurer = Measurer(
        trained.parameters, companions, kinds, window_length, settings.reconstruct_every, backend
    )
    calibration, scores, threshold = _calibrate(history, held_out, rings, measurer)
    history_range = history.range_of(history.segments.rows)
    summary: dict[str, Any] = {
        **history.summary(history_range),
        "windows_train": len(shown),
        "rows_calibration": len(scores),
        "steps": trained.steps,
        "interrupted": trained.interrupted,
        "loss_train": trained.train_loss,
        "gradient_norm": trained.gradient_norm,
        "clipped_share": trained.clipped_share,
        "threshold": threshold,
        "threshold_reached_calibration": float(np.mean(scores >= threshold)),
    }
    return FittedModel(
        kind=settings.kind,
        channels=tuple(history.channels),
        window_length=window_length,
        window_stride=settings.reconstruct_every,
        interval_ns=history.interval_ns,
        max_gap_ns=history.max_gap_ns,
        scaling=scaling,
        history_range=history_range,
        parameters=trained.parameters,
        error_scale=None,
        recipe=Recipe(companions, calibration),
        threshold=threshold,
        calibration_scores=scores[evenly(len(scores), CALIBRATION_SCORES_MAX)],
        summary=summary,
    )


def _calibrate(
    history: History, held_out: TimeArray, rings: Rings, measurer: Measurer
) -> tuple[Calibration, FloatArray, float]:
    """What is usual, from the readings held out, taken in as the stream takes them; a threshold.

    held_out  (R, 3) of each entity's stretch in `segments.rows`: from where its readings fill the
              windows, from where they are held out, and one past the last
    """
    channels = len(history.channels)
    most = min(CALIBRATION_ROWS_MAX, max(CALIBRATION_VALUES_MAX // channels, rings.window_length))
    each = max(most // len(held_out), rings.window_length)
    chosen = held_out[evenly(len(held_out), max(most // each, 1))]
    chosen[:, 1] = np.maximum(chosen[:, 1], chosen[:, 2] - each)
    chosen[:, 0] = np.maximum(chosen[:, 0], chosen[:, 1] - rings.window_length)
    rows = int((chosen[:, 2] - chosen[:, 1]).sum())
    turns = min(max(most // rows, 1), CALIBRATION_TURNS, rings.window_stride)
    found = measure_stretches(history, np.repeat(chosen, turns, axis=0), rings, measurer)
    if not len(found.place):
        raise DataError(
            "no reading is left to calibrate with: every stretch without a gap is too short",
            hint="give a longer history, a larger --max-gap or a smaller --window-length",
        )
    calibration, scores = calibrate(measurer.kinds, found.stretch, found.begins, found.errors)
    # Readings that are there several times are no more to set a threshold by.
    once = found.stretch % turns == 0
    threshold = held_out_threshold(scores[once], found.begins[once], rings.window_length)
    return calibration, scores[once], threshold
