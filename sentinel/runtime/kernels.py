"""Which kernels run on this machine: probed here, handed down as a value."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

from sentinel.config.problems import did_you_mean
from sentinel.errors import ConfigError, ModelError
from sentinel.kernels.variants import VARIANTS, Variant
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.self_check import ERROR_MAX, duties, kernel_makers, largest_error
from sentinel.runtime import tile_permission
from sentinel.runtime.compile_ahead import compile_ahead
from sentinel.runtime.garbage import collector_paused

log = logging.getLogger(__name__)

VARIABLE = "SENTINEL_KERNELS"
AUTO = "auto"
# What the compiler may use is not what the machine has: LLVM must know of it, and so must the
# operating system, which both of them is in LLVM's own list.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "portable": (),
    "avx2": ("avx2", "fma"),
    "avx512": ("avx512f", "avx512bw", "avx512dq", "avx512vl"),
    "amx": ("avx512f", "avx512bw", "avx512dq", "avx512vl", "amx-tile", "amx-bf16"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """backend  what runs;  reason  why, for people;  error  largest one of its self-check."""

    backend: Backend
    reason: str
    error: float


def cpu_name() -> str:
    """As LLVM calls it."""
    return str(get_host_cpu_name())


def cpu_features() -> frozenset[str]:
    """What the CPU has and the operating system allows, by LLVM's names."""
    return frozenset(name for name, there in get_host_cpu_features().items() if there)


def why_not(name: str, features: Collection[str]) -> str:
    """Why a machine with these features cannot run a variant; empty: it can.

    Asks the operating system for the tile registers where a variant has a use for them.
    """
    lacking = [needed for needed in NEEDED[name] if needed not in features]
    if lacking:
        return f"it has no {', '.join(lacking)}"
    refusal = tile_permission.refusal() if VARIANTS[name].unit is not None else ""
    return f"its system refuses tile registers ({refusal})" if refusal else ""


def runnable(features: Collection[str]) -> list[Variant]:
    """The variants that a machine with these features can run, the fastest first."""
    found = [variant for name, variant in VARIANTS.items() if not why_not(name, features)]
    return found[::-1]


def threads_of(asked: int) -> int:
    """As many as asked for; 0: as many as this process may use CPUs."""
    return asked or len(os.sched_getaffinity(0))


def candidates_of(
    asked: str, environ: Mapping[str, str] = os.environ, *, deterministic: bool = True
) -> tuple[list[Variant], str]:
    """The variants that may run here, the fastest first, and why. Arguments as of `choose`.

    Raises ConfigError where the name is unknown or the machine cannot run it.
    """
    source = f"{VARIABLE}={environ[VARIABLE]}" if environ.get(VARIABLE) else f'"{asked}"'
    asked = environ.get(VARIABLE) or asked
    features = cpu_features()
    candidates, reason = runnable(features), "the fastest that runs here"
    if asked != AUTO:
        names = [variant.name for variant in candidates]
        if asked not in names:
            known, hint = "there is none", did_you_mean(asked, [AUTO, *VARIANTS])
            if asked in VARIANTS:
                known, hint = f"this machine cannot run it: {why_not(asked, features)}", ""
            raise ConfigError(
                f"kernels {source}: {known}", hint=hint or f"auto, or one of: {', '.join(names)}"
            )
        return [VARIANTS[asked]], f"asked for by {source}"
    if deterministic and any(variant.unit for variant in candidates):
        candidates = [variant for variant in candidates if variant.unit is None]
        reason += " for a single window and for many with the same bits"
    return candidates, reason


@collector_paused()
def choose(
    architecture: Architecture,
    asked: str = AUTO,
    threads: int = 1,
    environ: Mapping[str, str] = os.environ,
    *,
    deterministic: bool = True,
    training: bool = False,
) -> Choice:
    """The fastest variant that the machine has and that passes its self-check.

    asked          a variant's name, or "auto"; SENTINEL_KERNELS in the environment goes before it
    deterministic  a score has the same bits in any batch (`model.prepared.Backend`); "auto" then
                   leaves matrix units out: a single window would pay for a block of them
    training       the model is to be trained, too
    Raises ConfigError where the name is unknown or the machine cannot run it, ModelError where
    nothing passes.
    """
    candidates, reason = candidates_of(asked, environ, deterministic=deterministic)
    for variant in candidates:
        backend = Backend(variant, threads_of(threads), deterministic)
        used = [duty.name for duty in duties(architecture, training=training)]
        name = "-".join([variant.name, variant.one_for(architecture.hidden).name, *used])
        compile_ahead(name, kernel_makers(architecture, backend, training=training))
        error = largest_error(backend, architecture, training=training)
        if error <= ERROR_MAX:
            return Choice(backend, reason, error)
        log.warning("kernels %s failed their self-check (error %.2g): dropped", variant.name, error)
    raise ModelError(
        f"kernels {', '.join(variant.name for variant in candidates)}: wrong results in "
        "the self-check", hint="empty the kernel cache that `sentinel info` names, and report it",
    )  # fmt: skip
