"""A number agrees with its noun, and a list of names is short and quoted."""

from __future__ import annotations

import pytest

from sentinel.plural import counted, listed, noun


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


def test_of_many_names_a_few_are_shown_and_the_rest_counted() -> None:
    names = [f"channel {n}" for n in range(13)]
    assert listed(["a\nb", "c"]) == "'a\\nb', 'c'"
    assert listed(names[:12]).endswith(", 'channel 11'")
    assert listed(names).endswith(", 'channel 11' and 1 more")
