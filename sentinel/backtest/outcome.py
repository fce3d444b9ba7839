"""All of a backtest: what was scored, the episodes, and how they meet what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sentinel.backtest.episodes import Episode, EpisodeLog
from sentinel.backtest.labels import Labels
from sentinel.backtest.metrics import Event, Judgement, judge
from sentinel.backtest.tracks import Scored, Track, tracks_of
from sentinel.records import FloatArray, Status, Suppressed


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came out of one model on one input.

    entities   names that every `entity` here indexes
    score_ratio (N,) of `Scored`; NaN while a window fills anew after a gap: the old score holds
    tracks     of the entities that have a score
    episodes   in the order of their opening
    suppressed those that were never told, in the order of their ends
    withheld_by what can withhold an episode, for people; empty: nothing can
    labels     what was known; None: all metrics of events are NaN
    """

    entities: Sequence[str]
    score_ratio: FloatArray
    tracks: Sequence[Track]
    episodes: Sequence[Episode]
    suppressed: Sequence[Suppressed]
    withheld_by: str
    judgement: Judgement
    labels: Labels | None

    @property
    def has_labels(self) -> bool:
        """Whether anything was known."""
        return self.labels is not None

    def what(self, event: Event) -> str:
        """What the labels say a known anomaly was."""
        name = self.entities[event.entity]
        return self.labels.told_of(name, event.from_ns, event.to_ns) if self.labels else ""

    def worst(self, count: int) -> list[int]:
        """The indices of at most `count` episodes with the highest peaks, in order of opening."""
        by_peak = sorted(
            range(len(self.episodes)), key=lambda index: -self.episodes[index].peak_ratio
        )
        return sorted(by_peak[:count])

    @property
    def highest_ratio(self) -> float:
        """Of all that has a score."""
        return float(np.fmax.reduce([self.highest_of(track) for track in self.tracks]))

    def highest_of(self, track: Track) -> float:
        """The highest score ratio of an entity; NaN where a gap came before all its readings."""
        return float(np.fmax.reduce(self.score_ratio[track.rows]))

    def withheld(self, entity: int, from_ns: int, to_ns: int) -> Suppressed | None:
        """The one with the highest peak of an entity's suppressed episodes in a stretch of time."""
        inside = (
            one for one in self.suppressed
            if one.entity == entity and one.start_ns <= to_ns and one.end_ns >= from_ns
        )  # fmt: skip
        return max(inside, key=lambda one: one.peak_ratio, default=None)

    def worst_place(self, index: int, track: Track) -> int:
        """The place in its track of the reading that an episode's contributions are of.

        It may lie before the opening: an episode may have been withheld at first.
        """
        episode = self.episodes[index]
        first = int(np.searchsorted(track.time_ns, episode.start_ns))
        told = int(np.searchsorted(track.rows, episode.told_row, side="right"))
        ratio = self.score_ratio[track.rows[first : max(told, first + 1)]]
        return first + int(np.nanargmin(np.abs(ratio - episode.told_ratio)))


def backtest(
    scored: Scored, told: EpisodeLog, labels: Labels | None, entities: Sequence[str]
) -> Backtest:
    """Hold what a detector made of an input against labels, where there are any."""
    known = labels or Labels.none()
    score_ratio = np.where(scored.status == Status.WARMING, np.nan, scored.score_ratio)
    labelled = known.mask(scored.entity, scored.time_ns, entities)
    failed_ns = known.failures(scored.entity, scored.time_ns, entities)
    tracks = tuple(tracks_of(scored, labelled, told.episodes, failed_ns))
    peaks = list(told.episodes)
    for track in tracks:
        for place, index in enumerate(track.episodes.tolist()):
            if peaks[index].stop_row is None:  # no event has told of the newest peak yet
                rows = track.rows[track.opened[place] :]
                highest = float(np.fmax.reduce(score_ratio[rows]))
                peak = max(peaks[index].told_ratio, highest)
                peaks[index] = replace(peaks[index], peak_ratio=peak)
    return Backtest(
        entities, score_ratio, tracks, peaks, told.suppressed, told.withheld_by,
        judge(tracks), labels,
    )  # fmt: skip
