"""The numbers of a backtest, and behind them each known event and each episode.

Scores are ranked entity by entity, and the means taken over the entities that have an event: one
series of a benchmark is one entity. Events and episodes are counted over all entities together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sentinel.backtest.intervals import meeting, runs
from sentinel.backtest.labels import NEVER
from sentinel.backtest.ranking import average_precision
from sentinel.backtest.tracks import Track
from sentinel.backtest.vus import vus_pr
from sentinel.records import NS_PER_S, BoolArray, TimeArray

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Event:
    """Labelled readings of one entity that follow on each other.

    readings      how many
    from_ns       time of the first
    to_ns         time of the last
    episode       index of the first episode that was open in it; None: missed
    delay         readings from the first to the first in an episode; -1: missed
    delay_ns      the same as time; -1: missed
    failed_ns     when the machine failed; None: it did not, as far as is known
    lead_ns       from the first reading in an episode to the failure, negative where it came first;
                  None: missed, or no failure. What was open before the event counts from its
                  beginning: it cannot have known
    """

    entity: int
    readings: int
    from_ns: int
    to_ns: int
    episode: int | None
    delay: int
    delay_ns: int
    failed_ns: int | None = None

    @property
    def lead_ns(self) -> int | None:
        if self.failed_ns is None or self.episode is None:
            return None
        return self.failed_ns - self.from_ns - self.delay_ns


@dataclass(frozen=True, slots=True)
class Metrics:
    """NaN where there is nothing to divide by, or no label.

    readings             judged: with a score, and neither late nor duplicate nor rejected
    episodes_per_10_000  of those readings
    open_share           of those readings in an episode
    vus_pr, auc_pr       mean over the entities that have an event, and a reading without one
    event_recall         share of the events in which an episode was open
    episode_precision    share of the episodes that hold a labelled reading; 0 where there is none
    episode_f1           harmonic mean of both
    false_per_10_000     episodes without a labelled reading
    normal_open_share    share of the unlabelled readings in an episode
    delay_readings       median over the events that were found; 0: an episode was open already
    delay_s              the same as time
    lead_s               median time from an open episode to the failure, over the events that were
                         found and led to one; negative: after it
    """

    readings: int
    episodes: int
    episodes_per_10_000: float
    open_share: float
    events: int = 0
    events_found: int = 0
    false_episodes: int = 0
    vus_pr: float = NAN
    auc_pr: float = NAN
    event_recall: float = NAN
    episode_precision: float = NAN
    episode_f1: float = NAN
    false_per_10_000: float = NAN
    normal_open_share: float = NAN
    delay_readings: float = NAN
    delay_s: float = NAN
    lead_s: float = NAN


# What says something without labels, too.
UNLABELLED = ("readings", "episodes", "episodes_per_10_000", "open_share")


@dataclass(frozen=True, slots=True)
class Judgement:
    """hits: the indices of the episodes that hold a labelled reading."""

    metrics: Metrics
    events: Sequence[Event]
    hits: frozenset[int]


def judge(tracks: Iterable[Track]) -> Judgement:
    """Hold episodes and scores against labels; without any label, only count."""
    readings = open_readings = normal = normal_open = episodes = 0
    events: list[Event] = []
    hits: list[int] = []
    vus: list[float] = []
    average: list[float] = []
    for track in tracks:
        is_open = _in_an_episode(track)
        first, stop = runs(track.labelled)
        hits += track.episodes[meeting(track.opened, track.stop - 1, first, stop - 1) > 0].tolist()
        events += _events(track, first, stop)
        readings += len(track)
        open_readings += int(is_open.sum())
        normal += int((~track.labelled).sum())
        normal_open += int((is_open & ~track.labelled).sum())
        episodes += len(track.episodes)
        if len(first) and not track.labelled.all():
            vus.append(vus_pr(track.labelled, track.anomaly_score))
            average.append(average_precision(track.labelled, track.anomaly_score))
    metrics = Metrics(
        readings, episodes, 1e4 * _share(episodes, readings), _share(open_readings, readings)
    )
    if events:
        found = [event for event in events if event.episode is not None]
        leads = [event.lead_ns for event in found if event.lead_ns is not None]
        recall, false = len(found) / len(events), episodes - len(hits)
        precision = len(hits) / episodes if episodes else 0.0
        both = precision + recall
        metrics = replace(
            metrics,
            events=len(events),
            events_found=len(found),
            false_episodes=false,
            vus_pr=float(np.mean(vus)) if vus else NAN,
            auc_pr=float(np.mean(average)) if vus else NAN,
            event_recall=recall,
            episode_precision=precision,
            episode_f1=2 * precision * recall / both if both else 0.0,
            false_per_10_000=1e4 * false / readings,
            normal_open_share=_share(normal_open, normal),
            delay_readings=float(np.median([event.delay for event in found])) if found else NAN,
            delay_s=(
                float(np.median([event.delay_ns for event in found])) / NS_PER_S if found else NAN
            ),
            lead_s=float(np.median(leads)) / NS_PER_S if leads else NAN,
        )
    return Judgement(metrics, events, frozenset(hits))


def _in_an_episode(track: Track) -> BoolArray:
    steps = np.zeros(len(track) + 1, np.int64)
    np.add.at(steps, track.opened, 1)
    np.subtract.at(steps, track.stop, 1)
    return np.asarray(np.cumsum(steps[:-1]) > 0)


def _events(track: Track, first: TimeArray, stop: TimeArray) -> list[Event]:
    """The track's runs of labelled readings, [first, stop), and what was found of each."""
    # Episodes follow on each other: the first that ends behind an event's beginning is the one.
    nearest = np.searchsorted(track.stop, first, side="right")
    events = []
    for begin, end, episode in zip(first.tolist(), stop.tolist(), nearest.tolist(), strict=True):
        found = episode < len(track.opened) and track.opened[episode] < end
        reached = max(begin, int(track.opened[episode])) if found else begin
        failed_ns = int(track.failed_ns[begin:end].min())
        events.append(
            Event(
                track.entity,
                end - begin,
                int(track.time_ns[begin]),
                int(track.time_ns[end - 1]),
                int(track.episodes[episode]) if found else None,
                reached - begin if found else -1,
                int(track.time_ns[reached] - track.time_ns[begin]) if found else -1,
                None if failed_ns == NEVER else failed_ns,
            )
        )
    return events


def _share(part: int, whole: int) -> float:
    return part / whole if whole else NAN
