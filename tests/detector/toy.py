"""Small hand-made models and streams: random weights detect as well as any that code is right."""

from __future__ import annotations

import numpy as np

from sentinel.fitted import FittedModel
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.records import NS_PER_S, IndexArray, Readings, TimeArray
from sentinel.window.scaling import Scaling, ValueRange

START_NS = 1_700_000_000 * NS_PER_S
MAX_GAP_S = 10


def toy_model(
    channels: int = 2,
    window_length: int = 5,
    window_stride: int = 1,
    *,
    hidden: int = 4,
    seed: int = 0,
    threshold: float = 1.0,
    architecture: Architecture | None = None,
) -> FittedModel:
    """An untrained model of one reading a second. Standard normal readings score about 1.

    Its raw units are not the scaled ones: channel f has mean 10 f and standard deviation f + 1.
    """
    numbers = np.arange(channels, dtype=np.float64)
    return FittedModel(
        kind="reconstruct",
        channels=tuple(f"channel-{f}" for f in range(channels)),
        window_length=window_length,
        window_stride=window_stride,
        interval_ns=NS_PER_S,
        max_gap_ns=MAX_GAP_S * NS_PER_S,
        scaling=Scaling("standard", 10 * numbers, numbers + 1),
        history_range=ValueRange(10 * numbers - 1, 10 * numbers + 1),
        parameters=Parameters.initial(
            architecture or Architecture(channels, hidden), np.random.default_rng(seed)
        ),
        error_scale=1 + numbers / 10,
        recipe=None,
        threshold=threshold,
        calibration_scores=np.linspace(0.5, 1.5, 100) * threshold,
        summary={"rows": 100, "loss_test": 0.5, "channels_constant": []},
        name="toy",
        version="0123456789ab",
    )


def toy_readings(
    count: int, *, entities: int = 1, channels: int = 2, seed: int = 0, tidy: bool = False
) -> Readings:
    """Readings of several entities as they come: with holes, empty rows, repeats, late ones, gaps.

    tidy  none of that: full rows, one second apart, the entities in turn
    """
    rng = np.random.default_rng(seed)
    entity = (np.arange(count) % entities if tidy else rng.integers(0, entities, count)).astype(
        np.int32
    )
    steps = np.ones(count, np.int64)
    values = rng.normal(10.0 * np.arange(channels), np.arange(channels) + 1.0, (count, channels))
    if not tidy:
        steps = rng.choice(
            [1, 0, -2, MAX_GAP_S, MAX_GAP_S + 1], count, p=[0.9, 0.03, 0.03, 0.03, 0.01]
        )
        values[rng.random(values.shape) < 0.1] = np.nan
        values[rng.random(count) < 0.03] = np.nan
        # A stretch far off, for an episode to open and resolve.
        values[count // 3 : count // 2] += 5.0
    return Readings(
        entity,
        _times(entity, steps, entities),
        np.zeros(count, np.int32),
        np.arange(count, dtype=np.int64),
        values,
    )


def _times(entity: IndexArray, steps: TimeArray, entities: int) -> TimeArray:
    """Each reading `steps` seconds after the newest one of its entity."""
    newest = np.full(entities, START_NS)
    times = np.empty(len(entity), np.int64)
    for n, e in enumerate(entity):
        times[n] = newest[e] + steps[n] * NS_PER_S
        newest[e] = max(newest[e], times[n])
    return times
