"""After warm_up a joint model compiles nothing any more, whatever the batches and the entities."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sentinel import store
from tests.detector.joint import joint_model

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from sentinel.runtime import jit_cache
jit_cache.prepare()
from numba.core.dispatcher import Dispatcher
from sentinel import store
from sentinel.alert.rules import recommended_rules
from sentinel.detector import Detector
from tests.detector.toy import toy_readings

def compiled():
    kernels = {
        id(kernel): (f"{name}.{attribute}", len(kernel.signatures))
        for name, module in list(sys.modules.items()) if name.startswith("sentinel.")
        for attribute, kernel in vars(module).items() if isinstance(kernel, Dispatcher)
    }
    return dict(kernels.values())

model = store.load(sys.argv[1])
detector = Detector(model, recommended_rules(model.kind))
detector.warm_up()
before = compiled()
readings = toy_readings(6000, entities=70, channels=3, seed=1)
detector.prime(readings.slice(0, 300))
start = 300
for size in (*range(1, 201, 7), 1, 2, 3, 200):
    detector.process(readings.slice(start, start + size))
    start += size
detector.forget([3, 5])
alone = toy_readings(200, channels=3, tidy=True)
for start in range(100):
    detector.process(alone.slice(start, start + 1))
detector.process(alone.slice(100, 200))
detector.process(readings.slice(0, 0))
detector.entity_states()
late = {name: (before[name], count) for name, count in compiled().items() if count != before[name]}
print(sum(before.values()), late)
"""


@pytest.mark.parametrize("kind", ["joint", "light", "forecast"])
def test_warm_up_compiles_everything_that_processing_needs(tmp_path: Path, kind: str) -> None:
    store.save(joint_model(kind), tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "model")], cwd=ROOT, capture_output=True,
        text=True, check=True, timeout=300,
    )  # fmt: skip
    count, _, late = done.stdout.strip().partition(" ")
    assert int(count) > 10
    assert late == "{}"
