"""A poll brings about so many records, whatever the size of the batches."""

from __future__ import annotations

import pytest

from sentinel.source.poll_size import KEPT, RECORDS_MAX, PollSize

BATCHES_MAX = 1000


def settled(records_per_batch: int, size: PollSize | None = None) -> PollSize:
    """After many polls that found as many batches as they asked for."""
    size = size or PollSize(BATCHES_MAX)
    for _ in range(100):
        size.brought(size.batches, size.batches * records_per_batch)
    return size


def test_the_first_poll_takes_one_batch_as_nothing_is_known() -> None:
    assert PollSize(BATCHES_MAX).batches == 1


@pytest.mark.parametrize("records", [1, 200, 5000, RECORDS_MAX, 10 * RECORDS_MAX])
def test_it_settles_at_the_most_batches_that_fit(records: int) -> None:
    wanted = max(1, min(BATCHES_MAX, RECORDS_MAX // records))
    assert settled(records).batches == wanted


def test_it_goes_slowly_up_and_at_once_down() -> None:
    size = PollSize(BATCHES_MAX)
    size.brought(1, 1)
    assert size.batches == 2
    size = settled(5000)
    before = size.batches
    size.brought(before, before)
    assert before < size.batches <= RECORDS_MAX / (KEPT * 5000)
    assert settled(1, size).batches == BATCHES_MAX
    size = settled(1)
    size.brought(BATCHES_MAX, BATCHES_MAX * 5000)
    assert size.batches == RECORDS_MAX // 5000


def test_small_batches_among_large_ones_do_not_let_a_poll_grow_without_bound() -> None:
    """As where a producer sends what it has before a batch is full."""
    size = settled(100)
    for _ in range(5):
        size.brought(size.batches, 2 * size.batches)
    assert 100 * size.batches <= RECORDS_MAX / KEPT**5


def test_polls_that_bring_nothing_or_too_little_change_nothing_for_the_worse() -> None:
    size = settled(200)
    before = size.batches
    size.brought(0, 0)
    assert size.batches == before
    size.brought(1, 200)
    assert size.batches == before
    size.brought(1, 0)  # a batch whose records were all handed on before
    assert 1 <= size.batches <= BATCHES_MAX
