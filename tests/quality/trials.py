"""Trials of attribution: a fault in one channel of healthy readings, beside their healthy twin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentinel.detector import Detector
from sentinel.records import NS_PER_S, BoolArray, FloatArray, Readings
from tests.quality.injection import SIZES, Kind, faulty

CONTEXT = 192  # readings before the fault: every smoothing has forgotten what was before
FAULT = 100  # readings of a fault
AFTER = 40  # healthy readings behind it, in which an episode resolves and tells of its worst
PLACES = 40  # at which a fault may begin
MOVES = 0.5  # share of a channel's steps at which it moves, unless it is a switch or a counter
BATCH = 10  # readings of each machine that the detector is given at a time


@dataclass(frozen=True, slots=True)
class Healthy:
    """A history (n, F), and the readings after it (m, F) up to the first known anomaly."""

    history: FloatArray
    after: FloatArray
    channels: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Healthy:
        """Of the file of a series; see `series.read_tables`."""
        with np.load(path, allow_pickle=False) as file:
            known = np.append(file["label"] != 0, True)
            return cls(
                file["train"].astype(np.float64),
                file["test"][: np.argmax(known)].astype(np.float64),
                tuple(str(name) for name in file["channels"]),
            )

    def moving(self) -> list[int]:
        """The channels in which a fault can be told from what is usual."""
        moves = (np.diff(self.history, axis=0) != 0).mean(axis=0)
        return [int(f) for f in np.flatnonzero(moves >= MOVES)]

    def stretches(self) -> tuple[list[int], FloatArray]:
        """Rows of `after` at which a fault may begin, and the stretch around each (P, n, F).

        None where `after` is too short for any.
        """
        whole = np.concatenate([self.history[-CONTEXT:], self.after])
        last = len(self.after) - FAULT - AFTER
        places = sorted(set(np.linspace(0, last, PLACES).astype(int).tolist())) if last >= 0 else []
        length = CONTEXT + FAULT + AFTER
        rows = [whole[at : at + length] for at in places]
        return places, np.array(rows).reshape(-1, length, whole.shape[1])


@dataclass(frozen=True, slots=True)
class Trial:
    """A fault: of which kind and size, in which channel, in which of the stretches."""

    kind: Kind
    size: float
    channel: int
    stretch: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trial.

    opened, worst  rank of the broken channel in the event that opened the episode, and in the last
                   one, which tells of the episode's worst reading; 0 is first, None: not detected
    """

    trial: Trial
    opened: int | None
    worst: int | None


def trials_of(healthy: Healthy, each: int, rng: np.random.Generator) -> list[Trial]:
    """So many of each kind and size, in random channels and stretches; none without a stretch."""
    channels, places = healthy.moving(), healthy.stretches()[0]
    if not channels or not places:
        return []
    return [
        Trial(kind, size, int(rng.choice(channels)), int(rng.integers(len(places))))
        for kind, sizes in SIZES.items()
        for size in sizes
        for _ in range(each)
    ]


def outcomes_of(
    healthy: Healthy, trials: list[Trial], detector: Detector, rng: np.random.Generator
) -> list[Outcome]:
    """Run all trials through a new detector, each as a machine of its own.

    Detected is a fault while which an episode opens, at a reading at which the same stretch without
    the fault is calm: neither in an episode, nor above the level at which one would end.
    """
    _, clean = healthy.stretches()
    rows = np.concatenate([_broken(healthy, trials, clean, rng), clean])
    opened: dict[int, int] = {}
    worst: dict[int, int] = {}
    detector.prime(_side_by_side(rows[:, :CONTEXT], 0))
    for first in range(CONTEXT, rows.shape[1], BATCH):
        detection = detector.process(_side_by_side(rows[:, first : first + BATCH], first))
        calm = _calm(detection.scores.score_ratio, detection.scores.is_anomaly, detector, len(rows))
        for event in detection.events:
            if event.entity >= len(trials):
                continue
            trial = trials[event.entity]
            named = [one.channel for one in event.contributions]
            rank = named.index(healthy.channels[trial.channel])
            at = event.row // len(rows)
            during = first + at < CONTEXT + FAULT
            if event.state == "opened" and during and calm[at, len(trials) + trial.stretch]:
                opened.setdefault(event.entity, rank)
            worst[event.entity] = rank
    return [
        Outcome(trial, opened.get(n), worst[n] if n in opened else None)
        for n, trial in enumerate(trials)
    ]


def _broken(
    healthy: Healthy, trials: list[Trial], clean: FloatArray, rng: np.random.Generator
) -> FloatArray:
    usual = healthy.history.std(axis=0)
    rows = clean[[trial.stretch for trial in trials]]
    for trial, mine in zip(trials, rows, strict=True):
        fault = slice(CONTEXT, CONTEXT + FAULT), trial.channel
        mine[fault] = faulty(mine[fault], trial.kind, trial.size, float(usual[trial.channel]), rng)
    return rows


def _calm(ratio: FloatArray, is_anomaly: BoolArray, detector: Detector, machines: int) -> BoolArray:
    """(steps, machines)"""
    calm = (ratio < detector.episodes.rules.close_ratio) & ~is_anomaly
    return calm.reshape(-1, machines)


def _side_by_side(rows: FloatArray, first: int) -> Readings:
    """Rows (E, n, F) of E machines that report together, a second apart, from step `first` on."""
    machines, count, channels = rows.shape
    steps = np.repeat(np.arange(first, first + count, dtype=np.int64), machines)
    return Readings(
        np.tile(np.arange(machines, dtype=np.int32), count),
        (steps + 1) * NS_PER_S,
        np.zeros(len(steps), np.int32),
        steps,
        np.ascontiguousarray(rows.transpose(1, 0, 2)).reshape(-1, channels),
    )
