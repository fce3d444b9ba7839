"""How a model is cut for the GPU: which thread owns what, and where shared memory holds what."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.kernels.layout import GATES

FLOAT = 4
# Floats that a slab's row is longer than its windows, so that its columns meet all banks.
PITCH_SPARE = 4
# A slab's row may be that narrow without meeting a bank twice.
NARROW = 4


@dataclass(frozen=True, slots=True)
class Tiling:
    """Numbers that a kernel is compiled for.

    hidden, channels  H, F
    encoded       width of the latent state: H or 2H
    input_rows    the most inputs that a layer reads anew at every step
    weight_rows   the most inputs and units together whose weights a layer holds at a time
    unit_threads  threads side by side over the hidden units; each has every so-manyeth of them
    groups        of threads, each for windows of its own
    per_thread    windows of a thread
    staged        the weights of a layer are copied to shared memory; else read where they are
    """

    hidden: int
    channels: int
    encoded: int
    input_rows: int
    weight_rows: int
    unit_threads: int
    groups: int
    per_thread: int
    staged: bool

    @property
    def windows(self) -> int:
        """Windows of a tile."""
        return self.groups * self.per_thread

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.groups * self.unit_threads

    @property
    def units(self) -> int:
        """Hidden units of a thread."""
        return -(-self.hidden // self.unit_threads)

    @property
    def pitch(self) -> int:
        """Floats from one row of a slab to the next."""
        return self.windows + PITCH_SPARE if self.windows > NARROW else self.windows

    # Shared memory, in floats from its beginning: the outputs h of the step before and of this one
    # stand at 0, and then:

    @property
    def inputs(self) -> int:
        """Inputs of this step and of the next one."""
        return 2 * self.hidden * self.pitch

    @property
    def latent(self) -> int:
        """The latent state; once the decoder has read it, the sums of errors."""
        return self.inputs + 2 * self.input_rows * self.pitch

    @property
    def weights(self) -> int:
        """Weights of the layer: of its inputs, then of its units."""
        return self.latent + max(self.encoded, 2 * self.channels) * self.pitch

    @property
    def shared_bytes(self) -> int:
        """What a block needs of it."""
        staged = self.weight_rows * GATES * self.hidden if self.staged else 0
        return (self.weights + staged) * FLOAT
