"""A detector that goes on from a snapshot goes on to the last bit, whatever its model and rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import numpy as safetensors

from sentinel.alert.thresholds import ThresholdSettings
from sentinel.alert.thresholds.rule import RuleName
from sentinel.detector import Detector
from sentinel.errors import ModelError
from sentinel.fitted import FittedModel, Kind
from sentinel.records import NS_PER_S, Readings, Scores
from sentinel.snapshot import Snapshot
from tests.detector import joint
from tests.detector.collected import Collected, assert_same_bits, collect
from tests.detector.toy import toy_model, toy_readings

ROWS, ENTITIES, CHANNELS = 240, 3, joint.CHANNELS
KINDS = get_args(Kind)
# Episodes that are withheld, by a cooldown and a budget, of each entity or of all.
RULES = {
    "plain": joint.RULES,
    "entity": replace(joint.RULES, cooldown_ns=5 * NS_PER_S, budget_count=1, budget_readings=150),
    "fleet": replace(joint.RULES, budget_count=1, budget_ns=150 * NS_PER_S, budget_fleet=True),
}
SEEDS = st.integers(0, 2**32 - 1)
CUTS = st.lists(st.integers(0, ROWS), max_size=6)


@cache
def model_of(kind: str) -> FittedModel:
    if kind == "reconstruct":
        return toy_model(CHANNELS, window_stride=2)
    return joint.joint_model(kind)


def detector_of(kind: str = "joint", rules: str = "entity", rule: RuleName = "pot") -> Detector:
    return Detector(
        model_of(kind), RULES[rules], threshold=ThresholdSettings(rule), threshold_scale=0.5
    )


def stream(seed: int, count: int = ROWS, entities: int = ENTITIES) -> Readings:
    """With holes, duplicates, late readings, gaps and a stretch that is far off."""
    return toy_readings(count, entities=entities, channels=CHANNELS, seed=seed)


def through_bytes(snapshot: Snapshot) -> Snapshot:
    """As a file would keep it."""
    return replace(snapshot, arrays=safetensors.load(safetensors.save(snapshot.arrays)))


def restarted(make: Callable[[], Detector], readings: Readings, cuts: Sequence[int]) -> Collected:
    """A process for each part of the readings; only a snapshot's bytes pass from one to the next.

    Each part is cut once more into two batches.
    """
    edges = [0, *sorted(cuts), len(readings)]
    found, snapshot = [], make().snapshot()
    for start, stop in pairwise(edges):
        detector = make()
        detector.restore(through_bytes(snapshot))
        found.append(collect(detector, readings.slice(start, stop), [(stop - start) // 3]))
        snapshot = detector.snapshot()
    columns = (
        np.concatenate([getattr(part.scores, name) for part in found])
        for name in Scores.__dataclass_fields__
    )
    events = [event for part in found for event in part.events]
    suppressed = [one for part in found for one in part.suppressed or ()]
    return Collected(Scores(*columns), events, sum(part.windows for part in found), suppressed)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(SEEDS, CUTS)
def test_restarts_from_a_snapshot_change_no_bit(
    kind: str, rules: str, seed: int, cuts: list[int]
) -> None:
    def make() -> Detector:
        return detector_of(kind, rules)

    readings = stream(seed)
    whole = collect(make(), readings)
    again = restarted(make, readings, cuts)
    assert_same_bits(again, whole)
    assert again.windows == whole.windows


@pytest.mark.parametrize("rule", get_args(RuleName))
@settings(max_examples=5, deadline=None)
@given(SEEDS, CUTS)
def test_restarts_change_no_bit_whatever_rule_sets_the_threshold(
    rule: RuleName, seed: int, cuts: list[int]
) -> None:
    def make() -> Detector:
        return detector_of("reconstruct", rule=rule)

    readings = stream(seed)
    assert_same_bits(restarted(make, readings, cuts), collect(make(), readings))


@settings(max_examples=20, deadline=None)
@given(SEEDS, CUTS, st.integers(1, 40), st.sampled_from(["entity", "fleet"]))
def test_a_batch_in_many_runs_is_told_as_one_that_is_a_single_run(
    seed: int, cuts: list[int], windows_max: int, rules: str
) -> None:
    readings, narrow = stream(seed), detector_of(rules=rules)
    narrow.rings.windows_max = windows_max
    assert_same_bits(collect(narrow, readings, cuts), collect(detector_of(rules=rules), readings))


def test_the_streams_of_these_tests_have_every_kind_of_event_and_withheld_episodes() -> None:
    """What no episode crosses, the tests above would not see."""
    for rules in ("entity", "fleet"):
        detection = detector_of(rules=rules).process(stream(1, 600))
        assert {event.state for event in detection.events} == {"opened", "updated", "resolved"}
        assert len(detection.suppressed) > 0


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, ROWS))
def test_a_detector_goes_back_to_its_snapshot(seed: int, cut: int) -> None:
    """What came in between is dropped: room for more entities and their readings, too."""
    readings = stream(seed)
    detector = detector_of()
    collect(detector, readings.slice(0, cut))
    snapshot = detector.snapshot()
    first = collect(detector, readings.slice(cut, ROWS))
    collect(detector, stream(seed + 1, 200, 100))
    detector.restore(snapshot)
    assert_same_bits(collect(detector, readings.slice(cut, ROWS)), first)


def test_a_snapshot_is_independent_of_the_detector() -> None:
    detector = detector_of()
    collect(detector, stream(2))
    snapshot = detector.snapshot()
    before = {name: array.tobytes() for name, array in snapshot.arrays.items()}
    other = detector_of()
    other.restore(snapshot)
    for one in (detector, other):
        collect(one, stream(3))
    assert {name: array.tobytes() for name, array in snapshot.arrays.items()} == before


def test_a_snapshot_is_of_the_entities_that_were_seen_and_of_full_windows_without_slack() -> None:
    detector = detector_of()
    collect(detector, stream(4))
    snapshot = detector.snapshot()
    assert snapshot.entities == ENTITIES
    assert {len(array) for array in snapshot.arrays.values()} == {ENTITIES}
    assert snapshot.arrays["rings.slabs"].shape == (ENTITIES, joint.WINDOW_LENGTH, CHANNELS)
    detector.forget(range(ENTITIES))
    assert detector.snapshot().entities == 0


def test_snapshots_of_the_same_readings_are_equal_however_they_came() -> None:
    at_once, in_parts = detector_of(), detector_of()
    collect(at_once, stream(5))
    collect(in_parts, stream(5), range(0, ROWS, 7))
    one, other = at_once.snapshot().arrays, in_parts.snapshot().arrays
    odd = {name for name, array in one.items() if array.tobytes() != other[name].tobytes()}
    # What made an episode that is over is never looked at again.
    assert {name.split(".")[0] for name in odd} <= {"worst"}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (lambda: Detector(replace(joint.joint_model(), version="0" * 12), RULES["entity"]),
         "model: never stored, not 000000000000"),
        (lambda: Detector(joint.joint_model("forecast"), RULES["entity"]), "kind: joint"),
        (lambda: Detector(joint.joint_model(), RULES["fleet"]), "rules: EpisodeRules("),
        (lambda: Detector(joint.joint_model(), RULES["entity"], window_stride=3),
         "window_stride: 5, not 3"),
        (lambda: Detector(joint.joint_model(), RULES["entity"], max_gap_ns=1), "max_gap_ns"),
        (lambda: Detector(joint.joint_model(), RULES["entity"], threshold_scale=2.0),
         "threshold_scale: 1.0, not 2.0"),
        (lambda: Detector(joint.joint_model(), RULES["entity"],
                          threshold=ThresholdSettings("mad")), "threshold: ThresholdSettings("),
    ],
)  # fmt: skip
def test_a_snapshot_of_another_model_or_other_settings_is_refused(
    other: Callable[[], Detector], named: str
) -> None:
    detector = Detector(joint.joint_model(), RULES["entity"])
    collect(detector, stream(6))
    with pytest.raises(ModelError) as refused:
        other().restore(detector.snapshot())
    assert f"snapshot: of another {named}" in str(refused.value)
    assert "begin anew" in refused.value.hint


@pytest.mark.parametrize("name", ["rings.end", "scorer.judge.level", "episodes.budget.owner"])
def test_a_damaged_snapshot_is_refused_and_nothing_is_lost(name: str) -> None:
    readings = stream(7)
    detector, untouched = detector_of(), detector_of()
    for both in (detector, untouched):
        collect(both, readings.slice(0, 100))
    snapshot = detector.snapshot()
    whole = snapshot.arrays
    without = {other: array for other, array in whole.items() if other != name}
    for arrays in (
        without,
        {**whole, "rings.more": np.zeros(ENTITIES)},
        {**whole, name: whole[name][:-1]},
        {**whole, name: whole[name][..., None]},
        {**whole, name: whole[name].astype(np.float16)},
    ):
        with pytest.raises(ModelError, match="damaged"):
            detector.restore(replace(snapshot, arrays=arrays))
    after = readings.slice(100, ROWS)
    assert_same_bits(collect(detector, after), collect(untouched, after))
