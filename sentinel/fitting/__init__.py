"""From a history to a fitted model. Pure.

`history` cuts and scales it, whatever the model; then there is one file for each way to score, as
in `sentinel.scorers`: `plain` trains an autoencoder and takes its threshold from held-out windows,
`recipe` trains network and `companions` on the older readings of each entity, and learns what is
usual from the newer ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from sentinel.errors import DataError
from sentinel.fitted import FittedModel
from sentinel.fitting.history import Allocate, cut
from sentinel.fitting.plain import fit_plain
from sentinel.fitting.recipe import fit_recipe
from sentinel.fitting.settings import FitSettings
from sentinel.model.device import Device
from sentinel.model.prepared import Backend
from sentinel.model.training import Progress
from sentinel.records import BoolArray, Readings


def fit(
    history: Readings,
    channels: Sequence[str],
    settings: FitSettings,
    *,
    backend: Device | None = None,
    excluded: BoolArray | None = None,
    allocate: Allocate = np.empty,
    on_step: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> FittedModel:
    """Fit a model to a history. Same history, settings and seed: the same bytes.

    history   its arrays may be memory maps larger than memory; so may what `allocate` returns
    backend   which kernels train and score, on how many threads; default: the portable ones, on one
    excluded  (N,) rows to leave out, as if they had never come; None: none. The interval is that of
              all rows
    allocate  makes the arrays that are as long as the history; nothing else grows with its rows
    Raises DataError where the history holds no channel, or makes too few windows.
    """
    if not channels:
        raise DataError("the history has no numeric channel")
    fit_kind = fit_plain if settings.kind == "reconstruct" else fit_recipe
    return fit_kind(
        cut(history, channels, settings, allocate, excluded), settings, backend or Backend(),
        on_step, should_stop,
    )  # fmt: skip
