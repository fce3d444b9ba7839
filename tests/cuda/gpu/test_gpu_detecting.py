"""A detector decides on the GPU what it decides on the CPU, and its events are the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentinel.alert.episodes import EpisodeRules
from sentinel.demo.dataset import csv_lines
from sentinel.detector import Detector
from sentinel.fitted import FittedModel, Kind
from sentinel.fitting import fit
from sentinel.fitting.settings import FitSettings
from sentinel.model.device import CudaBackend, Device
from sentinel.model.training import TrainingSettings
from sentinel.records import NS_PER_S, Readings
from tests.cuda.close import assert_twins
from tests.cuda.gpu_here import SIMULATED
from tests.detector.collected import Collected, collect

# Of the series that ships with sentinel: five minutes from one reading to the next.
INTERVAL_NS, HISTORY = 300 * NS_PER_S, 400 if SIMULATED else 2016
STREAM, HIDDEN, LENGTH = (24, 2, 8) if SIMULATED else (6000, 32, 48)
KINDS: tuple[Kind, ...] = ("reconstruct", "joint", "light")


def readings(first: int, stop: int) -> Readings:
    lines = csv_lines()[1 + first : 1 + stop]
    values = np.array([[float(line.split(",")[1])] for line in lines])
    zeros = np.zeros(len(values), np.int32)
    offset = np.arange(first, stop)
    return Readings(zeros, (1 + offset) * INTERVAL_NS, zeros, offset, values)


def fitted(kind: Kind) -> FittedModel:
    training = TrainingSettings(steps=3 if SIMULATED else 100, batch_size=8 if SIMULATED else 64)
    settings = FitSettings(
        kind, window_length=LENGTH, hidden=HIDDEN, reconstruct_every=4, training=training,
        exceed_probability=1e-2,
    )  # fmt: skip
    return fit(readings(0, HISTORY), ("temperature",), settings)


def detected(model: FittedModel, device: Device) -> Collected:
    rules = EpisodeRules(open_count=2, open_window=3, close_count=4)
    detector = Detector(model, rules, backend=device)
    stream = readings(HISTORY, HISTORY + STREAM)
    return collect(detector, stream, cuts=range(7, STREAM, 997))


@pytest.mark.parametrize("kind", KINDS)
def test_decisions_are_those_of_the_cpu(gpu: CudaBackend, kind: Kind) -> None:
    model = fitted(kind)
    # A threshold that the stream's scores cross.
    scores = detected(model, gpu.cpu).scores.anomaly_score
    model = replace(model, threshold=float(np.nanquantile(scores, 0.9)))
    there, here = (detected(model, device) for device in (gpu, gpu.cpu))
    assert 0 < here.scores.is_anomaly.sum() < STREAM
    np.testing.assert_array_equal(there.scores.is_anomaly, here.scores.is_anomaly)
    np.testing.assert_array_equal(there.scores.status, here.scores.status)
    for name in ("anomaly_score", "score_ratio"):
        found, right = (getattr(which.scores, name) for which in (there, here))
        assert_twins(found.astype(np.float32), right.astype(np.float32))
    assert [(e.state, e.row, e.time_ns) for e in there.events] == [
        (e.state, e.row, e.time_ns) for e in here.events
    ]
