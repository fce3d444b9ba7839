"""Every reading judged by its errors of several kinds, each against what is usual."""

from __future__ import annotations

from sentinel.entities import Parts
from sentinel.fitted import Recipe
from sentinel.model.device import Device
from sentinel.model.parameters import Parameters
from sentinel.score.judging import Judge
from sentinel.scorers.measuring import Measurer
from sentinel.scorers.run import Run, RunScores


class RecipeScorer(Parts):
    """Measures, then judges."""

    def __init__(
        self,
        parameters: Parameters,
        window_length: int,
        reconstruct_every: int,
        recipe: Recipe,
        backend: Device,
    ) -> None:
        self._measurer = Measurer(
            parameters, recipe.companions, recipe.calibration.kinds, window_length,
            reconstruct_every, backend,
        )  # fmt: skip
        self._judge = Judge(recipe.calibration)
        super().__init__(measurer=self._measurer, judge=self._judge)

    def score(self, run: Run) -> RunScores:
        """Score every reading with a full window behind it."""
        found = self._measurer.measure(run)
        judged = self._judge.judge(found.entity, found.begins, found.errors)
        return RunScores(found.row, judged.anomaly_score, judged.shares, found.expected)
