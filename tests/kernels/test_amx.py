"""The matrix unit: what is emulated is what the manual says, and what runs on AMX is emulated.

No machine of ours had AMX. Its kernel is compiled for one here, and runs on emulated instructions.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.kernels.amx import (
    BLOCK,
    CHUNK,
    CHUNK_SIZE,
    ROWS,
    TILE_SIZE,
    WORDS,
    add_product,
    begin,
    end,
    load_sums,
    store_sums,
)
from sentinel.kernels.jit import jit
from sentinel.kernels.parts import TERMS, parts
from sentinel.kernels.variants import AMX
from sentinel.model.architecture import Architecture
from sentinel.model.matrix_plan import in_words
from sentinel.model.prepared import Backend, aligned
from sentinel.model.scoring import scoring_makers
from sentinel.runtime.kernels import NEEDED
from tests.kernels import emulated_amx
from tests.kernels.cross_compiled import assembly_of, count
from tests.kernels.exact import Float32Array, assert_same_bits, fused

BFLOAT16 = st.integers(0, 2**16 - 1)


def flushed(x: Float32Array) -> Float32Array:
    """Denormals to zeros of the same sign."""
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.copysign(np.float32(0), x), x)


def tdpbf16ps(sums: Float32Array, left: Float32Array, right: Float32Array) -> Float32Array:
    """The manual's pseudocode, k by k for all rows and columns at once."""
    left, right = flushed(left), flushed(right)
    lanes = np.zeros((2, ROWS, WORDS), np.float32)
    with np.errstate(all="ignore"):
        for k in range(WORDS):
            for odd in range(2):
                a, b = left[:, 2 * k + odd], right[k, odd::2]
                lanes[odd] = flushed(fused(a[:, None], b[None, :], lanes[odd]))
        return flushed(flushed(sums) + flushed(lanes[0] + lanes[1]))


def bfloat16s(rng: np.random.Generator, *shape: int, spread: int) -> Float32Array:
    """Of all bit patterns; exponents within 2^-spread to 2^spread, or any where it is 0."""
    bits = rng.integers(0, 2**16, shape).astype(np.uint32)
    if spread:
        bits = (bits & 0x807F) | (rng.integers(127 - spread, 128 + spread, shape) << 7)
    return (bits.astype(np.uint32) << 16).view(np.float32)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), spread=st.sampled_from([0, 2, 20, 63, 126]))
def test_an_emulated_product_has_the_bits_that_the_manual_gives(seed: int, spread: int) -> None:
    """With infinities, NaN, denormals and sums that underflow among them."""
    rng = np.random.default_rng(seed)
    left = bfloat16s(rng, ROWS, 2 * WORDS, spread=spread)
    right = bfloat16s(rng, WORDS, 2 * WORDS, spread=spread)
    sums = bfloat16s(rng, ROWS, WORDS, spread=spread)
    expected = tdpbf16ps(sums, left, right)
    found = sums.copy()
    emulated_amx.tile_product(found, left, right)
    assert_same_bits(found, expected)


@jit
def one_block(unit, array, at, left, left_at, right, right_at):  # type: ignore[no-untyped-def]
    begin(unit)
    load_sums(unit, array, at)
    add_product(unit, left, left_at, right, right_at)
    store_sums(unit, array, at)
    end(unit)


