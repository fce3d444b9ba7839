"""A poll brings about so many readings, however many a record holds."""

from __future__ import annotations

import pytest

from sentinel.source.poll_size import KEPT, READINGS_MAX, PollSize

RECORDS_MAX = 20_000


def settled(readings_a_record: int, size: PollSize | None = None) -> PollSize:
    """After many polls that found as many records as they asked for."""
    size = size or PollSize(RECORDS_MAX)
    for _ in range(100):
        size.brought(size.records, size.records * readings_a_record)
    return size


def test_the_first_poll_takes_one_record_as_nothing_is_known() -> None:
    assert PollSize(RECORDS_MAX).records == 1


@pytest.mark.parametrize("readings", [0, 1, 200, 5000, READINGS_MAX, 10 * READINGS_MAX])
def test_it_settles_at_the_most_records_that_fit(readings: int) -> None:
    wanted = max(1, min(RECORDS_MAX, READINGS_MAX // max(1, readings)))
    assert settled(readings).records == wanted


def test_it_goes_slowly_up_and_at_once_down() -> None:
    size = settled(5000)
    before = size.records
    size.brought(before, before)
    assert before < size.records <= READINGS_MAX / (KEPT * 5000)
    assert settled(1, size).records == RECORDS_MAX
    size.brought(RECORDS_MAX, RECORDS_MAX * 5000)
    assert size.records == READINGS_MAX // 5000


def test_polls_that_bring_nothing_or_only_what_is_rejected_change_nothing_for_the_worse() -> None:
    size = settled(200)
    before = size.records
    size.brought(0, 0)
    assert size.records == before
    size.brought(1, 200)
    assert size.records == before
    size.brought(1, 0)
    assert before <= size.records <= RECORDS_MAX
