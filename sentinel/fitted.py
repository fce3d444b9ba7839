"""A fitted model: everything that scoring needs, as one value. The store writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from sentinel.model.parameters import Parameters
from sentinel.records import FloatArray
from sentinel.score.dispersion import Dispersion
from sentinel.score.judging import Calibration
from sentinel.score.kinds import BLOCKS, DISPERSION, FORECAST, NEAREST, QUARTER, SUBSPACE, WHOLE
from sentinel.score.nearest import Nearest
from sentinel.score.subspace import Subspace
from sentinel.window.scaling import Scaling, ValueRange

Kind = Literal["joint", "light", "forecast", "reconstruct"]

# What readings are judged by, by the kind of model; `reconstruct` scores windows instead.
# A light model asks one companion, seldom: the others would cost it more than its network does.
KINDS_OF: Mapping[Kind, tuple[int, ...]] = {
    "joint": (FORECAST, QUARTER, WHOLE, SUBSPACE, NEAREST, DISPERSION, BLOCKS),
    "light": (FORECAST, QUARTER, WHOLE, SUBSPACE),
    "forecast": (FORECAST,),
}


@dataclass(frozen=True, slots=True)
class Companions:
    """Small models of the history beside the network. blocks is None where there is none."""

    subspace: Subspace
    nearest: Nearest
    dispersion: Dispersion
    blocks: Subspace | None


@dataclass(frozen=True, slots=True)
class Recipe:
    """How every reading is judged: by what, and against what is usual."""

    companions: Companions
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class FittedModel:
    """What `sentinel fit` makes.

    channels       names, in the order of every array over F
    window_stride  readings from one rebuilt window to the next; of kind light, from one look of its
                   companion
    interval_ns    median time between two readings of the history; 0: unknown
    max_gap_ns     a longer gap restarts the window
    scaling        raw to scaled units
    history_range  between which values each channel of the history lay
    error_scale    (F,) usual mean squared reconstruction error of each channel, scaled units;
                   of kind reconstruct alone
    recipe         of every other kind
    threshold      anomaly_score at which score_ratio is 1
    calibration_scores  (M,) scores of held-out readings, in the order of time
    summary        how it was trained: numbers and texts, for people
    name, version  given by the store; the version is a hash of everything above
    """

    kind: Kind
    channels: tuple[str, ...]
    window_length: int
    window_stride: int
    interval_ns: int
    max_gap_ns: int
    scaling: Scaling
    history_range: ValueRange
    parameters: Parameters
    error_scale: FloatArray | None
    recipe: Recipe | None
    threshold: float
    calibration_scores: FloatArray
    summary: Mapping[str, object] = field(default_factory=dict)
    name: str = ""
    version: str = ""

    def usual_deviation(self) -> FloatArray:
        """How far off each channel's expected value usually is (F,): root mean square, raw units.

        Of the forecast where there is one, else of the reconstruction; on held-out readings.
        """
        if self.recipe is None:
            assert self.error_scale is not None
            return np.asarray(np.sqrt(self.error_scale) * self.scaling.spread)
        calibration = self.recipe.calibration
        usual = calibration.usual.size[calibration.kinds.index(FORECAST)]
        return np.asarray(np.sqrt(usual.astype(np.float64)) * self.scaling.spread)
