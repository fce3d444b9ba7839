"""After warm_up nothing is compiled any more, whatever flows: a late compile stalls a daemon."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from sentinel.runtime import jit_cache
jit_cache.prepare()
import numpy as np
from numba.core.dispatcher import Dispatcher
from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.model.architecture import Architecture
from tests.detector.toy import toy_model, toy_readings

def compiled():
    kernels = {
        id(kernel): (f"{name}.{attribute}", len(kernel.signatures))
        for name, module in list(sys.modules.items()) if name.startswith("sentinel.")
        for attribute, kernel in vars(module).items() if isinstance(kernel, Dispatcher)
    }
    return dict(kernels.values())

architecture = Architecture(2, 6, encoder_layers=2, decoder_layers=2, bidirectional=True)
detector = Detector(toy_model(architecture=architecture, window_stride=2), EpisodeRules(2, 3))
detector.warm_up()
before = compiled()
readings = toy_readings(2000, entities=80, seed=1)
detector.prime(readings.slice(0, 300))
detector.process(readings.slice(300, 1500))
detector.forget([3, 5])
detector.process(readings.slice(1500, 1501))
detector.process(readings.take(np.arange(1501, 2000)))
detector.entity_states()
late = {name: (before[name], count) for name, count in compiled().items() if count != before[name]}
print(sum(before.values()), late)
"""


def test_warm_up_compiles_everything_that_processing_needs() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True,
        timeout=200,
    )  # fmt: skip
    count, _, late = done.stdout.strip().partition(" ")
    assert int(count) > 5
    assert late == "{}"
