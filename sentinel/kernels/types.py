"""The array types of the kernels' signatures (they are for people and mypy; Numba ignores them)."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32Array: TypeAlias = NDArray[np.float32]
FloatArray: TypeAlias = NDArray[np.float64]
TimeArray: TypeAlias = NDArray[np.int64]

# A scalar of a `shared` formula, of whatever precision the kernel around it computes in.
Scalar: TypeAlias = Any
