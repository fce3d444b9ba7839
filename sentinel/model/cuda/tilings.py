"""Which tiling a model gets on a device."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from sentinel.errors import ModelError
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.layout import GATES
from sentinel.model.architecture import Architecture

# A block of so many threads leaves each enough registers for its sums.
THREADS_MANY, THREADS_FEW = 256, 128
# Beyond so many units a thread has several, and twice the threads share a block.
UNITS_WIDE, UNIT_THREADS_MAX = 128, 256
# Windows of a thread, the most first; each weight that it reads serves all of them.
PER_THREAD_MANY, PER_THREAD_FEW = (8, 4, 2, 1), (2, 1)
# Weights in shared memory crowd the windows out: below so many, they are better read from L2.
STAGED_WINDOWS_MIN = 16
WINDOWS_MAX = 128


def tiling_of(
    architecture: Architecture, shared_bytes: int, *, few: bool = False, carried: bool = False
) -> Tiling:
    """The tiling for this model.

    shared_bytes  that a block may have of this device
    few           for few windows: narrow tiles, so that more blocks share them
    carried       for carrying states: of the encoder alone
    Raises ModelError where the device has too little even for a single window at a time.
    """
    fitting = (
        tiling
        for tiling in _candidates(architecture, few=few, carried=carried)
        if tiling.shared_bytes <= shared_bytes
    )
    best = next(fitting, None)
    if best is None:
        raise ModelError(
            f"a GPU with {shared_bytes} bytes of shared memory for a block cannot hold one window "
            "of this model", hint='set device = "cpu"',
        )  # fmt: skip
    return best


def _candidates(architecture: Architecture, *, few: bool, carried: bool) -> Iterator[Tiling]:
    """From the best on: weights in shared memory, then wide tiles."""
    hidden, channels, encoded = architecture.hidden, architecture.channels, architecture.encoded
    deep_encoder, decoder = architecture.encoder_layers > 1, architecture.decoder_layers
    input_rows = max(channels, encoded if deep_encoder else 0)
    if decoder > 1 and not carried:
        input_rows = max(input_rows, hidden)
    weight_rows = max(input_rows + hidden, 0 if carried else encoded)
    unit_threads = min(hidden, UNIT_THREADS_MAX)
    threads = (THREADS_FEW if few else THREADS_MANY) * (2 if hidden >= UNITS_WIDE else 1)
    groups_most = max(1, threads // unit_threads)
    for staged, per_thread in product((True, False), PER_THREAD_FEW if few else PER_THREAD_MANY):
        groups = min(groups_most, WINDOWS_MAX // per_thread)
        while groups:
            made = Tiling(
                hidden, channels, encoded, input_rows, weight_rows, unit_threads, groups,
                per_thread, staged,
            )  # fmt: skip
            if not staged or few or made.windows >= min(STAGED_WINDOWS_MIN, groups_most):
                yield made
            groups //= 2


def recurrent_tiling(hidden: int, shared_bytes: int, windows_most: int) -> Tiling:
    """The tiling for one layer's steps alone, in training: forward, and backward.

    shared_bytes  that a block may have of this device
    windows_most  of a tile: with more, a minibatch would leave multiprocessors without one
    Raises ModelError where the device has too little even for a single window at a time.
    """
    unit_threads = min(hidden, UNIT_THREADS_MAX)
    threads = THREADS_MANY * (2 if hidden >= UNITS_WIDE else 1)
    for staged, per_thread in product((True, False), PER_THREAD_MANY):
        groups = min(max(1, threads // unit_threads), max(1, windows_most) // per_thread)
        while groups:
            # Backward, a step leaves the next one four gradients for each unit.
            made = Tiling(
                hidden, 0, 0, (GATES - 1) * hidden, hidden, unit_threads, groups, per_thread, staged
            )
            # Few windows are better shared by many threads than by few with several each.
            enough = made.threads >= THREADS_FEW or per_thread == min(PER_THREAD_MANY)
            if enough and made.shared_bytes <= shared_bytes:
                return made
            groups //= 2
    raise ModelError(
        f"a GPU with {shared_bytes} bytes of shared memory for a block cannot train a layer of "
        f"{hidden} units", hint='set device = "cpu"',
    )  # fmt: skip
