"""`sentinel info`: what this machine has, and which kernels run on it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sentinel import __version__, store
from sentinel.cli.wiring import rebuilt_every
from sentinel.kernels.variants import VARIANTS
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.self_check import ERROR_MAX, largest_error
from sentinel.runtime.device import choose_device
from sentinel.runtime.gpu import Gpu, described, probe
from sentinel.runtime.kernels import NEEDED, choose, cpu_features, cpu_name, threads_of, why_not
from sentinel.runtime.workload import Workload

# What CPU and GPU are measured with where there is no model to say it.
CHECKED = Workload(steps=64)

EPILOG = """\b
Examples:
  sentinel info
  sentinel info --model model
  SENTINEL_KERNELS=avx2 sentinel info
"""


# fmt: off
@click.command(epilog=EPILOG, short_help="Show what this machine has, and what runs on it.")
@click.option("--model", "path", type=click.Path(path_type=Path), metavar="MODEL",
              help="Check the kernels of this model.  [default: 8 channels, 64 hidden units]")
def command(path: Path | None) -> None:
    # fmt: on
    """Show CPU, GPU, kernels and their self-check: scores of a few windows against float64."""
    architecture, work = Architecture(8, 64), CHECKED
    if path:
        model = store.load(path)
        architecture = model.parameters.architecture
        work = Workload(model.window_length, rebuilt_every(model))
    features = cpu_features()
    choice = choose(architecture)
    there = sorted({name for names in NEEDED.values() for name in names if name in features})
    click.echo(f"sentinel  {__version__}, Python {platform.python_version()}, "
               f"Numba {version('numba')}, NumPy {version('numpy')}")
    click.echo(f"CPU       {cpu_name()}, {threads_of(0)} for this process; "
               f"{' '.join(there) or 'no vector extension'}")
    click.echo(f"kernels   {choice.backend.variant.name}: {choice.reason}")
    gpu = probe()
    click.echo(f"GPU       {described(gpu) if isinstance(gpu, Gpu) else f'none: {gpu.reason}'}")
    device = choose_device(architecture, work, choice.backend)
    click.echo(f"device    {device.name}: {device.reason}")
    click.echo(f"cache     {os.environ['NUMBA_CACHE_DIR']}")
    table = Table("variant", "lanes", "self-check")
    for name, variant in VARIANTS.items():
        reason = why_not(name, features)
        verdict = f"not run on this machine: {reason}"
        if not reason:
            error = largest_error(Backend(variant), architecture)
            verdict = f"{'passed' if error <= ERROR_MAX else 'FAILED'}, largest error {error:.1e}"
        table.add_row(name, str(variant.lanes.width), verdict)
    Console(width=80).print(table)
