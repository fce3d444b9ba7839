"""The reading with the highest score of a stretch, and what that score is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentinel.detector import Detection
from sentinel.fitted import FittedModel
from sentinel.records import Contribution, Readings, Status
from sentinel.scorers.worst import contributions_of


class HighestScore:
    """Looks on while a file is scored; it keeps one reading, however long the stretch.

    entities       names of the source's machines, which become more
    entity         name of the one that counts; None: all
    from_ns, to_ns the stretch, both ends included
    ratio          its score ratio; -inf: no reading of the stretch had a score of its own
    contributions  by channel, largest share first
    """

    def __init__(
        self,
        model: FittedModel,
        entities: Sequence[str],
        entity: str | None,
        from_ns: int,
        to_ns: int,
    ) -> None:
        self._model, self._entities, self._entity = model, entities, entity
        self._from_ns, self._to_ns = from_ns, to_ns
        self.ratio, self.time_ns = -np.inf, 0
        self.contributions: tuple[Contribution, ...] = ()

    def look(self, readings: Readings, detection: Detection) -> None:
        """Take the next batch, of which the detector told its reasons."""
        assert detection.reasons is not None
        scores, reasons = detection.scores, detection.reasons
        inside = (readings.time_ns >= self._from_ns) & (readings.time_ns <= self._to_ns)
        inside &= (scores.status == Status.OK) & np.isfinite(scores.score_ratio)
        if self._entity is not None:
            known = self._entity in self._entities
            inside &= readings.entity == (self._entities.index(self._entity) if known else -1)
        rows = np.flatnonzero(inside)
        if not len(rows):
            return
        row = rows[np.argmax(scores.score_ratio[rows])]
        if scores.score_ratio[row] > self.ratio:
            self.ratio = float(scores.score_ratio[row])
            self.time_ns = int(readings.time_ns[row])
            self.contributions = contributions_of(
                self._model,
                self._model.usual_deviation(),
                reasons.shares[row].astype(np.float32),
                readings.values[row],
                reasons.expected[row],
            )
