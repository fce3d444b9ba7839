"""Once a scorer is made, nothing is compiled any more, whatever it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from sentinel.kernels.jit import jit
from sentinel.kernels.variants import VARIANTS
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from tests.kernels.lane_types import EVERY_VARIANT
from tests.kernels.samples import normal, random_parameters

STEPS = 5
ARCHITECTURES = {
    "plain": Architecture(3, 5),
    "deep, bidirectional": Architecture(3, 5, 2, 2, bidirectional=True, dropout=0.2),
    "forecasting": Architecture(3, 5, forecast=True),
    # One window's tile goes by the number of units.
    "many units": Architecture(3, 64),
    "units of no width": Architecture(3, 37),
}


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Numba compiles from now on or, which takes its time too, loads from its cache."""
    found: list[str] = []
    compile_it = Dispatcher.compile

    def recorded(self: Dispatcher, signature: Any) -> Any:
        found.append(f"{self.py_func.__name__}{signature}")
        return compile_it(self, signature)

    monkeypatch.setattr(Dispatcher, "compile", recorded)
    return found


def test_a_compilation_is_seen_where_there_is_one(compilations: list[str]) -> None:
    @jit
    def fresh(x: float) -> float:
        return x + 1

    fresh(1.0)
    fresh(2.0)
    assert len(compilations) == 1


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_scoring_any_number_of_windows_compiles_nothing(
    variant: str, architecture: Architecture, threads: int, compilations: list[str]
) -> None:
    rng, parameters = np.random.default_rng(0), random_parameters(architecture, seed=1)
    scorer = WindowScorer(parameters, STEPS, Backend(VARIANTS[variant], threads))
    rows = normal(rng, 200, 3)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    read_only = rows.copy()
    read_only.flags.writeable = False
    compilations.clear()
    for count in (*range(71), 200):
        starts = rng.integers(0, 190, count)
        scorer.score(rows, starts, np.minimum(starts, STEPS))
    scorer.load(random_parameters(architecture, seed=2))
    scorer.score(read_only, np.arange(9), np.full(9, STEPS))
    scorer.score(rows[50:90], np.arange(9), np.full(9, STEPS))
    assert compilations == []
