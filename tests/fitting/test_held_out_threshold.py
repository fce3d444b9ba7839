"""The threshold that held-out readings justify, and the one where they are too few to say."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.fitting.threshold import MEMORY, held_out_threshold

FEWEST = 9  # stretches of which one in ten can be told


def threshold(scores: np.ndarray, *run_lengths: int, window_length: int = 16) -> float:
    begins = np.zeros(len(scores), np.bool_)
    begins[np.cumsum([0, *run_lengths])] = True
    return held_out_threshold(scores, begins, window_length)


def scores_of(*peaks: float) -> np.ndarray:
    """A stretch for each peak, which stands somewhere in it."""
    found = np.random.default_rng(0).uniform(0, 1, (len(peaks), MEMORY))
    found[np.arange(len(peaks)), np.arange(len(peaks)) % MEMORY] = peaks
    return found.ravel()


def test_it_is_the_highest_of_nine_stretches_and_the_second_highest_of_nineteen() -> None:
    peaks = np.linspace(6, 11, 2 * FEWEST + 1)
    assert threshold(scores_of(*peaks[:FEWEST])) == peaks[FEWEST - 1]
    assert threshold(scores_of(*peaks[:-1])) == peaks[-2]
    assert threshold(scores_of(*peaks)) == peaks[-2]


def test_it_is_12_where_too_few_were_held_out() -> None:
    assert threshold(scores_of(*[8.5] * FEWEST)[:-1]) == 12
    assert threshold(scores_of(8.5)) == 12


@pytest.mark.parametrize(("highest", "expected"), [(4.0, 6.0), (30.0, 12.0)])
def test_it_stays_between_6_and_12(highest: float, expected: float) -> None:
    assert threshold(scores_of(*[highest] * FEWEST)) == expected


def test_no_stretch_spans_two_runs() -> None:
    """Each of two runs has half a stretch to spare."""
    scores = scores_of(*[8.5] * FEWEST)
    assert threshold(scores, len(scores) // 2) == 12


def test_a_stretch_is_no_shorter_than_a_window() -> None:
    assert threshold(scores_of(*[8.5] * FEWEST), window_length=2 * MEMORY) == 12


@pytest.mark.parametrize("held_out", [FEWEST, 4 * FEWEST + 3])
def test_at_most_one_usual_stretch_in_ten_reaches_it(held_out: int) -> None:
    """Whatever the scores are distributed like: here they are heavy-tailed."""
    rng = np.random.default_rng(1)
    trials, reached = 2000, 0
    for _ in range(trials):
        peaks = 6 + 6 * rng.beta(1, 4, held_out + 1)
        scores = np.zeros(held_out * MEMORY)
        scores[::MEMORY] = peaks[1:]
        reached += peaks[0] >= threshold(scores)
    assert reached / trials == pytest.approx(0.1, abs=0.02)
