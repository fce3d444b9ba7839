"""The numbers of a run by set and over sets, beside the best peer's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from tests.quality.detect import Outcome
from tests.quality.harness import METRIC, SENTINEL, SetTable
from tests.quality.series import set_of

PLAIN_PEER = "lstm.last"  # a plain LSTM autoencoder's error at the newest reading
APART = frozenset({"SMAP"})  # mostly commands, few values: never part of the main mean
ALARM_METRICS = {  # heading: the harness's name, and digits to show
    "episode F1": ("A_episode_F1", 3),
    "false / 10,000": ("A_false_episodes_per_10k", 2),
    "event recall": ("A_event_rec", 3),
    "normal rows inside": ("A_FAR", 3),
    "delay, rows": ("A_delay", 1),
}


@dataclass(frozen=True, slots=True)
class Group:
    """A set, or a mean over several."""

    name: str
    sets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer's value; `alike` where it was measured on as many series."""

    method: str
    value: float
    alike: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table of scores: METRIC of sentinel and of its peers, NaN or None without."""

    name: str
    series: int
    value: float
    best: Peer | None
    plain: Peer | None


def groups(sets: Sequence[str]) -> list[Group]:
    """Each set, the mean of those not apart, then those apart, and the mean of all."""
    main = tuple(sorted(set(sets) - APART))
    apart = tuple(sorted(set(sets) & APART))
    found = [Group(name, (name,)) for name in main]
    if len(main) > 1:
        found.append(Group(f"mean of {len(main)} sets", main))
    found += [Group(name, (name,)) for name in apart]
    if apart and main:
        found.append(Group(f"mean of all {len(main) + len(apart)}", main + apart))
    return found


def value_of(table: SetTable, method: str, group: Group, metric: str) -> float:
    """A method's mean over the sets of a group; NaN where it has none of them."""
    values = [table.get(name, {}).get(method, {}).get(metric, math.nan) for name in group.sets]
    numbers = [value for value in values if not math.isnan(value)]
    return fmean(numbers) if numbers else math.nan


def line(ours: SetTable, peers: SetTable, group: Group) -> Line:
    """A row of the table of scores. The best peer of a mean is one peer, not the best of each."""
    methods = {method for name in group.sets for method in peers.get(name, {})}
    complete = [m for m in sorted(methods) if all(m in peers.get(name, {}) for name in group.sets)]
    ranked = [_peer(ours, peers, method, group) for method in complete]
    return Line(
        group.name,
        sum(_series(ours, SENTINEL, name) for name in group.sets),
        value_of(ours, SENTINEL, group, METRIC),
        max(ranked, key=lambda peer: peer.value, default=None),
        next((peer for peer in ranked if peer.method == PLAIN_PEER), None),
    )


def median_seconds(outcomes: Sequence[Outcome], group: Group, verb: str) -> tuple[float, float]:
    """Median over the series of a group: seconds by the wall clock, and of CPU time."""
    taken = [
        outcome.seconds[verb]
        for outcome in outcomes
        if set_of(outcome.key) in group.sets and verb in outcome.seconds
    ]
    if not taken:
        return math.nan, math.nan
    return median(seconds.wall for seconds in taken), median(seconds.cpu for seconds in taken)


def with_seconds(
    per_series: Sequence[Mapping[str, str]], outcomes: Sequence[Outcome]
) -> list[dict[str, object]]:
    """The harness's rows per series, with what each verb took and what went wrong."""
    by_key = {outcome.key: outcome for outcome in outcomes}
    rows: list[dict[str, object]] = []
    for row in per_series:
        outcome = by_key[f"{row['dataset']}/{row['series']}"]
        taken = {
            f"{verb}_{clock}": round(value, 3)
            for verb, seconds in outcome.seconds.items()
            for clock, value in (("s", seconds.wall), ("cpu_s", seconds.cpu))
        }
        times = "rows" if outcome.times_are_rows else "own"
        rows.append({**row, **taken, "times": times, "error": outcome.error})
    return rows


def _peer(ours: SetTable, peers: SetTable, method: str, group: Group) -> Peer:
    alike = all(
        _series(peers, method, name) == _series(ours, SENTINEL, name) for name in group.sets
    )
    return Peer(method, value_of(peers, method, group, METRIC), alike)


def _series(table: SetTable, method: str, name: str) -> int:
    return int(table.get(name, {}).get(method, {}).get("n", 0))
