"""The matrix unit of Intel's AMX: a block of sums in tile registers, to which products are added.

A tile is ROWS x WORDS words of 32 bits. Four tiles are the block of sums, BLOCK x BLOCK float32.
A factor is read by chunks of CHUNK inputs, each CHUNK_SIZE words:

    left    (2, PARTS, ROWS, WORDS)    2 ROWS rows of weights; a word is inputs k, k + 1 of a row
    right   (2, PARTS, WORDS, ROWS)    2 ROWS windows; a word is inputs k, k + 1 of a window
    PARTS   high, middle, low: see `parts`

Registers have fixed numbers, no compiler allots them: between `begin` and `end` nothing else may
use them.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS.
"""

# Numba calls these with types of its own, and compares the signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sentinel.kernels.avx512 import call
from sentinel.kernels.lanes import INT32, cut, pointer
from sentinel.kernels.parts import PARTS

ROWS: Final = 16
WORDS: Final = 16
TILE_SIZE: Final = ROWS * WORDS
BLOCK: Final = 2 * ROWS
CHUNK: Final = 2 * WORDS
# From the first tile of a factor to its second; its parts are TILE_SIZE apart.
TILE_STEP: Final = PARTS * TILE_SIZE
CHUNK_SIZE: Final = 2 * TILE_STEP

BYTE, INT64 = ir.IntType(8), ir.IntType(64)
WORD_BYTES = 4
# Registers. Those of the sums: 2 r + v for rows r and windows v.
SUMS, LEFT, RIGHT = range(4), (4, 5), (6, 7)
TILES = 8
# Palette 1; of each tile, bytes of a row and rows; there is room for 16 tiles.
CONFIGURATION = bytes((
    1, *[0] * 15,
    *[WORDS * WORD_BYTES, 0] * TILES, *[0] * 16,
    *[ROWS] * TILES, *[0] * 8,
))  # fmt: skip


class MatrixUnit(types.Type):
    """Who multiplies. A kernel is handed the type, and compiled for it.

    instructions  what the names of its instructions begin with, as functions of LLVM
    """

    def __init__(self, name: str, instructions: str) -> None:
        self.instructions = instructions
        super().__init__(f"matrix-unit-{name}")


AMX = MatrixUnit("amx", "llvm.x86.")


class _Code:
    """Writes instructions into one generated piece of code, whose first argument is the unit."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any) -> None:
        self.context, self.builder, self.signature, self.args = context, builder, signature, args
        self.prefix = signature.args[0].instance_type.instructions

    def run(self, name: str, *operands: ir.Value) -> None:
        call(self.builder, f"{self.prefix}{name}", ir.VoidType(), operands)

    def move(self, name: str, tile: int, array: int, offset: int, row: int) -> None:
        """A tile from or to the argument number `array`, at the one after it and `offset` on.

        row  words from a row to the next
        """
        kind, value, at = self.signature.args[array], self.args[array], self.args[array + 1]
        index = self.builder.add(at, INT64(offset))
        where = pointer(self.context, self.builder, kind, value, index)
        where = self.builder.bitcast(where, BYTE.as_pointer())
        self.run(name, BYTE(tile), where, INT64(row * WORD_BYTES))

    def move_sums(self, name: str) -> None:
        for tile in SUMS:
            self.move(name, tile, 1, tile // 2 * ROWS * BLOCK + tile % 2 * WORDS, BLOCK)


@intrinsic
def begin(typing, unit):
    """Configure the tile registers of this thread; the system must have permitted their use."""

    def emit(context, builder, signature, args):
        value = ir.Constant(ir.ArrayType(BYTE, len(CONFIGURATION)), bytearray(CONFIGURATION))
        where = cgutils.global_constant(builder, "tile_configuration", value)
        where = builder.bitcast(where, BYTE.as_pointer())
        _Code(context, builder, signature, args).run("ldtilecfg", where)
        return context.get_dummy_value()

    return types.void(unit), emit


@intrinsic
def end(typing, unit):
    """Give the tile registers back: a thread that holds none is switched faster."""

    def emit(context, builder, signature, args):
        _Code(context, builder, signature, args).run("tilerelease")
        return context.get_dummy_value()

    return types.void(unit), emit


@intrinsic
def load_sums(typing, unit, array, at):
    """A new block of sums: array[at + r BLOCK + v]."""

    def emit(context, builder, signature, args):
        _Code(context, builder, signature, args).move_sums("tileloadd64")
        return context.get_dummy_value()

    return types.void(unit, array, types.intp), emit


@intrinsic
def add_product(typing, unit, left, left_at, right, right_at):
    """Add to the block the product of one part of a chunk of left and one of right.

    Of each element the unit sums the inputs k = 0, 2, ... and 1, 3, ... by fused multiply-adds,
    adds both, and adds this to the block; denormals are zero, before and after.
    """

    def emit(context, builder, signature, args):
        code = _Code(context, builder, signature, args)
        for n in range(2):
            code.move("tileloadd64", LEFT[n], 1, n * TILE_STEP, WORDS)
            code.move("tileloadd64", RIGHT[n], 3, n * TILE_STEP, WORDS)
        for tile in SUMS:
            operands = tile, LEFT[tile // 2], RIGHT[tile % 2]
            code.run("tdpbf16ps", *(BYTE(number) for number in operands))
        return context.get_dummy_value()

    return types.void(unit, left, types.intp, right, types.intp), emit


@intrinsic
def store_sums(typing, unit, array, at):
    """array[at + r BLOCK + v] = the block."""

    def emit(context, builder, signature, args):
        _Code(context, builder, signature, args).move_sums("tilestored64")
        return context.get_dummy_value()

    return types.void(unit, array, types.intp), emit


@intrinsic
def store_words(typing, array, at, step, pair):
    """array[at + v step + n]: a word of two bfloat16, lane n of vector v of two rows.

    pair  the two rows, one after the other; of 8 bits each (`parts`)
    """

    def emit(context, builder, signature, args):
        width = signature.args[3].register
        vectors = cut(builder, args[3], width)
        words = ir.VectorType(INT32, width)
        shift = ir.Constant(words, [16] * width)
        upper = ir.Constant(words, [-(1 << 16)] * width)
        half = len(vectors) // 2
        for v, (even, odd) in enumerate(zip(vectors[:half], vectors[half:], strict=True)):
            low = builder.lshr(builder.bitcast(even, words), shift)
            word = builder.or_(low, builder.and_(builder.bitcast(odd, words), upper))
            index = builder.add(args[1], builder.mul(args[2], INT64(v)))
            where = pointer(context, builder, signature.args[0], args[0], index)
            builder.store(word, builder.bitcast(where, words.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, pair), emit
