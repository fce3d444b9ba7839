"""The array types of the scanners' signatures (for people and mypy; Numba ignores them)."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]
Flags: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int32]
Ints: TypeAlias = NDArray[np.int64]
Records: TypeAlias = NDArray[np.void]  # of a structured type that stands beside the kernel
