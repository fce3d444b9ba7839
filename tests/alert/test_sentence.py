"""An episode in one line: numbers as precise as they are worth, times as long as needed."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alert.sentence import duration, numbers, sentence, summary
from sentinel.records import NS_PER_S, Contribution, EpisodeEvent

NOON_NS = 1_700_000_000 // 86_400 * 86_400 * NS_PER_S + 43_440 * NS_PER_S  # 2023-11-14 12:04
VIB = Contribution("vib_x", 0.8, 4.1, 1.2, 0.3)
TEMP = Contribution("temp", 0.45, 80.04, 71.25, 2.04)


def event(**changes: Any) -> EpisodeEvent:
    fields: dict[str, Any] = {
        "entity": 0, "row": 0, "state": "opened", "start_ns": NOON_NS, "time_ns": NOON_NS,
        "update": 0, "anomaly_score": 13.0, "score_ratio": 1.1, "peak_ratio": 1.1,
        "threshold": 12.0, "readings": 1, "missing_values": 0, "late_readings": 0,
        "contributions": (VIB,),
    }  # fmt: skip
    return EpisodeEvent(**{**fields, **changes})


def test_a_summary_tells_channel_observed_expected_deviation_and_since_when() -> None:
    assert summary(event()) == "vib_x 4.10, expected 1.20 +- 0.30, since 12:04 UTC"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"state": "updated", "time_ns": NOON_NS + 60 * NS_PER_S},
         "at worst vib_x 4.10, expected 1.20 +- 0.30, since 12:04 UTC; 1.10x the threshold now"),
        ({"state": "updated", "time_ns": NOON_NS + 86_400 * NS_PER_S},
         "at worst vib_x 4.10, expected 1.20 +- 0.30, since 2023-11-14 12:04 UTC; "
         "1.10x the threshold now"),
        ({"state": "resolved", "time_ns": NOON_NS + 60 * NS_PER_S},
         "faded to 1.10x the threshold after 1 min; at worst vib_x 4.10, expected 1.20 +- 0.30"),
        ({"state": "resolved", "score_ratio": 0.4, "time_ns": NOON_NS + 61 * NS_PER_S},
         "over after 1 min 1 s; at worst vib_x 4.10, expected 1.20 +- 0.30"),
        ({"state": "resolved", "reason": "gap", "time_ns": NOON_NS + 86_400 * NS_PER_S},
         "ended by a gap in the readings after 1 d; at worst vib_x 4.10, expected 1.20 +- 0.30"),
    ],
)  # fmt: skip
def test_what_came_later_is_told_of_its_worst_reading(changes: dict[str, Any], text: str) -> None:
    assert summary(event(**changes)) == text


def test_channels_that_matter_are_named_and_a_missing_one_is_called_so() -> None:
    assert sentence([VIB, TEMP]) == (
        "vib_x 4.10, expected 1.20 +- 0.30; temp 80.0, expected 71.2 +- 2.0"
    )
    missing = Contribution("vib_x", 1.0, math.nan, 1.2, 0.3)
    assert sentence([missing]) == "vib_x is missing, expected 1.20 +- 0.30"


@pytest.mark.parametrize(
    ("observed", "lowest", "highest", "text"),
    [
        (4.1, 0.5, 3.0, "vib_x 4.10 (history: 0.50 to 3.00), expected 1.20 +- 0.30"),
        (0.4, 0.5, 3.0, "vib_x 0.40 (history: 0.50 to 3.00), expected 1.20 +- 0.30"),
        (1.6, 1.0, 1.0, "vib_x 1.60 (history: always 1.00), expected 1.20 +- 0.30"),
        (
            1.3,
            1.0,
            1.1,
            "vib_x behaves unusually (1.30, history: 1.00 to 1.10, expected 1.20 +- 0.30)",
        ),
        (3.001, 0.5, 3.0, "vib_x 3.00, expected 1.20 +- 0.30"),  # nobody could tell them apart
        (4.1, 0.5, 4.1, "vib_x 4.10, expected 1.20 +- 0.30"),
        (4.1, math.nan, math.nan, "vib_x 4.10, expected 1.20 +- 0.30"),
        (math.nan, 0.5, 3.0, "vib_x is missing, expected 1.20 +- 0.30"),
    ],
)
def test_a_value_that_the_history_never_held_is_told_as_such(
    observed: float, lowest: float, highest: float, text: str
) -> None:
    assert sentence([Contribution("vib_x", 1.0, observed, 1.2, 0.3, lowest, highest)]) == text


def test_a_value_as_expected_is_not_told_as_if_it_were_the_fault() -> None:
    stuck = Contribution("vib_x", 1.0, 1.3, 1.2, 0.3)
    assert sentence([stuck]) == "vib_x behaves unusually (1.30, expected 1.20 +- 0.30)"


@pytest.mark.parametrize(
    ("observed", "deviation", "texts"),
    [
        (1234.567, 120.0, ("1235", "1234", "120")),
        (1234.567, 1.26, ("1234.6", "1234.2", "1.3")),
        (0.001234, 0.00012, ("0.00123", "1234.25000", "0.00012")),
        (-0.001, 0.5, ("0.00", "1234.25", "0.50")),
        (4.1, math.nan, ("4.1", "1234", "-")),
        (4.1, 0.0, ("4.1", "1234", "0")),
        (4.1, 1e-12, ("4.1", "1234", "1e-12")),
        (3e12, 2.0, ("3e+12", "1234.2", "2.0")),
    ],
)
def test_numbers_have_the_digits_that_the_deviation_is_worth(
    observed: float, deviation: float, texts: tuple[str, str, str]
) -> None:
    assert numbers(Contribution("c", 1.0, observed, 1234.25, deviation)) == texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.25, "0.25 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"),
        (3600, "1 h"), (3601, "1 h"), (7325, "2 h 2 min"), (86_400 * 3 + 60, "3 d"),
        (86_399.9, "1 d"),
    ],
)  # fmt: skip
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(
    st.floats(), st.floats(), st.floats(), st.floats(), st.floats(),
    st.sampled_from(["opened", "updated", "resolved"]),
)  # fmt: skip
def test_any_numbers_make_one_short_line(
    observed: float, expected: float, deviation: float, lowest: float, highest: float, state: str
) -> None:
    one = Contribution("c", 1.0, observed, expected, deviation, lowest, highest)
    told = summary(event(state=state, contributions=(one,)))
    assert "\n" not in told
    assert len(told) < 160
