"""A reading without a score of its own repeats its entity's last finite one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.score.hold import hold_last

ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([None, None, 0.5, 1.0, 2.0])))


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(0, 30))
def test_scores_are_held_by_entity_and_from_batch_to_batch(
    rows: list[tuple[int, float | None]], cut: int
) -> None:
    entity = np.array([e for e, _ in rows], np.int32)
    scores = np.array([np.nan if score is None else score for _, score in rows], np.float64)
    last: dict[int, float] = {}
    expected = []
    for e, score in rows:
        if score is not None:
            last[e] = score
        expected.append(last.get(e, np.nan))
    carried = np.full(4, np.nan)
    hold_last(entity[:cut], scores[:cut], carried)
    hold_last(entity[cut:], scores[cut:], carried)
    np.testing.assert_array_equal(scores, np.array(expected))
    np.testing.assert_array_equal(carried, [last.get(e, np.nan) for e in range(4)])
