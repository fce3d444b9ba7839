"""What every variant of the kernels promises, beyond right scores (tests/model hold those)."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.kernels.variants import VARIANTS, Variant
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from tests.kernels.lane_types import EVERY_VARIANT
from tests.kernels.samples import normal, random_parameters

# Vector registers of a core, and the largest tile of accumulators must leave room for operands.
REGISTERS = {"portable": 16, "avx2": 16, "avx512": 32, "amx": 32}
STEPS, CHANNELS = 6, 5
# H that is a multiple of no lane width; the weights of the units beyond it are zero.
ARCHITECTURE = Architecture(CHANNELS, 5, 2, 2, bidirectional=True)
COUNTS = [1, 2, 5, 17, 70]


@pytest.mark.parametrize("name", VARIANTS)
def test_the_tiles_of_a_variant_fit_its_registers(name: str) -> None:
    variant = VARIANTS[name]
    tile = variant.many
    assert tile.lanes == variant.lanes
    assert tile.rows * tile.vectors + tile.vectors + 1 <= REGISTERS[name]
    for tile in (variant.few, *variant.one.values()):
        # Here the operand in lanes is read from memory, and the scalar is spread.
        assert tile.rows * tile.vectors + tile.rows <= REGISTERS[name]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("hidden", [1, 7, 8, 16, 17, 32, 50, 64, 100, 128, 200, 1024])
def test_the_tile_for_one_window_wastes_least(variant: Variant, hidden: int) -> None:
    lanes = variant.lanes.width
    wasted = {blocks: -hidden % (blocks * lanes) for blocks in variant.one}
    chosen = variant.one_for(hidden)
    blocks = chosen.vectors // 4
    assert wasted[blocks] == min(wasted.values())
    assert all(wasted[other] > wasted[blocks] for other in wasted if other > blocks)


def windows(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = normal(rng, 100, CHANNELS)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows, rng.integers(10, 90, count), np.full(count, STEPS)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_a_nan_among_the_weights_is_a_nan_among_the_scores_and_leaves_no_trace(
    variant: str, count: int
) -> None:
    """In one weight of each tensor after the other, with clean ones between."""
    clean = random_parameters(ARCHITECTURE, seed=1)
    scorer = WindowScorer(clean, STEPS, Backend(VARIANTS[variant]))
    rows, starts, lengths = windows(2, count)
    before = scorer.score(rows, starts, lengths)
    assert np.isfinite(before.expected).all()
    for name, tensor in clean.tensors.items():
        broken = Parameters(ARCHITECTURE, clean.flat.copy())
        broken[name].flat[-1] = np.nan
        scorer.load(broken)
        found = scorer.score(rows, starts, lengths)
        reached = slice(-1, None) if name.startswith("output") else slice(None)
        assert np.isnan(found.errors[:, :, reached]).all(), name
        assert np.isnan(found.expected[:, reached]).all(), name
        scorer.load(clean)
        after = scorer.score(rows, starts, lengths)
        assert after.errors.tobytes() == before.errors.tobytes(), name
        assert after.expected.tobytes() == before.expected.tobytes(), name
        assert tensor.size > 0


@pytest.mark.parametrize("value", [np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_an_overflowing_reading_never_has_a_plausible_score(
    variant: str, count: int, value: float
) -> None:
    scorer = WindowScorer(random_parameters(ARCHITECTURE, 1), STEPS, Backend(VARIANTS[variant]))
    rows, _, lengths = windows(2, count)
    starts = np.arange(count)
    clean = scorer.score(rows, starts, lengths)
    at = count // 2
    rows[at + STEPS - 1, 3] = value
    with np.errstate(over="ignore"):
        found = scorer.score(rows, starts, lengths)
    reached = (starts <= at + STEPS - 1) & (at + STEPS - 1 < starts + STEPS)
    assert not np.isfinite(found.errors[reached, 0, 3]).any()
    assert found.errors[~reached].tobytes() == clean.errors[~reached].tobytes()


@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_where_the_arguments_lie_in_memory_does_not_matter(variant: str) -> None:
    """Every other element of an array, or a copy of them: the numbers are the same."""
    scorer = WindowScorer(random_parameters(ARCHITECTURE, 1), STEPS, Backend(VARIANTS[variant]))
    rows, starts, lengths = windows(2, 40)
    expected = scorer.score(rows, starts, lengths).errors.tobytes()
    wide = np.zeros((100, 2 * CHANNELS), np.float32)
    wide[:, ::2] = rows
    assert scorer.score(wide[:, ::2], starts, lengths).errors.tobytes() == expected
    assert scorer.score(np.asfortranarray(rows), starts, lengths).errors.tobytes() == expected
    spaced = np.zeros(80, np.int64)
    spaced[::2] = starts
    assert scorer.score(rows, spaced[::2], lengths).errors.tobytes() == expected
    assert scorer.score(rows, starts, np.full(80, STEPS)[::2]).errors.tobytes() == expected
