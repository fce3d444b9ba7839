"""After warm_up nothing of the source is compiled any more, and a second start compiles nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import json, sys
from sentinel.runtime import jit_cache
jit_cache.prepare()
from numba.core.dispatcher import Dispatcher
from sentinel.source.decoder import Decoder
from sentinel.source.warm_up import warm_up
from tests.source.decoding import TIME_S, batch_of, source_config

def compiled():
    kernels = {
        id(kernel): (f"{name}.{attribute}", len(kernel.signatures))
        for name, module in list(sys.modules.items()) if name.startswith("sentinel.")
        for attribute, kernel in vars(module).items() if isinstance(kernel, Dispatcher)
    }
    return dict(kernels.values())

config, channels = source_config(**json.loads(sys.argv[1])), ("temp", "vib")
warm_up(config, channels)
before = compiled()
decoder = Decoder(config, channels)
for first in (0, 3000):
    readings = [
        {"ts": TIME_S + i, "temp": i, "vib": None, f"more-{i % 50}": 1, "sensor": f"s{i % 300}",
         "value": i} for i in range(first, first + 3000)
    ]
    for reading in readings:
        decoder.decode(batch_of([{**reading, "rows": [reading]}], b"pump-%d" % reading["ts"]))
    decoder.decode(batch_of([b"none", None, {"ts": "2026-01-01", "temp": 1e-300, "sensor": "temp",
                             "value": "1", "rows": [{"ts": 1, "temp": "x"}, readings[0]]}]))
    decoder.decode(batch_of([{**readings[0], "sensor": "vib", "rows": readings}]))
    decoder.take()
decoder.hold_back(0, 7)
decoder.forget([0])
decoder.finish()
late = {name: (before[name], count) for name, count in compiled().items() if count != before[name]}
print(len(decoder.entities), late)
"""

START = """
import sys
from sentinel.runtime import jit_cache
jit_cache.prepare()
from numba.core.dispatcher import Dispatcher
from sentinel.source.warm_up import warm_up
from tests.detector.toy import toy_model
from tests.source.decoding import source_config
from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector

Detector(toy_model(), EpisodeRules()).warm_up()
warm_up(source_config(), ("temp", "vib"))
modules = [module for name, module in sys.modules.items() if name.startswith("sentinel.")]
kernels = {id(k): k for m in modules for k in vars(m).values() if isinstance(k, Dispatcher)}
stats = [kernel.stats for kernel in kernels.values()]
hits, misses = (
    sum(sum(getattr(each, name).values()) for each in stats)
    for name in ("cache_hits", "cache_misses")
)
print(hits, misses)
"""


@pytest.mark.parametrize(
    "keys",
    [{}, {"layout": "long", "channels": {"temp": "s1", "vib": "s2"}}, {"readings_field": "rows"}],
    ids=["wide", "long", "array"],
)
def test_warm_up_compiles_everything_that_decoding_needs(keys: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(keys)], cwd=ROOT, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    entities, _, late = done.stdout.strip().partition(" ")
    assert int(entities) > (30 if "layout" in keys else 5000)
    assert late == "{}"


def test_a_second_start_takes_every_kernel_from_the_cache() -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", START], cwd=ROOT, capture_output=True, text=True, timeout=200,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    hits, misses = map(int, done.stdout.split())
    assert hits > 5
    assert misses == 0
