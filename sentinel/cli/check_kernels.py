"""Whether what `[kernels]` asks for is there: the variant, and the device."""

from __future__ import annotations

from collections.abc import Iterator

from sentinel.cli.findings import Finding, note, ok, warning
from sentinel.config.kernels import KernelsConfig
from sentinel.errors import ConfigError
from sentinel.runtime.gpu import Gpu, described, probe
from sentinel.runtime.kernels import candidates_of

WHERE = "kernels.device"


def check_kernels(kernels: KernelsConfig) -> Iterator[Finding]:
    """What there is, and what comes of it; what it computes is checked at the start."""
    try:
        candidates_of(kernels.variant, deterministic=kernels.deterministic)
    except ConfigError as error:
        yield Finding("problem", "kernels.variant", error.what, error.hint, ConfigError.exit_code)
    yield from _device(kernels)


def _device(kernels: KernelsConfig) -> Iterator[Finding]:
    if kernels.device == "cpu":
        return
    found = probe()
    if isinstance(found, Gpu):
        yield ok(WHERE, described(found))
    elif kernels.device == "auto":
        yield note(WHERE, f"the CPU will compute: {found.reason}")
    elif kernels.on_gpu_failure == "cpu":
        yield warning(WHERE, f'"cuda", but the CPU will compute: {found.reason}', found.hint)
    else:
        hint = f'{found.hint}; or device = "cpu", or on_gpu_failure = "cpu"'
        yield Finding("problem", WHERE, f'"cuda", but {found.reason}', hint, ConfigError.exit_code)
