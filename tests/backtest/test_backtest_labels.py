"""Which readings a label covers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentinel.backtest.labels import NEVER, Labels

NAMES = ("a", "b", "c")
stretches = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 20), st.integers(0, 20)).map(sorted),
        st.sampled_from(["a", "b", "c", "d", ""]),
    ),
    min_size=1,
    max_size=6,
)
readings = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 20)), max_size=20)


def labels(found, *, of_entities: bool) -> Labels:
    ends = np.array([ends for ends, _ in found], np.int64)
    return Labels(ends[:, 0], ends[:, 1], [name for _, name in found] if of_entities else None)


@given(stretches, readings, st.booleans(), st.data())
def test_of_several_labels_of_a_reading_the_first_failure_counts(
    found, rows, of_entities, data
) -> None:
    failed = data.draw(
        st.lists(st.sampled_from([NEVER, 30, 40, 50]), min_size=len(found), max_size=len(found))
    )
    known = replace(labels(found, of_entities=of_entities), failed_ns=np.array(failed, np.int64))
    entity = np.array([e for e, _ in rows], np.int32)
    time_ns = np.array([t for _, t in rows], np.int64)
    slow = [
        min(
            (
                at for at, ((first, last), name) in zip(failed, found, strict=True)
                if first <= t <= last and (not of_entities or name in (NAMES[e], ""))
            ),
            default=NEVER,
        )
        for e, t in rows
    ]  # fmt: skip
    assert known.failures(entity, time_ns, NAMES).tolist() == slow


@given(stretches, readings, st.booleans())
def test_a_label_covers_both_of_its_ends_and_its_entity_only(found, rows, of_entities) -> None:
    entity = np.array([e for e, _ in rows], np.int32)
    time_ns = np.array([t for _, t in rows], np.int64)
    known = labels(found, of_entities=of_entities)

    def covers(stretch, row) -> bool:
        (first, last), name = stretch
        return first <= row[1] <= last and (not of_entities or name in (NAMES[row[0]], ""))

    mask = [any(covers(stretch, row) for stretch in found) for row in rows]
    assert known.mask(entity, time_ns, NAMES).tolist() == mask
    unmet = [k for k, stretch in enumerate(found) if not any(covers(stretch, r) for r in rows)]
    assert known.without_reading(entity, time_ns, NAMES) == unmet
    about = [[t for e, t in rows if covers(((t, t), name), (e, t))] for _, name in found]
    cut = [
        k for k, ((first, last), _) in enumerate(found)
        if about[k] and first < min(about[k]) <= last
    ]  # fmt: skip
    assert known.beginning_before(entity, time_ns, NAMES) == cut


def test_strangers_are_named_by_their_place() -> None:
    ends = np.array([1, 2, 3], np.int64)
    assert Labels(ends, ends, ["a", "x", "b"]).strangers(NAMES) == [1]
    assert Labels(ends, ends).strangers(NAMES) == []
