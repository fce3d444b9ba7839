"""Limits that a backtest must keep, written as `episode_f1<0.5`: what is said is what fails."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, fields

from sentinel.backtest.metrics import UNLABELLED, Metrics

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FORM = re.compile(r"\s*(\w+)\s*(<=|>=|<|>)\s*(\S+)\s*")
METRICS = tuple(field.name for field in fields(Metrics))


@dataclass(frozen=True, slots=True)
class Limit:
    """Crossed where `metric comparison bound` holds."""

    metric: str
    comparison: str
    bound: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Raises ValueError, for people, where `text` is none."""
        form = FORM.fullmatch(text)
        if form is None:
            raise ValueError(f"{text!r} is not of the form metric<number or metric>number")
        metric, comparison, number = form.groups()
        if metric not in METRICS:
            raise ValueError(f"there is no metric {metric!r}; metrics are {', '.join(METRICS)}")
        try:
            bound = float(number)
        except ValueError:
            bound = math.nan
        if not math.isfinite(bound):
            raise ValueError(
                f"{number!r} is not a number (of seconds, where the metric ends in _s)"
            )
        return cls(metric, comparison, bound)

    @property
    def needs_labels(self) -> bool:
        """Whether its metric says nothing without them."""
        return self.metric not in UNLABELLED

    def crossed(self, metrics: Metrics) -> str:
        """What is wrong, for people; "" where the limit is kept.

        A metric that is not there (no delay, where no event was found) keeps no limit.
        """
        value = float(getattr(metrics, self.metric))
        if math.isnan(value):
            return f"{self}: cannot be told, there is nothing to measure"
        return f"{self}: it is {value:.6g}" if self._holds(value) else ""

    def __str__(self) -> str:
        return f"{self.metric}{self.comparison}{self.bound:g}"

    def _holds(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.bound)