@pytest.mark.parametrize("term", TERMS)
def test_a_block_is_the_products_of_its_tiles(term: tuple[int, int]) -> None:
    """Of a chunk of random numbers, part by part; what lies around the block stays."""
    rng = np.random.default_rng(1)
    rows, windows = (rng.standard_normal((BLOCK, CHUNK)).astype(np.float32) for _ in range(2))
    left, right = aligned(CHUNK_SIZE), aligned(CHUNK_SIZE)
    left[:] = in_words(rows.reshape(-1, ROWS, CHUNK)).ravel()
    # A right factor has inputs down and windows across; its words pair inputs all the same.
    right[:] = in_words(windows.reshape(-1, ROWS, CHUNK)).swapaxes(-1, -2).ravel()
    array = aligned(3 * BLOCK * BLOCK)
    array[:] = rng.standard_normal(array.size)
    before = array.copy()
    one_block(
        emulated_amx.VARIANT.unit, array, BLOCK * BLOCK,
        left, term[0] * TILE_SIZE, right, term[1] * TILE_SIZE,
    )  # fmt: skip
    a, b = parts(rows)[term[0]], parts(windows)[term[1]]
    expected = before.reshape(3, BLOCK, BLOCK).copy()
    for r in range(0, BLOCK, ROWS):
        for v in range(0, BLOCK, WORDS):
            pairs = b[v : v + WORDS].reshape(WORDS, WORDS, 2).swapaxes(0, 1).reshape(WORDS, CHUNK)
            tile = expected[1, r : r + ROWS, v : v + WORDS]
            tile[:] = tdpbf16ps(tile, a[r : r + ROWS], pairs)
    assert_same_bits(array.reshape(3, BLOCK, BLOCK), expected)
    assert emulated_amx.FAULTS == []


@given(word=st.tuples(BFLOAT16, BFLOAT16))
def test_a_word_holds_two_inputs_the_first_one_low(word: tuple[int, int]) -> None:
    tiles = np.zeros((1, ROWS, CHUNK), np.float32)
    first, second = (np.uint32(bits << 16).view(np.float32) for bits in word)
    tiles[0, 0, :2] = first, second
    with np.errstate(all="ignore"):
        high = parts(tiles[0, 0, :2])[0].view(np.uint32) >> 16
    assert in_words(tiles).view(np.uint16)[0, 0, 0, :2].tolist() == high.tolist()


def test_the_emulation_finds_fault_with_what_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulated_amx, "FAULTS", found := [])
    unit, memory = emulated_amx.Unit(), aligned(TILE_SIZE)
    unit.tileloadd64(0, memory.ctypes.data, 64)
    assert found.pop() == "tile 0 is not configured"
    wrong = np.zeros(64, np.uint8)
    unit.ldtilecfg(wrong.ctypes.data)
    assert found == ["palette", "shape of the tiles"]
    found.clear()
    unit.tileloadd64(0, memory.ctypes.data + 4, 64)
    assert found.pop() == "a row that is not a cache line"
    unit.tdpbf16ps(0, 1, 1)
    assert found.pop() == "one register in two roles"


@pytest.fixture(scope="module")
def assembly() -> list[str]:
    """The kernel's instructions for a CPU with AMX; it is not run."""
    features = ",".join(f"+{name}" for name in NEEDED["amx"])
    (by_unit,) = scoring_makers(Architecture(8, 32), 1, Backend(AMX))
    return assembly_of(by_unit, "x86_64-unknown-linux-gnu", "sapphirerapids", features)


def test_for_amx_the_kernel_is_compiled_to_tile_instructions(assembly: list[str]) -> None:
    assert count(assembly, "ldtilecfg ") == count(assembly, "tilerelease") == 1
    for operands in ("6, %tmm4, %tmm0", "7, %tmm4, %tmm1", "6, %tmm5, %tmm2", "7, %tmm5, %tmm3"):
        # Once in the steps of a layer at least, in its constant input and in the dense layer.
        assert count(assembly, rf"tdpbf16ps %tmm{operands}$") >= 3
    for tile in range(4):
        assert (
            count(assembly, rf"tilestored %tmm{tile}, ")
            == count(assembly, rf"tileloadd .*, %tmm{tile}$")
            >= 3
        )
    # The cells are computed in whole registers beside them.
    assert count(assembly, "vrcp14ps %zmm") > 0


def test_for_amx_no_tile_is_spilled(assembly: list[str]) -> None:
    assert not [line for line in assembly if line.startswith(("sttilecfg", "tilezero"))]
