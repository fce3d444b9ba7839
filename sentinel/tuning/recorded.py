"""A model's scores of readings, recorded once: any alert settings can be played over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.alert.episodes import STATE_NAMES, SUPPRESSED, Advance, EpisodeRules, Episodes
from sentinel.backtest.episodes import EpisodeLog
from sentinel.backtest.tracks import Scored, Track, tracks_of
from sentinel.detector import Detector
from sentinel.records import BoolArray, EpisodeEvent, FloatArray, Readings, Status

BATCH = 16_384
TAKEN = (Status.OK, Status.WARMING, Status.BETWEEN)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a detector of threshold scale 1 made of N readings.

    own_ratio  (N,) NaN where the reading has no window of its own
    restarted  (N,) it is the first one, or the first after a gap
    labelled   (N,)
    """

    scored: Scored
    own_ratio: FloatArray
    restarted: BoolArray
    labelled: BoolArray

    def tracks(self, rules: EpisodeRules, threshold_scale: float) -> list[Track]:
        """What the detector would have told with these settings, entity by entity."""
        scored = self.scored
        machine = Episodes(rules)
        machine.grow(int(scored.entity.max(initial=-1)) + 1)
        nothing = np.zeros(len(scored), np.bool_)
        advance = machine.advance(
            scored.entity, scored.time_ns, self.own_ratio / threshold_scale, self.restarted,
            nothing.astype(np.int32), nothing, nothing.copy(),
        )  # fmt: skip
        log = EpisodeLog()
        log.add(_events(advance, scored), 0)
        return list(tracks_of(scored, self.labelled, log.episodes))


def record(
    detector: Detector, before: Readings, readings: Readings, names: Sequence[str],
    labelled: BoolArray,
) -> Recorded:  # fmt: skip
    """Run a fresh detector over readings.

    before    what came right before them: primes the detector
    names     of the entities
    labelled  (N,) which readings are known to be odd
    """
    for some in _batches(before):
        detector.prime(some, names)
    batches, filled = [Scored.nothing()], [np.zeros(0, np.int32)]
    for some in _batches(readings):
        scores = detector.process(some, names).scores
        batches.append(Scored.of(some, scores))
        filled.append(scores.filled)
    scored = Scored.joined(batches)
    first = np.concatenate(filled) == 1
    return Recorded(
        scored,
        np.where(scored.status == Status.OK, scored.score_ratio, np.nan),
        first & np.isin(scored.status, TAKEN),
        labelled,
    )


def _batches(readings: Readings) -> Iterator[Readings]:
    for start in range(0, len(readings), BATCH):
        yield readings.slice(start, min(start + BATCH, len(readings)))


def _events(advance: Advance, scored: Scored) -> Iterator[EpisodeEvent]:
    for fields, (ratio, peak_ratio) in zip(
        advance.transitions.tolist(), advance.ratios.tolist(), strict=True
    ):
        row, entity, kind, start_ns, update, count, missing, late, *_ = fields
        if kind == SUPPRESSED:
            continue
        yield EpisodeEvent(
            entity=entity,
            row=row,
            state=STATE_NAMES[kind],
            start_ns=start_ns,
            time_ns=int(scored.time_ns[row]),
            update=update,
            anomaly_score=float(scored.anomaly_score[row]),
            score_ratio=ratio,
            peak_ratio=peak_ratio,
            threshold=np.nan,
            readings=count,
            missing_values=missing,
            late_readings=late,
            contributions=(),
        )
