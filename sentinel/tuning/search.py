"""Trials: of models, then of the alert settings of the best one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sentinel.alert.rules import EpisodeRules
from sentinel.backtest.metrics import Metrics, judge
from sentinel.backtest.tracks import Track
from sentinel.fitted import FittedModel
from sentinel.fitting.settings import FitSettings
from sentinel.records import NS_PER_DAY
from sentinel.score.kinds import FORECAST
from sentinel.tuning.grid import AlertChoice
from sentinel.tuning.parts import NEWEST, between
from sentinel.tuning.recorded import Recorded

RULE_OF_THREE = 3.0

# The rules of the episode machine that a choice makes.
RulesOf = Callable[[AlertChoice], EpisodeRules]


@dataclass(frozen=True, slots=True)
class ModelTrial:
    """A model that was fitted and judged.

    measured  VUS-PR of the older part, or without labels the error on held-out readings
    recorded  its scores; None without labels
    """

    number: int
    settings: FitSettings
    model: FittedModel
    measured: float
    recorded: Recorded | None


@dataclass(frozen=True, slots=True)
class AlertTrial:
    """Alert settings, and what they led to in the older part.

    days  of one entity that the part is long, all entities' together
    """

    choice: AlertChoice
    metrics: Metrics
    days: float

    @property
    def per_day(self) -> float:
        """Episodes in a day of one entity; NaN: the part is of no length."""
        return self.metrics.episodes / self.days if self.days else math.nan


class ModelSearch:
    """Keeps the first model that was tried, the defaults', and the best one."""

    def __init__(self, *, labelled: bool) -> None:
        self._labelled = labelled
        self.default: ModelTrial | None = None
        self.best: ModelTrial | None = None

    def add(self, trial: ModelTrial) -> None:
        """One more; of equally good ones the first stays."""
        if self.default is None:
            self.default = trial
        if self.best is None or self._merit(trial) > self._merit(self.best):
            self.best = trial

    def _merit(self, trial: ModelTrial) -> float:
        merit = trial.measured if self._labelled else -trial.measured
        return merit if math.isfinite(merit) else -math.inf


def held_out_error(model: FittedModel) -> float:
    """The mean squared error on readings of the history that did not train, in scaled units.

    Of the forecasts; of kind reconstruct, of whole windows.
    """
    if model.recipe is None:
        error = model.summary["loss_test"]
        assert isinstance(error, float)
        return error
    calibration = model.recipe.calibration
    return float(calibration.usual.size[calibration.kinds.index(FORECAST)].mean())


def vus_pr_before(recorded: Recorded, rules: EpisodeRules, cut_ns: int | None) -> float:
    """VUS-PR of the older part, which does not depend on the rules; NaN: nothing to rank."""
    return judge(older(recorded.tracks(rules, 1.0), cut_ns)).metrics.vus_pr


def try_alerts(
    recorded: Recorded, candidates: Sequence[AlertChoice], rules_of: RulesOf, cut_ns: int | None
) -> list[AlertTrial]:
    """What each choice led to in the older part."""
    return [
        _trial(choice, older(recorded.tracks(rules_of(choice), choice.threshold_scale), cut_ns))
        for choice in candidates
    ]


def reported(recorded: Recorded, choice: AlertChoice, rules_of: RulesOf, cut_ns: int) -> AlertTrial:
    """What a choice led to in the newer part."""
    tracks = recorded.tracks(rules_of(choice), choice.threshold_scale)
    return _trial(choice, between(tracks, cut_ns, NEWEST))


def without_budget(rules_of: RulesOf) -> RulesOf:
    """The same rules with nothing withheld: how often a threshold alone would raise an alarm."""

    def unbudgeted(choice: AlertChoice) -> EpisodeRules:
        rules = rules_of(choice)
        return replace(rules, budget_count=0, budget_readings=0, budget_ns=0, budget_fleet=False)

    return unbudgeted


def best_by_f1(trials: Sequence[AlertTrial]) -> AlertTrial:
    """The highest F1; of equal ones the first."""
    return max(trials, key=lambda trial: trial.metrics.episode_f1)


def tells_rate(trial: AlertTrial, wanted_per_day: float) -> bool:
    """Whether the part is long enough that no episode in it means: at most so many in a day.

    After d days without one the rate may still be 3 / d a day, with 95% confidence (Hanley &
    Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249, 1983).
    """
    return wanted_per_day * trial.days >= RULE_OF_THREE


def best_by_rate(trials: Sequence[AlertTrial], wanted_per_day: float) -> AlertTrial:
    """The lowest threshold with at most so many episodes in a day; the highest, where none has.

    Not below the model's own where the part is too short to tell such a rate.
    """
    rare = [
        trial for trial in trials
        if trial.per_day <= wanted_per_day
        and (trial.choice.threshold_scale >= 1 or tells_rate(trial, wanted_per_day))
    ]  # fmt: skip
    if not rare:
        return max(trials, key=lambda trial: trial.choice.threshold_scale)
    return min(rare, key=lambda trial: trial.choice.threshold_scale)


def older(tracks: Sequence[Track], cut_ns: int | None) -> list[Track]:
    """The part to choose by: what lies before the cut; without one, all."""
    return between(tracks, 0, NEWEST if cut_ns is None else cut_ns)


def _trial(choice: AlertChoice, tracks: Sequence[Track]) -> AlertTrial:
    metrics = judge(tracks).metrics
    days = sum(int(track.time_ns[-1] - track.time_ns[0]) for track in tracks) / NS_PER_DAY
    return AlertTrial(choice, metrics, days)
