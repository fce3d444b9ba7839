"""How close the CUDA twin must be to the CPU, and what is missing must be missing in both."""

from __future__ import annotations

import numpy as np

from sentinel.model.twins import DIFFERENCE_MAX, SHARE_MAX
from tests.kernels.samples import Float32Array, assert_close


def assert_twins(gpu: Float32Array, cpu: Float32Array) -> None:
    """The same numbers within the promise; NaN where the CPU has NaN, and nowhere else."""
    np.testing.assert_array_equal(np.isnan(gpu), np.isnan(cpu))
    assert_close(np.nan_to_num(gpu), np.nan_to_num(cpu), tol=DIFFERENCE_MAX, eps=SHARE_MAX)
