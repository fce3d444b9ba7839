"""The variants of the kernels: how wide a lane value is, and which tiles its registers hold.

A variant is a value, chosen above (runtime probes the CPU) and handed down. Within a variant every
score has the same bits in all of its tiles. A matrix unit has no order of sums in common with
tiles: whether it serves every batch alone, or leaves the rest of a batch to them and so the bits to
the batch's size, is for the backend to say (model.prepared).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from sentinel.kernels.amx import AMX as AMX_UNIT
from sentinel.kernels.amx import MatrixUnit
from sentinel.kernels.lanes import F32X4, F32X8, F32X16, Lanes
from sentinel.kernels.tiles import Tile


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the kernels.

    many           tile of windows in lanes, for many.width windows; training has no other
    few            tile of units in lanes, for few.rows windows; its vectors are the gates
    one            tiles of units in lanes for a single window, for 1, 2, ... blocks of units
    outputs        tile of the dense layer where units are in lanes
    unit           multiplies for many windows, where there is one; its sums run in an order of
                   their own, so that only it gives its bits
    """

    name: str
    lanes: Lanes
    many: Tile
    few: Tile
    one: Mapping[int, Tile]
    outputs: Tile
    unit: MatrixUnit | None = None

    def one_for(self, hidden: int) -> Tile:
        """The tile of `one` that wastes least on so many units, and then the widest."""
        wasted = {n: -hidden % (n * self.lanes.width) for n in self.one}
        return self.one[min(self.one, key=lambda n: (wasted[n], -n))]

    def dense(self, tile: Tile) -> Tile:
        """The dense layer's tile beside this one, where windows are in lanes."""
        return Tile(self.lanes, 4, tile.vectors)


def _variant(
    name: str,
    lanes: Lanes,
    many: tuple[int, int],
    few: int,
    one: int,
) -> Variant:
    blocks = {n: Tile(lanes, 1, 4 * n) for n in (1, 2, 4) if n <= one}
    return Variant(
        name, lanes, Tile(lanes, *many), Tile(lanes, few, 4),
        MappingProxyType(blocks), Tile(lanes, 8, 1),
    )  # fmt: skip


# 16 registers, no fused multiply-add: what every 64-bit CPU has.
PORTABLE = _variant("portable", F32X4, (4, 2), 2, 2)
# 16 registers.
AVX2 = _variant("avx2", F32X8, (4, 2), 2, 2)
# 32 registers.
AVX512 = _variant("avx512", F32X16, (8, 2), 4, 4)

# The products of many windows by tiles of bfloat16, everything else as AVX-512.
AMX = replace(AVX512, name="amx", unit=AMX_UNIT)

# From the plainest to the fastest.
VARIANTS = MappingProxyType({variant.name: variant for variant in (PORTABLE, AVX2, AVX512, AMX)})
