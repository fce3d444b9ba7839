"""What makes a cold start short: no way of typing is tried twice, no text is formatted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from numba.core.types.functions import BaseFunction

from sentinel.detector import Detector
from sentinel.fitted import Kind
from sentinel.kernels.jit import jit, lean
from sentinel.model.prepared import Backend
from tests.detector.joint import RULES, joint_model

# Of the message that Numba compiles wherever an array is assigned to a part of another one.
OF_SHAPES = b"cannot assign slice"


def test_the_ways_to_type_a_call_are_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    get_call_type = BaseFunction.get_call_type

    def recorded(self, context, args, kws):  # type: ignore[no-untyped-def]
        tried.append(f"{self}{args}")
        return get_call_type(self, context, args, kws)

    monkeypatch.setattr(BaseFunction, "get_call_type", recorded)

    @lean
    def sum_of_three(x: int, y: int, z: int) -> int:
        return x + y + z

    @jit
    def fresh(x: int, y: int) -> int:
        return sum_of_three(x, y, x) + x + y

    assert fresh(1, 2) == 7
    sums = [call for call in tried if "add" in call and call.count("int64") == 2]
    assert len(sums) <= 1


def test_calls_with_other_types_are_typed_for_themselves() -> None:
    @jit
    def total(x: float, y: float) -> float:
        return x + y

    assert total(1, 2) == 3
    assert isinstance(total(1, 2), int)
    assert total(1.5, 2) == 3.5
    assert total(True, 2.25) == 3.25


@pytest.mark.parametrize("kind", ["joint", "light"])
def test_no_kernel_says_that_shapes_differ(kind: Kind) -> None:
    """It would take five seconds to compile how."""
    Detector(joint_model(kind), RULES, backend=Backend()).warm_up()
    kept = list(Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbc"))
    assert any("rings._move" in file.name for file in kept)
    assert [file.name for file in kept if OF_SHAPES in file.read_bytes()] == []
