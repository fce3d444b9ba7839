"""The plan of a model for a matrix unit: weights in chunks of bfloat16 parts, and its own slabs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.kernels import plan as columns
from sentinel.kernels import shape as of
from sentinel.kernels.amx import BLOCK, CHUNK, CHUNK_SIZE, ROWS, TILE_STEP
from sentinel.kernels.layout import CHANNELS_PER_BLOCK, GATES
from sentinel.kernels.parts import parts
from sentinel.kernels.plan import padded
from sentinel.model.architecture import Architecture
from sentinel.model.packing import NOTHING, Grain, Packer, filled
from sentinel.model.plan import Plan, plan_scoring
from sentinel.records import Float32Array, TimeArray

UNITS = BLOCK // GATES
GRAIN = Grain(UNITS, CHANNELS_PER_BLOCK, UNITS)


class ChunkPacker(Packer):
    """Packs weights as left factors, see kernels.amx: first whole, with room for their parts.

    chunked  where they stand in the packed vector
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__(architecture, GRAIN)
        self.chunked: list[slice] = []

    def gates(self, name: str) -> int:
        if name.endswith("bias"):
            return super().gates(name)
        rows = self._by_unit(name)
        return self._chunks(rows, self.exponents[rows])

    def channels(self, name: str) -> int:
        rows = filled(self.at[name], BLOCK)
        if name.endswith("bias"):
            return self._blocks(rows, BLOCK)
        return self._chunks(rows, np.ones(rows.shape, np.float32))

    def _chunks(self, rows: TimeArray, factors: Float32Array) -> int:
        """Of rows (R, K): (R / BLOCK, K / CHUNK, 2, TILE_STEP), at first with ROWS x CHUNK used."""
        start, inputs = self.size, rows.shape[1]
        chunks = padded(inputs, CHUNK) // CHUNK

        def tiles(of: NDArray[Any], nothing: int) -> NDArray[Any]:
            full = np.full((len(rows), chunks * CHUNK), nothing, of.dtype)
            full[:, :inputs] = of
            full = full.reshape(-1, BLOCK // ROWS, ROWS, chunks, CHUNK).transpose(0, 3, 1, 2, 4)
            room = np.full((full.size // (ROWS * CHUNK), TILE_STEP), nothing, of.dtype)
            room[:, : ROWS * CHUNK] = full.reshape(len(room), -1)
            return room.ravel()

        self.parts.append(tiles(rows, NOTHING))
        self.factors.append(tiles(factors, 1))
        self.size += self.parts[-1].size
        self.chunked.append(slice(start, self.size))
        return start


def in_words(tiles: Float32Array) -> Float32Array:
    """Tiles (N, ROWS, CHUNK) of numbers as (N, PARTS, ROWS, WORDS) of two bfloat16 each."""

    def words(part: Float32Array) -> NDArray[np.uint32]:
        bits = part.view(np.uint32)
        return (bits[..., 0::2] >> np.uint32(16)) | (bits[..., 1::2] & np.uint32(0xFFFF0000))

    # A weight that is too large to have parts becomes NaN, and so do its scores.
    with np.errstate(over="ignore", invalid="ignore"):
        found = parts(tiles)
    return np.stack([words(part) for part in found], axis=1).view(np.float32)


@dataclass(frozen=True, slots=True)
class MatrixPlan(Plan):
    """A plan some of whose packed tensors are left factors.

    chunked  where they stand in the packed vector
    """

    chunked: tuple[slice, ...]

    def pack(self, flat: Float32Array) -> Float32Array:
        packed = Plan.pack(self, flat)
        for part in self.chunked:
            room = packed[part].reshape(-1, TILE_STEP)
            whole = room[:, : ROWS * CHUNK].reshape(-1, ROWS, CHUNK)
            packed[part] = in_words(whole).ravel()
        return packed


def plan_scoring_by_matrix(architecture: Architecture, steps: int) -> MatrixPlan:
    """The plan for scoring windows of so many steps."""
    packer = ChunkPacker(architecture)
    plan = plan_scoring(architecture, steps, GRAIN, packer=packer)
    values = {field.name: getattr(plan, field.name) for field in fields(plan)}
    shape, end = plan.shape, plan.scratch_rows
    widest = padded(int(plan.table[:, columns.INPUTS].max()), CHUNK)
    inputs = widest + padded(int(shape[of.UNIT_ROWS]), CHUNK)
    slabs = {
        of.STARTS: padded(max(int(shape[of.GATE_ROWS]), architecture.channels), BLOCK),
        of.SUMS: 2 * BLOCK,
        of.FACTORS: 2 * inputs // CHUNK * CHUNK_SIZE // BLOCK,
    }
    for name, rows in slabs.items():
        shape[name] = end
        end += rows
    return MatrixPlan(**values | {"scratch_rows": end, "chunked": tuple(packer.chunked)})
