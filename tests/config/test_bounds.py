"""What the schema takes, the daemon can count with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from msgspec import Struct

from sentinel.config.bounds import DURATION_MAX_S
from sentinel.config.keys import Key, keys
from sentinel.config.schema import Config
from sentinel.records import NS_PER_S
from sentinel.source.timestamps import MAX_TIME_NS


def numbers(section: type[Struct], path: str = "") -> Iterator[object]:
    """The keys that are numbers, of a section and those in it."""
    for key in keys(section):
        if key.section is not None:
            yield from numbers(key.section, f"{path}{key.name}.")
        elif key.bare in (int, float):
            yield pytest.param(key, id=path + key.name)


@pytest.mark.parametrize("key", list(numbers(Config)))
def test_every_number_has_a_least_and_a_largest(key: Key) -> None:
    """So none can be nan or infinite, either."""
    assert key.meta.ge is not None or key.meta.gt is not None
    assert key.meta.le is not None or key.meta.lt is not None


def test_the_longest_duration_after_the_last_time_fits_64_bits() -> None:
    assert np.iinfo(np.int64).max >= MAX_TIME_NS + DURATION_MAX_S * NS_PER_S
