"""Severity: one number, of how far and for how long."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.alert.severity import SEVERITIES, severity


@pytest.mark.parametrize(
    ("ratio", "length", "name"),
    [
        (1.0, 1, "info"),
        (1.0, 9, "info"),
        (1.0, 10, "warning"),
        (1.0, 999, "warning"),
        (1.0, 1000, "critical"),
        (3.1, 1, "info"),
        (3.2, 1, "warning"),
        (5.0, 39, "warning"),
        (5.0, 40, "critical"),
        (32.0, 1, "critical"),
        (math.inf, 1, "critical"),
    ],
)
def test_the_documented_examples(ratio: float, length: int, name: str) -> None:
    assert SEVERITIES[severity(ratio, length)] == name


@given(st.floats(1, 1e6), st.integers(1, 10**6), st.floats(1, 10), st.integers(0, 1000))
def test_it_never_falls_with_a_higher_peak_or_a_longer_episode(
    ratio: float, length: int, times: float, longer: int
) -> None:
    assert severity(ratio * times, length + longer) >= severity(ratio, length)
