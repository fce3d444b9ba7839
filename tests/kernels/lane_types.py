"""The lane types, and the variants that this machine can run."""

from __future__ import annotations

from typing import Any

import pytest

from sentinel.kernels.lanes import F32X4, F32X8, F32X16
from sentinel.kernels.variants import VARIANTS
from sentinel.runtime.kernels import cpu_features, cpu_name, runnable

LANES = {"F32X4": F32X4, "F32X8": F32X8, "F32X16": F32X16}
RUNNABLE = [variant.name for variant in runnable(cpu_features())]


def _each(names: list[str], variants: list[str]) -> list[Any]:
    return [
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                variant not in RUNNABLE, reason=f"{cpu_name()} cannot run {variant}"
            ),
        )
        for name, variant in zip(names, variants, strict=True)
    ]


# For parametrize: names; what this machine cannot run is skipped and says why.
EVERY_VARIANT = _each(list(VARIANTS), list(VARIANTS))
# LLVM ends the process over an instruction that the machine lacks: no lanes without their variant.
EVERY_LANES = _each(list(LANES), ["portable", "avx2", "avx512"])
