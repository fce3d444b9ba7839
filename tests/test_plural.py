"""A number agrees with its noun."""

from __future__ import annotations

import pytest

from sentinel.plural import counted, noun


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 readings"), (1, "1 reading"), (2, "2 readings"), (2016, "2,016 readings")],
)
def test_only_of_one_the_noun_is_singular(count: int, told: str) -> None:
    assert counted(count, "reading") == told


def test_a_plural_need_not_end_in_s() -> None:
    assert counted(1, "entity", "entities") == "1 entity"
    assert counted(3, "entity", "entities") == "3 entities"
    assert [noun(count, "looks", "look") for count in (1, 2)] == ["looks", "look"]
