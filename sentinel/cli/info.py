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
from sentinel.cli.wiring import chosen_device, chosen_kernels, workload_of
from sentinel.config.kernels import KernelsConfig
from sentinel.config.loading import load
from sentinel.config.schema import WindowConfig
from sentinel.errors import ConfigError
from sentinel.kernels.variants import VARIANTS
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.self_check import ERROR_MAX, largest_error
from sentinel.runtime.gpu import Gpu, described, probe
from sentinel.runtime.kernels import NEEDED, cpu_features, cpu_name, threads_of, why_not
from sentinel.runtime.workload import Workload

# T of the windows that CPU and GPU are measured with, where there is no model to say it.
SUPPOSED_STEPS = 64
DAEMON_ALONE = (
    "a daemon's, unless its configuration says otherwise; other commands take one for each CPU"
)
SAME_BITS = {
    True: "of the same bits in any batch",
    False: "whose last bits may differ with the batch: asked for by deterministic = false",
}

EPILOG = """\b
Examples:
  sentinel info
  sentinel info --model model
  sentinel info --config sentinel.toml
  SENTINEL_KERNELS=avx2 sentinel info
"""


# fmt: off
@click.command(epilog=EPILOG, short_help="Show what this machine has, and what runs on it.")
@click.option("--model", "path", type=click.Path(path_type=Path), metavar="MODEL",
              help="Check the kernels of this model.  [default: the configuration's, or one of 8 "
              "channels and 64 hidden units]")
@click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE",
              help="Show what computes under this configuration: its [kernels], its model.")
def command(path: Path | None, config_path: Path | None) -> None:
    # fmt: on
    """Show CPU, GPU, kernels and their self-check: results of a small case against float64."""
    architecture, work = Architecture(8, 64), Workload(SUPPOSED_STEPS)
    kernels, window = KernelsConfig(), WindowConfig()
    if config_path:
        config = load(config_path)
        kernels, window, path = config.kernels, config.window, path or Path(config.model)
    if path:
        model = store.load(path)
        architecture, work = model.parameters.architecture, workload_of(model, window)
    features = cpu_features()
    choice = chosen_kernels(architecture, kernels)
    backend, problem = choice.backend, None
    try:
        device = chosen_device(architecture, kernels, work, choice)
        computes = f"{device.name}: {device.reason}"
    except ConfigError as refusal:  # raised again once all else is shown
        problem, computes = refusal, f"none: {refusal.what}"
    there = sorted({name for names in NEEDED.values() for name in names if name in features})
    click.echo(f"sentinel  {__version__}, Python {platform.python_version()}, "
               f"Numba {version('numba')}, NumPy {version('numpy')}")
    click.echo(f"CPU       {cpu_name()}, {threads_of(0)} for this process; "
               f"{' '.join(there) or 'no vector extension'}")
    click.echo(f"kernels   {backend.variant.name}: {choice.reason}")
    why = _why_threads(kernels) if config_path else DAEMON_ALONE
    click.echo(f"threads   {backend.threads}: {why}")
    click.echo(f"scores    {SAME_BITS[backend.deterministic or backend.variant.unit is None]}")
    gpu = probe()
    click.echo(f"GPU       {described(gpu) if isinstance(gpu, Gpu) else f'none: {gpu.reason}'}")
    click.echo(f"device    {computes}")
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
    if problem:
        raise problem


def _why_threads(kernels: KernelsConfig) -> str:
    """Of [kernels]."""
    of_each_cpu = "" if kernels.threads else ", one for each CPU of this process"
    return f"[kernels] threads is {kernels.threads}{of_each_cpu}"
