"""What models take of a GPU's memory they give back, and where there is none they say so."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sentinel.errors import DeviceError
from sentinel.model.architecture import Architecture
from sentinel.model.backends import carried_states, window_scorer
from sentinel.model.carrying import zero_states
from sentinel.model.device import CudaBackend
from sentinel.model.protocols import CarriesStates
from tests.cuda.gpu.sizes import ENTITIES, MANY, ROUNDS, SHAPES, windows
from tests.cuda.gpu_here import SIMULATED
from tests.kernels.samples import random_parameters

STEPS, CHANNELS, HIDDEN = SHAPES[0] if SIMULATED else SHAPES[1]
MODEL = random_parameters(Architecture(CHANNELS, HIDDEN, 2, 1, forecast=True), seed=1)
# What the driver keeps in blocks of its own, and the interpreter in its.
GROWTH_BYTES_MAX, HOST_GROWTH_BYTES_MAX = 8 << 20, 64 << 20
# Room that is left on a full device: less than a chunk of rows takes.
LEFT_BYTES = 16 << 20


def free_bytes() -> int:
    """Of the device, once it has come to rest."""
    from numba import cuda

    gc.collect()
    cuda.synchronize()
    if SIMULATED:
        return 0
    cuda.current_context().deallocations.clear()
    return int(cuda.current_context().get_memory_info().free)


def resident_bytes() -> int:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def use(gpu: CudaBackend) -> None:
    """Make a scorer and a carrier, let them work, and drop them."""
    window_scorer(MODEL, STEPS, gpu).score(*windows(STEPS, CHANNELS, MANY))
    entities = np.arange(ENTITIES[-1])
    rows = np.zeros((len(entities), CHANNELS), np.float32)
    carried(gpu).advance(rows, entities, entities, entities >= 0, 1)


def carried(gpu: CudaBackend) -> CarriesStates:
    """States of the largest number of entities."""
    made = carried_states(MODEL, zero_states(MODEL.architecture, 1), gpu)
    made.grow(ENTITIES[-1])
    return made


def test_dropped_models_give_their_memory_back(gpu: CudaBackend) -> None:
    use(gpu)  # the code of the kernels stays
    before = free_bytes()
    for _ in range(3):
        use(gpu)
    assert before - free_bytes() <= GROWTH_BYTES_MAX


@contextmanager
def full_device() -> Iterator[None]:
    """Nearly all of its memory is taken."""
    from numba import cuda

    taken = []
    while (size := free_bytes() - LEFT_BYTES) > LEFT_BYTES // 4:
        try:
            taken.append(cuda.device_array(size, np.uint8))
        except Exception:  # in one piece it cannot be had
            taken.append(cuda.device_array(size // 2, np.uint8))
    try:
        yield
    finally:
        taken.clear()
        free_bytes()


@pytest.mark.skipif(SIMULATED, reason="the simulator has no memory of its own")
def test_out_of_memory_is_said_to_be_so_and_passes_when_there_is_room_again(
    gpu: CudaBackend,
) -> None:
    scorer = window_scorer(MODEL, STEPS, gpu)
    rows, starts, lengths = windows(STEPS, CHANNELS, MANY)
    before = scorer.score(rows, starts[:9], lengths[:9])
    with full_device(), pytest.raises(DeviceError, match="the GPU is out of memory"):
        scorer.score(rows, starts, np.full(MANY, STEPS))
    after = scorer.score(rows, starts[:9], lengths[:9])
    assert after.errors.tobytes() == before.errors.tobytes()
    scorer.score(rows, starts, lengths)


def test_a_long_run_takes_no_more_and_finds_the_same_bits_every_time(gpu: CudaBackend) -> None:
    scorer, states = window_scorer(MODEL, STEPS, gpu), carried(gpu)
    entities = np.arange(ENTITIES[-1])
    sizes = [1, 7, MANY // 3, MANY]
    places = {size: windows(STEPS, CHANNELS, size) for size in sizes}
    rows = np.random.default_rng(3).standard_normal((len(entities), CHANNELS), np.float32)
    first: dict[int, bytes] = {}
    device, host = 0, 0
    for number in range(ROUNDS * len(sizes)):
        size = sizes[number % len(sizes)]
        found = scorer.score(*places[size])
        begun, on = (
            states.advance(rows, entities, entities, entities < e, 1) for e in (1 << 30, 0)
        )
        left = states.arrays(len(entities))["encoder"]
        bits = b"".join(a.tobytes() for a in (found.errors, found.expected, begun, on, left))
        assert first.setdefault(size, bits) == bits, f"round {number}"
        if number == len(sizes):  # everything has grown to its size
            device, host = free_bytes(), resident_bytes()
    assert device - free_bytes() <= GROWTH_BYTES_MAX
    assert resident_bytes() - host <= HOST_GROWTH_BYTES_MAX
