"""The threshold that held-out readings justify, and the one where they are too few to say."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.fitting.threshold import MEMORY, STRETCHES_MIN, held_out_threshold

ENOUGH = STRETCHES_MIN * MEMORY


def threshold(scores: np.ndarray, *run_lengths: int, window_length: int = 16) -> float:
    begins = np.zeros(len(scores), np.bool_)
    begins[np.cumsum([0, *run_lengths])] = True
    return held_out_threshold(scores, begins, window_length)


def scores(count: int, highest: float) -> np.ndarray:
    found = np.random.default_rng(0).uniform(0, 3, count)
    found[count // 2] = highest
    return found


def test_it_is_the_highest_usual_score_where_enough_was_held_out() -> None:
    assert threshold(scores(ENOUGH, 8.5)) == 8.5
    assert threshold(scores(ENOUGH - 1, 8.5)) == 12


@pytest.mark.parametrize(("highest", "expected"), [(4.0, 6.0), (30.0, 12.0)])
def test_it_stays_between_6_and_12(highest: float, expected: float) -> None:
    assert threshold(scores(ENOUGH, highest)) == expected


def test_no_stretch_spans_two_runs() -> None:
    """Each of two runs has half a stretch to spare."""
    length = ENOUGH // 2
    assert threshold(scores(2 * length, 8.5), length) == 12


def test_a_stretch_is_no_shorter_than_a_window() -> None:
    assert threshold(scores(ENOUGH, 8.5), window_length=2 * MEMORY) == 12


def test_a_usual_stretch_reaches_it_once_in_twenty() -> None:
    """Whatever the scores are distributed like: here they are heavy-tailed."""
    rng = np.random.default_rng(1)
    trials, reached = 4000, 0
    for _ in range(trials):
        peaks = 6 + 6 * rng.beta(1, 4, STRETCHES_MIN + 1)
        held_out = np.zeros(ENOUGH)
        held_out[::MEMORY] = peaks[1:]
        reached += peaks[0] >= threshold(held_out)
    assert reached / trials == pytest.approx(1 / (STRETCHES_MIN + 1), abs=0.012)
