"""The one-cycle learning rate: up, down, and through the points it is defined by."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.model.schedule import END_DIVISOR, START_DIVISOR, WARM_UP_SHARE, one_cycle


@pytest.mark.parametrize("steps", [20, 100, 10_000])
def test_it_goes_up_to_the_largest_and_down_to_the_smallest(steps: int) -> None:
    rates = [one_cycle(step, steps, 0.5) for step in range(1, steps + 1)]
    top = round(WARM_UP_SHARE * steps) - 1
    assert rates[0] == pytest.approx(0.5 / START_DIVISOR)
    assert rates[top] == max(rates) == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.5 / START_DIVISOR / END_DIVISOR)
    assert all(before < after for before, after in pairwise(rates[: top + 1]))
    assert all(before > after for before, after in pairwise(rates[top:]))


def test_half_way_along_either_side_it_is_half_way_between() -> None:
    """The middle of half a cosine."""
    largest, steps = 1.0, 1010
    start, top = largest / START_DIVISOR, WARM_UP_SHARE * steps - 1
    assert one_cycle(1 + round(top / 2), steps, largest) == pytest.approx((start + largest) / 2)
    middle = 1 + round((top + steps - 1) / 2)
    assert one_cycle(middle, steps, largest) == pytest.approx(
        (largest + start / END_DIVISOR) / 2, abs=1e-3
    )


@given(st.integers(1, 50), st.integers(1, 80))
def test_however_few_the_steps_it_stays_between_its_ends(steps: int, step: int) -> None:
    rate = one_cycle(step, steps, 0.1)
    assert 0.1 / START_DIVISOR / END_DIVISOR * (1 - 1e-9) <= rate <= 0.1 * (1 + 1e-9)
    assert math.isfinite(rate)
