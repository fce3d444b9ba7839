"""AMX's instructions as the manual has them, in Python: kernels for it run on any CPU.

Whatever a kernel makes of addresses, strides and registers is the same as on a CPU with AMX; only
the instructions themselves are functions here, which LLVM finds by their names.

VARIANT   AMX with these instructions
FAULTS    what would have been a fault, or not what a kernel should do; to be found empty

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
"""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass, field, replace

import numpy as np
from llvmlite.binding import add_symbol
from numpy.typing import NDArray

from sentinel.kernels.amx import MatrixUnit
from sentinel.kernels.jit import jit
from sentinel.kernels.lanes import fma
from sentinel.kernels.variants import AMX

TILES, ROWS, WORDS = 8, 16, 16
NORMAL_MIN = np.finfo(np.float32).tiny
PREFIX = "emulated_amx_"
VARIANT = replace(AMX, name="amx, emulated", unit=MatrixUnit("emulated", PREFIX))
FAULTS: list[str] = []

Tile = NDArray[np.float32]


@jit
def flushed(x):  # type: ignore[no-untyped-def]
    """A denormal is zero."""
    return x * np.float32(0) if abs(x) < NORMAL_MIN else x


@jit
def tile_product(sums, left, right):  # type: ignore[no-untyped-def]
    """Adds left right to sums. sums (M, N), left (M, K), right (K / 2, 2 N), all float32."""
    for m in range(sums.shape[0]):
        for n in range(sums.shape[1]):
            even, odd = np.float32(0), np.float32(0)
            for k in range(right.shape[0]):
                a, b = flushed(left[m, 2 * k]), flushed(right[k, 2 * n])
                even = flushed(fma(a, b, even))
                a, b = flushed(left[m, 2 * k + 1]), flushed(right[k, 2 * n + 1])
                odd = flushed(fma(a, b, odd))
            sums[m, n] = flushed(flushed(sums[m, n]) + flushed(even + odd))


def from_words(tile: Tile) -> Tile:
    """A tile of words as the numbers that their bfloat16 are: (M, N) to (M, 2 N)."""
    return (tile.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


@dataclass
class Unit(threading.local):
    """The tile registers of a thread."""

    configured: bool = False
    tiles: Tile = field(default_factory=lambda: np.zeros((TILES, ROWS, WORDS), np.float32))

    def ldtilecfg(self, address: int) -> None:
        """Only the configuration that all kernels here want: eight full tiles."""
        block = np.frombuffer(ctypes.string_at(address, 64), np.uint8)
        colsb, rows = block[16:48].view(np.uint16), block[48:]
        wanted = np.arange(16) < TILES
        if block[0] != 1 or block[1:16].any():
            FAULTS.append("palette")
        if (colsb != wanted * 64).any() or (rows != wanted * ROWS).any():
            FAULTS.append("shape of the tiles")
        self.configured = True
        self.tiles[:] = 0

    def tilerelease(self) -> None:
        self.configured = False
        self.tiles[:] = 0

    def tileloadd64(self, tile: int, address: int, stride: int) -> None:
        self.tiles[self.checked(tile)] = self.memory(address, stride)

    def tilestored64(self, tile: int, address: int, stride: int) -> None:
        self.memory(address, stride)[...] = self.tiles[self.checked(tile)]

    def tdpbf16ps(self, sums: int, left: int, right: int) -> None:
        if len({self.checked(tile) for tile in (sums, left, right)}) < 3:
            FAULTS.append("one register in two roles")
        tile_product(self.tiles[sums], from_words(self.tiles[left]), from_words(self.tiles[right]))

    def checked(self, tile: int) -> int:
        """The number of a register that may be used."""
        if not self.configured or tile >= TILES:
            FAULTS.append(f"tile {tile} is not configured")
        return tile

    def memory(self, address: int, stride: int) -> Tile:
        """Rows of a tile; the kernels' all begin on a cache line, for speed."""
        if address % 64 or stride % 64:
            FAULTS.append("a row that is not a cache line")
        room = (ctypes.c_char * ((ROWS - 1) * stride + 4 * WORDS)).from_address(address)
        return np.ndarray((ROWS, WORDS), np.float32, room, strides=(stride, 4))


unit = Unit()
INSTRUCTIONS = {
    "ldtilecfg": ctypes.CFUNCTYPE(None, ctypes.c_void_p)(unit.ldtilecfg),
    "tilerelease": ctypes.CFUNCTYPE(None)(unit.tilerelease),
    **{
        name: ctypes.CFUNCTYPE(None, ctypes.c_uint8, ctypes.c_void_p, ctypes.c_int64)(move)
        for name, move in (("tileloadd64", unit.tileloadd64), ("tilestored64", unit.tilestored64))
    },
    "tdpbf16ps": ctypes.CFUNCTYPE(None, *[ctypes.c_uint8] * 3)(unit.tdpbf16ps),
}
for name, function in INSTRUCTIONS.items():
    add_symbol(f"{PREFIX}{name}", ctypes.cast(function, ctypes.c_void_p).value)
