"""A model's tensors the way a kernel reads them: in blocks, one after another in one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.kernels.cell import EXPONENT, EXPONENT_G
from sentinel.kernels.layout import CHANNELS_PER_BLOCK, GATE_G, GATES, TRANSPOSED_ROWS
from sentinel.kernels.plan import padded
from sentinel.kernels.tiles import Tile
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import offsets
from sentinel.records import Float32Array, TimeArray

NOTHING = -1


@dataclass(frozen=True, slots=True)
class Grain:
    """How a kernel cuts a model.

    units, channels  of a block of rows; its units stand gate by gate
    unit_pad         H is padded to a multiple of it
    channel_pad      F is, in slabs; rows too many are a later step's, where lanes are windows
    """

    units: int
    channels: int
    unit_pad: int
    channel_pad: int = 1

    @classmethod
    def across(cls, tile: Tile) -> Grain:
        """For windows in lanes, by this tile."""
        return cls(tile.rows // GATES, CHANNELS_PER_BLOCK, tile.rows // GATES)

    @classmethod
    def along(cls, tile: Tile) -> Grain:
        """For units in lanes, by this tile."""
        units = tile.vectors // GATES * tile.lanes.width
        return cls(units, tile.lanes.width, units, tile.lanes.width)


class Packer:
    """Collects the index of the packed vector, block by block: (blocks, K, rows of a block)."""

    def __init__(self, architecture: Architecture, grain: Grain) -> None:
        self.grain = grain
        self.hidden = architecture.hidden
        self.at = {
            name: np.arange(start, start + np.prod(shape)).reshape(shape[0], -1)
            for name, (start, shape) in offsets(architecture).items()
        }
        # Of each value of the flat vector, where it belongs to a gate.
        self.exponents = np.ones(sum(at.size for at in self.at.values()), np.float32)
        for name, at in self.at.items():
            if not name.startswith(("output", "forecast")):
                gates = at.reshape(GATES, -1)
                self.exponents[gates] = EXPONENT
                self.exponents[gates[GATE_G]] = EXPONENT_G
        self.parts: list[TimeArray] = []
        self.factors: list[Float32Array] = []
        self.size = 0

    def start(self, name: str) -> int:
        """Where a tensor begins in the flat vector."""
        return int(self.at[name][0, 0])

    def gates(self, name: str) -> int:
        """Of a tensor (4H, K) or (4H,), its rows by blocks of units; its products are exponents."""
        rows = self._by_unit(name)
        return self._blocks(rows, GATES * self.grain.units, self.exponents[rows])

    def channels(self, name: str) -> int:
        """Of a tensor (F, K) or (F,), its rows by blocks."""
        tensor = self.at[name]
        return self._blocks(filled(tensor, self.grain.channels), self.grain.channels)

    def gates_transposed(self, name: str) -> int:
        """Of a tensor (4H, K), its columns by blocks."""
        return self._blocks(filled(self._by_unit(name).T, TRANSPOSED_ROWS), TRANSPOSED_ROWS)

    def channels_transposed(self, name: str) -> int:
        """Of a tensor (F, K), its columns by blocks."""
        return self._blocks(filled(self.at[name].T, TRANSPOSED_ROWS), TRANSPOSED_ROWS)

    def _by_unit(self, name: str) -> TimeArray:
        grain, tensor = self.grain, self.at[name]
        units = padded(self.hidden, grain.unit_pad)
        full = np.full((GATES, units, tensor.shape[1]), NOTHING)
        full[:, : self.hidden] = tensor.reshape(GATES, self.hidden, -1)
        blocks = full.reshape(GATES, -1, grain.units, tensor.shape[1]).transpose(1, 0, 2, 3)
        return blocks.reshape(-1, tensor.shape[1])

    def _blocks(self, rows: TimeArray, per_block: int, factors: Float32Array | None = None) -> int:
        def blocks(of: NDArray[Any]) -> NDArray[Any]:
            return of.reshape(-1, per_block, rows.shape[1]).transpose(0, 2, 1).ravel()

        start = self.size
        self.parts.append(blocks(rows))
        self.factors.append(blocks(np.ones(rows.shape, np.float32) if factors is None else factors))
        self.size += rows.size
        return start


def filled(rows: TimeArray, to: int) -> TimeArray:
    """(R, K) with rows of nothing up to a multiple."""
    full = np.full((padded(len(rows), to), rows.shape[1]), NOTHING)
    full[: len(rows)] = rows
    return full
