"""What the kernel benchmark leaves for programs."""

from __future__ import annotations

import json

from sentinel.kernels.variants import AVX512, PORTABLE
from tests.bench.kernel_case import Shape
from tests.bench.kernel_table import Row
from tests.bench.kernels import as_json


def test_the_json_holds_the_roof_and_a_row_for_each_case() -> None:
    rates = {"torch": 10.04, "avx512": 30.06, "portable": 15.0}
    errors = {"torch": 2e-7, "avx512": 3e-7, "portable": 3e-7}
    rows = [
        Row(Shape(64, 8, 32), batch, 1, rates, errors, {"avx512": roof, "portable": 40.0})
        for batch, roof in ((1, 100.0), (256, 104.0), (4096, 120.0))
    ]
    found = json.loads(as_json(rows, [AVX512, PORTABLE]))
    assert found["fma_roof_gflops"] == 104.0
    assert found["rows"][1] == {
        "shape": [64, 8, 32],
        "batch": 256,
        "threads": 1,
        "windows_per_s": {"torch": 10.0, "avx512": 30.1, "portable": 15.0},
        "max_error": errors,
    }
    assert len(found["rows"]) == 3
