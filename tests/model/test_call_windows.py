"""How many windows a call may hold: what keeps the device busy, within bounds."""

from __future__ import annotations

import pytest

from sentinel.model.device import CUDA_CALL_BYTES, CudaBackend, call_windows
from sentinel.model.prepared import Backend

CPU = Backend()
LARGEST = CudaBackend(CPU, 227 * 1024, 160)
# Windows of the widest tile, and how many of them a multiprocessor works on at once.
TILE_WINDOWS, TILES_AT_ONCE = 128, 2


def test_the_cpu_s_calls_stay_in_its_cache() -> None:
    assert call_windows(CPU, 8) == 4096


@pytest.mark.parametrize("channels", [1, 8, 25, 38])
def test_a_call_can_keep_every_multiprocessor_busy_with_wide_tiles(channels: int) -> None:
    assert call_windows(LARGEST, channels) > LARGEST.multiprocessors * TILE_WINDOWS * TILES_AT_ONCE


@pytest.mark.parametrize("channels", [1, 38, 300, 1024, 4096])
def test_what_a_call_finds_is_bounded(channels: int) -> None:
    count = call_windows(LARGEST, channels)
    assert count >= 4096
    # Three kinds of errors and what was expected, of each channel.
    assert count * 4 * 4 * channels <= CUDA_CALL_BYTES
