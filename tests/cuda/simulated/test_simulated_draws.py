"""What the device draws: Philox's published numbers, and a normal and a binary distribution."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from sentinel.kernels.cuda.draws import WORD, drop_factor, normal, philox

KEY = 0x12345678, 0x9ABCDEF0


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0,) * 4, (0,) * 2, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((WORD,) * 4, (WORD,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_words_are_those_of_random123(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    """Known answers of the authors' library (kat_vectors)."""
    assert philox(*counter, *key) == words


def test_the_noise_is_standard_normal() -> None:
    drawn = np.array([normal(*place, *KEY) for place in np.ndindex(5, 40, 40)])
    assert drawn.dtype == np.float32
    assert abs(drawn.mean()) < 0.03
    assert abs(drawn.std() - 1) < 0.03
    assert abs(np.mean(drawn**4) - 3) < 0.3


def test_dropout_leaves_its_share_and_keeps_the_expectation() -> None:
    left = np.float32(0.7)
    drawn = np.array([drop_factor(*place, 3, 1, left, *KEY) for place in np.ndindex(80, 80)])
    assert set(drawn.tolist()) == {0.0, float(np.float32(1) / left)}
    assert abs(drawn.mean() - 1) < 0.03
    assert drop_factor(0, 0, 0, 0, np.float32(1), *KEY) == 1


def test_every_place_has_a_number_of_its_own() -> None:
    places = {(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)}
    assert len({float(normal(*place, *KEY)) for place in places}) == len(places)
    assert normal(0, 0, 0, *KEY) != normal(0, 0, 0, KEY[0], 0)


def test_compiled_for_64_bits_the_words_are_the_same() -> None:
    compiled = numba.njit(philox)
    rng = np.random.default_rng(0)
    for words in rng.integers(0, WORD, (50, 6)).tolist():
        assert compiled(*words) == philox(*words)
