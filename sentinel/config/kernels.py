"""The table [kernels] of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class KernelsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What computes the scores; `sentinel info` shows what this machine has."""

    variant: Annotated[
        Literal["auto", "portable", "avx2", "avx512", "amx"],
        Meta(description="auto: the fastest; SENTINEL_KERNELS in the environment goes before it"),
    ] = "auto"
    threads: Annotated[
        int, Meta(ge=0, le=256, description="0: one for each CPU; never changes a score")
    ] = 1
    deterministic: Annotated[
        bool,
        Meta(
            description="a score has the same bits in any batch; false: auto may take amx, and amx "
            "leaves batches below 17 to avx512"
        ),
    ] = True
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        Meta(description="auto: an NVIDIA GPU where it is there and measures faster at the start"),
    ] = "auto"
    on_gpu_failure: Annotated[
        Literal["stop", "cpu"],
        Meta(
            description="device cuda that cannot be used, at the start or later: stop, or let the "
            "CPU take over"
        ),
    ] = "stop"
