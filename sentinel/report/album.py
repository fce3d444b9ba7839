"""Which figures a report shows: an overview of each of the worst machines, and each bad episode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.alert.sentence import leading
from sentinel.backtest.outcome import Backtest
from sentinel.backtest.tracks import Track
from sentinel.fitted import FittedModel
from sentinel.records import Contribution, FloatArray
from sentinel.report.excerpt import Excerpt, Explained, Stretch, gather
from sentinel.report.figures import Form, Mark, Picture, Span, Verdict, draw

EPISODES_MAX = 20
OVERVIEWS_MAX = 6  # machines
CHANNELS_MAX = 6  # of an overview
BUCKETS = 1_200  # about one for every pixel of a figure's width
MARGIN_READINGS = 64  # shown before and after an episode, at least


@dataclass(frozen=True, slots=True)
class Sensors:
    """What figures need of a model.

    channels    names, columns of `Readings.values`
    deviation   (F,) how far off what is expected of each usually is, raw units
    max_gap_ns  a longer gap interrupts the lines
    """

    channels: Sequence[str]
    deviation: FloatArray
    max_gap_ns: int

    @classmethod
    def of(cls, model: FittedModel) -> Sensors:
        """A model's."""
        return cls(model.channels, model.usual_deviation(), model.max_gap_ns)


@dataclass(frozen=True, slots=True)
class Album:
    """Figures as SVG.

    overviews  by entity
    episodes   by index of the episode
    """

    overviews: dict[int, bytes]
    episodes: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Plan:
    """A figure before its values are there: readings [first, stop) of a track."""

    track: Track
    first: int
    stop: int
    channels: Sequence[str]
    marks: Sequence[Mark] = ()


def album(found: Backtest, sensors: Sensors, batches: Iterable[Explained]) -> Album:
    """Draw everything, from one more pass over the input.

    batches  the very readings that were scored, in their order, and what was expected of them
    """
    tracks = {track.entity: track for track in found.tracks}
    overviews = {e: _overview(found, tracks[e], sensors.channels) for e in _worst_entities(found)}
    episodes = {
        index: _episode(found, index, tracks[found.episodes[index].entity])
        for index in found.worst(EPISODES_MAX)
    }
    plans = [*overviews.values(), *episodes.values()]
    drawn = draw_all(found, plans, sensors, batches)
    return Album(
        dict(zip(overviews, drawn[: len(overviews)], strict=True)),
        dict(zip(episodes, drawn[len(overviews) :], strict=True)),
    )


def draw_all(
    found: Backtest,
    plans: Sequence[Plan],
    sensors: Sensors,
    batches: Iterable[Explained],
    form: Form = "svg",
) -> list[bytes]:
    """The figures of all plans; arguments as those of `album`."""
    stretches = [_stretch(found, plan, sensors) for plan in plans]
    excerpts = gather(stretches, batches, BUCKETS)
    return [
        draw(_picture(found, plan, sensors, stretch, excerpt), form)
        for plan, stretch, excerpt in zip(plans, stretches, excerpts, strict=True)
    ]


def verdict(found: Backtest, index: int) -> Verdict:
    """What labels say of an episode."""
    if not found.has_labels:
        return "unknown"
    return "hit" if index in found.judgement.hits else "false"


def _worst_entities(found: Backtest) -> list[int]:
    """Those with known anomalies first, then by their highest score ratio."""
    known = {event.entity for event in found.judgement.events}
    highest = {track.entity: np.nan_to_num(found.highest_of(track)) for track in found.tracks}
    worst = sorted(highest, key=lambda entity: (entity not in known, -highest[entity]))
    return worst[:OVERVIEWS_MAX]


def _overview(found: Backtest, track: Track, channels: Sequence[str]) -> Plan:
    """All readings of a machine, with the channels that its episodes name."""
    weight = dict.fromkeys(channels, 0.0)
    for index in track.episodes.tolist():
        for one in found.episodes[index].contributions:
            weight[one.channel] += one.share
    named = sorted(channels, key=lambda name: -weight[name])[:CHANNELS_MAX]
    shown = [name for name in channels if name in named]
    return Plan(track, 0, len(track), shown)


def _episode(found: Backtest, index: int, track: Track) -> Plan:
    """An episode with what was before and after it, and its worst reading."""
    [at] = np.flatnonzero(track.episodes == index)
    opened, stop = int(track.opened[at]), int(track.stop[at])
    margin = max(MARGIN_READINGS, (stop - opened) // 2)
    first, last = max(0, opened - margin), min(len(track), stop + margin)
    at_worst = found.worst_place(index, track)
    named = leading(found.episodes[index].contributions)
    marks = [mark(one, int(track.time_ns[at_worst])) for one in named]
    return Plan(track, first, last, [one.channel for one in named], marks)


def mark(one: Contribution, time_ns: int) -> Mark:
    """What a contribution shows in a figure."""
    return Mark(one.channel, time_ns, one.observed, one.expected)


def _stretch(found: Backtest, plan: Plan, sensors: Sensors) -> Stretch:
    here = slice(plan.first, plan.stop)
    rows = plan.track.rows[here]
    columns = [sensors.channels.index(name) for name in plan.channels]
    return Stretch(rows, plan.track.time_ns[here], found.score_ratio[rows], columns)


def _picture(
    found: Backtest, plan: Plan, sensors: Sensors, stretch: Stretch, excerpt: Excerpt
) -> Picture:
    track = plan.track
    from_ns, to_ns = int(track.time_ns[plan.first]), int(track.time_ns[plan.stop - 1])
    known = [
        (event.from_ns, event.to_ns)
        for event in found.judgement.events
        if event.entity == track.entity
    ]
    withheld = [
        (one.start_ns, one.end_ns) for one in found.suppressed if one.entity == track.entity
    ]
    spans = [
        Span(
            index + 1,
            int(track.time_ns[max(opened, plan.first)]),
            int(track.time_ns[min(stop, plan.stop) - 1]),
            verdict(found, index),
        )
        for index, opened, stop in zip(
            track.episodes.tolist(), track.opened.tolist(), track.stop.tolist(), strict=True
        )
        if opened < plan.stop and stop > plan.first
    ]
    failures = [
        event.failed_ns
        for event in found.judgement.events
        if event.entity == track.entity
        and event.failed_ns is not None
        and from_ns <= event.failed_ns <= to_ns
    ]
    return Picture(
        excerpt, plan.channels, sensors.deviation[list(stretch.channels)].tolist(),
        _within(known, from_ns, to_ns), _within(withheld, from_ns, to_ns), failures, spans,
        sensors.max_gap_ns, plan.marks,
    )  # fmt: skip


def _within(
    stretches: Iterable[tuple[int, int]], from_ns: int, to_ns: int
) -> list[tuple[int, int]]:
    """What of the stretches lies between two times, both included."""
    return [
        (max(first, from_ns), min(last, to_ns))
        for first, last in stretches
        if first <= to_ns and last >= from_ns
    ]
