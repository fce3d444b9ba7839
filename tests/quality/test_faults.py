"""The benchmark of attribution: faults are what they are called, and only their doing counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sentinel.detector import Detector
from tests.detector.joint import NAMES, RULES, joint_model
from tests.quality.injection import SIZES, Kind, faulty
from tests.quality.trials import AFTER, CONTEXT, FAULT, Healthy, Trial, outcomes_of, trials_of

WIDTH = np.array([1.0, 2.0, 3.0])  # of the readings that `joint_model` was fitted to
CALM = np.random.default_rng(3).normal(10.0 * np.arange(3), WIDTH, (900, 3))
HEALTHY = Healthy(CALM[:500], CALM[500:], NAMES)


def made(kind: Kind, size: float, healthy: np.ndarray, usual: float = 2.0) -> np.ndarray:
    return faulty(healthy, kind, size, usual, np.random.default_rng(0)) - healthy


def test_each_fault_is_as_large_as_it_says() -> None:
    healthy = np.random.default_rng(1).normal(size=5_000)
    assert np.unique(np.abs(made("offset", 3, healthy)).round(9)).tolist() == [6.0]
    drift = made("drift", 3, healthy)
    assert abs(drift[-1]) == pytest.approx(6)
    assert np.diff(np.abs(drift)) == pytest.approx(6 / 5_000)
    assert made("noise", 3, healthy).std() == pytest.approx(6, rel=0.05)
    spike = made("spike", 3, healthy)
    assert abs(spike[0]) == pytest.approx(6)
    assert not spike[1:].any()
    stuck = faulty(healthy, "stuck", 0.25, 2.0, np.random.default_rng(0))
    assert set(stuck[:1250]) == {healthy[0]}
    assert stuck[1250:].tolist() == healthy[1250:].tolist()


def test_healthy_readings_end_where_the_first_known_anomaly_begins(tmp_path: Path) -> None:
    label = np.zeros(30)
    label[[12, 20]] = 1
    path = tmp_path / "series.npz"
    np.savez(path, train=CALM[:100], test=CALM[100:130], label=label, channels=list(NAMES))
    found = Healthy.read(path)
    assert found.history.tolist() == CALM[:100].tolist()
    assert found.after.tolist() == CALM[100:112].tolist()


def test_switches_and_constant_channels_do_not_break() -> None:
    switch = (np.arange(900) // 30 % 2).astype(float)
    values = np.column_stack([CALM[:, 0], switch, np.ones(900)])
    assert Healthy(values, values, ("a", "b", "c")).moving() == [0]


def test_every_kind_and_size_is_tried_as_often_where_there_is_room() -> None:
    trials = trials_of(HEALTHY, 2, np.random.default_rng(0))
    assert len(trials) == 2 * sum(len(sizes) for sizes in SIZES.values())
    short = Healthy(CALM[:500], CALM[: FAULT + AFTER - 1], NAMES)
    assert trials_of(short, 2, np.random.default_rng(0)) == []


def outcome(trial: Trial, healthy: Healthy = HEALTHY) -> tuple[int | None, int | None]:
    detector = Detector(joint_model(), RULES)
    [found] = outcomes_of(healthy, [trial], detector, np.random.default_rng(0))
    return found.opened, found.worst


@pytest.mark.parametrize("channel", range(3))
def test_a_large_fault_is_detected_and_named_first(channel: int) -> None:
    assert outcome(Trial("offset", 40, channel, 5)) == (0, 0)


def test_what_an_episode_owes_to_the_stretch_itself_is_not_detected() -> None:
    assert outcome(Trial("offset", 0, 1, 5)) == (None, None)
    loud = CALM.copy()
    loud[500:] += 40 * WIDTH
    assert outcome(Trial("offset", 40, 1, 5), Healthy(loud[:500], loud[500:], NAMES))[0] is None


def test_the_stretch_around_a_fault_begins_in_the_history() -> None:
    places, rows = HEALTHY.stretches()
    assert places[0] == 0
    assert rows.shape == (len(places), CONTEXT + FAULT + AFTER, 3)
    assert rows[0].tolist() == CALM[500 - CONTEXT : 500 + FAULT + AFTER].tolist()
    assert rows[-1][-1].tolist() == CALM[-1].tolist()
