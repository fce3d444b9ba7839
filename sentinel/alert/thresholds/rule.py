"""Which rule sets the threshold, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sentinel.alert.thresholds.constant import Constant, quantile
from sentinel.alert.thresholds.dspot import Dspot
from sentinel.alert.thresholds.dynamic import Dynamic
from sentinel.alert.thresholds.mad import Mad
from sentinel.alert.thresholds.pot import Pot
from sentinel.entities import Part
from sentinel.records import FloatArray, IndexArray

RuleName: TypeAlias = Literal["calibrated", "quantile", "mad", "pot", "dspot", "dynamic"]
LEAST_SHARE = 1e-3  # of the calibrated threshold


class Threshold(Part, Protocol):
    """A threshold for each score, from the scores of the entity before it."""

    def advance(self, entity: IndexArray, anomaly_score: FloatArray) -> FloatArray:
        """The threshold (N,) of each score (N,), in order; NaN: a reading without one."""
        ...


@dataclass(frozen=True, slots=True)
class ThresholdSettings:
    """A rule and its parameters.

    exceed_probability  quantile, pot, dspot: share of normal scores above the threshold
    mad_count           mad: so many standard deviations above the median
    """

    rule: RuleName = "calibrated"
    exceed_probability: float = 1e-4
    mad_count: float = 6.0


def make_threshold(
    settings: ThresholdSettings, calibrated: float, calibration_scores: FloatArray
) -> Threshold:
    """The rule that the settings ask for, begun from a model.

    calibrated          the model's own threshold, > 0
    calibration_scores  (M,), in the order of time, at least one; not looked at by `calibrated`
    """
    least = LEAST_SHARE * calibrated
    probability = settings.exceed_probability
    if settings.rule == "quantile":
        return Constant(max(least, quantile(calibration_scores, probability)))
    if settings.rule == "mad":
        return Mad(calibration_scores, settings.mad_count, least)
    if settings.rule == "pot":
        return Pot(calibration_scores, probability, least)
    if settings.rule == "dspot":
        return Dspot(calibration_scores, probability, least)
    if settings.rule == "dynamic":
        return Dynamic(calibration_scores, least)
    return Constant(calibrated)
