"""Rings hold, for every entity, exactly the readings that a plain deque would."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import Float32Array, Readings, Status
from sentinel.window import rings as module
from sentinel.window.rings import Outcome, Rings
from sentinel.window.scaling import Scaling
from tests.window.plain_ring import PlainRing

CHANNELS = 2
PLAIN = Scaling("standard", np.zeros(CHANNELS), np.ones(CHANNELS))
START_NS = 1_000
MAX_GAP_NS = 9
ENTITIES = 4


@dataclass
class Told:
    """What readings led to: a row of statuses for each, and the windows (T, F), NaN = missing."""

    rows: list[tuple[int, int, bool, int]]
    windows: list[tuple[int, Float32Array]]


def readings_of(steps: list[tuple[int, int, str]]) -> Readings:
    """(entity, time since the entity's newest, values) for each; every value occurs only once."""
    newest = [START_NS] * ENTITIES
    entity, time_ns, values = [], [], []
    for number, (e, step_ns, kind) in enumerate(steps):
        entity.append(e)
        time_ns.append(newest[e] + step_ns)
        newest[e] = max(newest[e], newest[e] + step_ns)
        row = [number / 1000, -number / 1000]
        if kind == "empty":
            row = [np.nan, np.nan]
        elif kind == "partial":
            row[number % 2] = np.nan
        values.append(row)
    count = len(steps)
    return Readings(
        np.array(entity, np.int32),
        np.array(time_ns, np.int64),
        np.zeros(count, np.int32),
        np.arange(count, dtype=np.int64),
        np.array(values, np.float64).reshape(count, CHANNELS),
    )


def run_rings(rings: Rings, readings: Readings) -> Told:
    """Through the rings, reading the windows after every call as the detector does."""
    if len(readings) and readings.entity.max() >= len(rings.state.end):
        rings.grow(int(readings.entity.max()) + 1)
    outcome = Outcome.of(len(readings))
    windows: list[tuple[int, Float32Array]] = []
    start = 0
    while start < len(readings):
        filled = rings.fill(readings, start, outcome)
        assert filled.stop > start
        for row, first in zip(filled.windows, filled.places, strict=True):
            windows.append((row, rings.rows[first : first + rings.window_length].copy()))
        for row in range(start, filled.stop):
            place = outcome.place[row]
            assert (place >= 0) == (outcome.status[row] <= Status.BETWEEN)
            if place >= 0:
                np.testing.assert_array_equal(
                    rings.rows[place], rings.scaling.apply(readings.values[row : row + 1])[0]
                )
        start = filled.stop
    told = (outcome.status, outcome.filled, outcome.restarted, outcome.missing)
    return Told(list(zip(*(column.tolist() for column in told), strict=True)), windows)


def run_plain(plain: list[PlainRing], readings: Readings) -> Told:
    told = Told([], [])
    scaled = readings.values.astype(np.float32)
    for n in range(len(readings)):
        ring = plain[readings.entity[n]]
        status, filled, restarted, missing = ring.push(int(readings.time_ns[n]), scaled[n])
        told.rows.append((status, filled, restarted, missing))
        if status == Status.OK:
            told.windows.append((n, np.array(ring.rows)))
    return told


def assert_same(told: Told, expected: Told) -> None:
    assert told.rows == expected.rows
    assert [row for row, _ in told.windows] == [row for row, _ in expected.windows]
    for (_, window), (_, plain) in zip(told.windows, expected.windows, strict=True):
        np.testing.assert_array_equal(window, plain)


STEPS = st.lists(
    st.tuples(
        st.integers(0, ENTITIES - 1),
        # Late, a duplicate, next, the longest step that is no gap, a gap.
        st.sampled_from([-3, 0, 1, 1, 1, 2, MAX_GAP_NS, MAX_GAP_NS + 1]),
        st.sampled_from(["full", "full", "full", "partial", "empty"]),
    ),
    max_size=150,
)


@settings(max_examples=120, deadline=None)
@given(
    batches=st.lists(STEPS, min_size=1, max_size=3),
    window_length=st.integers(1, 7),
    window_stride=st.integers(1, 4),
    slack=st.integers(1, 5),
    windows_max=st.integers(1, 6),
    forgotten=st.lists(st.lists(st.integers(0, ENTITIES - 1), unique=True), max_size=3),
)
def test_rings_hold_what_plain_deques_hold(
    batches: list[list[tuple[int, int, str]]],
    window_length: int,
    window_stride: int,
    slack: int,
    windows_max: int,
    forgotten: list[list[int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SLACK_MIN", slack)
        patch.setattr(module, "SLACK_MAX", slack)
        rings = Rings(PLAIN, window_length, window_stride, MAX_GAP_NS, windows_max=windows_max)
        plain = [PlainRing(window_length, window_stride, MAX_GAP_NS) for _ in range(ENTITIES)]
        for number, batch in enumerate(batches):
            readings = readings_of(batch)
            assert_same(run_rings(rings, readings), run_plain(plain, readings))
            for e in forgotten[number] if number < len(forgotten) else []:
                if e < len(rings.state.end):
                    rings.forget(np.array([e], np.int32))
                plain[e] = PlainRing(window_length, window_stride, MAX_GAP_NS)


def test_growing_keeps_every_ring() -> None:
    """One entity after another appears; those that came before go on where they were."""
    rings = Rings(PLAIN, 3, 1, MAX_GAP_NS, windows_max=64)
    plain = [PlainRing(3, 1, MAX_GAP_NS) for _ in range(ENTITIES)]
    for newest in range(ENTITIES):
        steps = [(e, 1, "full") for _ in range(2) for e in range(newest + 1)]
        readings = readings_of(steps)
        later = Readings(
            readings.entity, readings.time_ns + 2 * newest, readings.partition, readings.offset,
            readings.values,
        )  # fmt: skip
        assert_same(run_rings(rings, later), run_plain(plain, later))


def test_a_ring_that_was_forgotten_takes_older_times_again() -> None:
    rings = Rings(PLAIN, 2, 1, MAX_GAP_NS, windows_max=64)
    readings = readings_of([(0, 1, "full")] * 3)
    first = run_rings(rings, readings)
    assert [status for status, *_ in run_rings(rings, readings).rows] == [
        Status.LATE, Status.LATE, Status.DUPLICATE,
    ]  # fmt: skip
    rings.forget(np.array([0], np.int32))
    assert_same(run_rings(rings, readings), first)


def test_windows_hold_scaled_values_clipped_to_ten() -> None:
    scaling = Scaling("standard", np.array([100.0, 0.0]), np.array([2.0, 1.0]))
    rings = Rings(scaling, 2, 1, MAX_GAP_NS, windows_max=64)
    readings = Readings(
        np.zeros(2, np.int32), np.array([1, 2]), np.zeros(2, np.int32), np.arange(2),
        np.array([[103.0, 1e9], [99.0, np.nan]]),
    )  # fmt: skip
    [(_, window)] = run_rings(rings, readings).windows
    np.testing.assert_array_equal(window, np.array([[1.5, 10.0], [-0.5, np.nan]], np.float32))


def test_score_next_scores_the_next_reading_whatever_the_stride() -> None:
    rings = Rings(PLAIN, 2, 5, 1_000, windows_max=64)
    run_rings(rings, readings_of([(0, 1, "full")] * 4))
    rings.score_next()
    later = readings_of([(0, 10, "full"), (0, 1, "full")])
    assert [status for status, *_ in run_rings(rings, later).rows] == [Status.OK, Status.BETWEEN]


STRIDE = 16


def windows_by_reading(machines: int, names: list[str]) -> list[list[int]]:
    """Which machines complete a window with each of 3 strides of readings.

    All report together, and the same.
    """
    rings = Rings(PLAIN, 4, STRIDE, MAX_GAP_NS, windows_max=4096, in_turn=True)
    rings.grow(machines)
    rings.name(names)
    found = []
    for number in range(3 + 3 * STRIDE):
        readings = Readings(
            np.arange(machines, dtype=np.int32), np.full(machines, START_NS + number),
            np.zeros(machines, np.int32), np.arange(machines), np.ones((machines, CHANNELS)),
        )  # fmt: skip
        found.append(rings.fill(readings, 0, Outcome.of(machines)).windows.tolist())
    return found[3:]


def test_machines_that_are_all_alike_share_the_work_evenly() -> None:
    machines = 320
    found = windows_by_reading(machines, [f"machine-{n}" for n in range(machines)])
    assert found[0] == list(range(machines))
    counts = [len(windows) for windows in found[1:]]
    assert all(machines / STRIDE / 2 < count < machines / STRIDE * 2 for count in counts[STRIDE:])
    assert counts[STRIDE:] == (counts[STRIDE : 2 * STRIDE] * 2)[: len(counts) - STRIDE]


@given(st.integers(0, 10_000))
def test_four_machines_without_names_share_the_work(first: int) -> None:
    rings = Rings(PLAIN, 4, STRIDE, MAX_GAP_NS, windows_max=1, in_turn=True)
    rings.grow(first + 4)
    turns = np.sort(rings.turns[first:])
    apart = np.diff(np.append(turns, turns[0] + STRIDE))
    assert 2 <= apart.min() <= apart.max() <= STRIDE / 2


def test_restored_rings_take_the_turns_of_the_names_that_follow() -> None:
    named = {}
    for names in (["a", "b"], ["y", "z"]):
        rings = Rings(PLAIN, 4, STRIDE, MAX_GAP_NS, windows_max=1, in_turn=True)
        rings.grow(2)
        rings.name(names)
        rings.restore(rings.arrays(2))
        rings.name(["a", "b"])
        named["".join(names)] = rings.turns.tolist()
    assert named["ab"] == named["yz"]


def test_a_machine_takes_its_turn_by_its_name_in_whatever_company() -> None:
    names = [f"machine-{n}" for n in range(40)]
    together = windows_by_reading(40, names)
    for number in (0, 7, 39):
        alone = windows_by_reading(1, [names[number]])
        assert [bool(windows) for windows in alone] == [number in windows for windows in together]
