"""A file of readings on the very way that the daemon's take: batch by batch through a detector."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec
import numpy as np

from sentinel.backtest.episodes import EpisodeLog
from sentinel.backtest.labels import Labels
from sentinel.backtest.tracks import Scored
from sentinel.cli.labelling import SAME_CLOCK
from sentinel.cli.progress import Spinner
from sentinel.cli.summary import DROPPED_SHARE_SUSPICIOUS
from sentinel.cli.wiring import make_detector
from sentinel.config.alert import AlertConfig
from sentinel.config.kernels import KernelsConfig
from sentinel.config.loading import load
from sentinel.config.schema import TimestampUnit, WindowConfig
from sentinel.daemon.interval_watch import Interval
from sentinel.detector import Detection, Detector
from sentinel.errors import DataError
from sentinel.fitted import FittedModel
from sentinel.plural import counted, listed
from sentinel.records import NS_PER_S, FloatArray, Readings, Scores, Status
from sentinel.runtime.device import Asked
from sentinel.runtime.workload import FILE
from sentinel.source.files import FileLayout, FileSource
from sentinel.source.history_paths import find_files
from sentinel.window.segments import median_interval_ns

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Replay:
    """An input and the readings right before it, opened; it can be read once.

    before    number of files that are context only
    expected_s the sampling interval of the model's history, or 0
    intervals_ns median sampling intervals of the input's batches so far
    left_out  stretches of the context that are left out
    context   readings of it, where some are to be left out: seen and left out so far
    """

    source: FileSource
    before: int
    expected_s: float
    left_out: Labels | None = None
    context: Counter[str] = field(default_factory=Counter)
    intervals_ns: list[int] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        input_path: Path,
        context_path: Path | None,
        layout: FileLayout,
        model: FittedModel,
        left_out: Labels | None = None,
    ) -> Replay:
        """Look at all files. Raises DataError where one does not fit; UsageError for the layout."""
        if context_path and layout.entity_from_file_name:
            raise click.UsageError(
                "--context cannot go with --entity-from-file-name: its files would be other "
                "entities"
            )
        before = find_files([context_path]) if context_path else []
        source = FileSource([*before, input_path], layout, model.channels, as_stream=True)
        return cls(source, len(before), model.interval_ns / NS_PER_S, left_out)

    @property
    def time_unit(self) -> TimestampUnit:
        """How the input writes its times."""
        return self.source.time_units[self.before]

    def through(
        self, detector: Detector, *, reasons: bool = False
    ) -> Iterator[tuple[Readings, Detection]]:
        """The input's batches, and what the detector makes of them; the context primes it.

        reasons  see `Detector.process`
        """
        for batch in self._batches():
            if self._is_context(batch):
                detector.prime(self._kept(batch), self.source.entities)
            else:
                self.intervals_ns.append(median_interval_ns(batch.entity, batch.time_ns))
                yield batch, detector.process(batch, self.source.entities, reasons=reasons)

    def explained(self, detector: Detector) -> Iterator[tuple[Readings, FloatArray]]:
        """The input's batches, and what a detector expected of each reading (N, F), raw units."""
        for readings, detection in self.through(detector, reasons=True):
            assert detection.reasons is not None
            yield readings, detection.reasons.expected

    def scored_by(
        self, detector: Detector, look: Callable[[Readings, Detection], None] | None = None
    ) -> tuple[Scored, EpisodeLog]:
        """What a detector makes of the whole input.

        look    is shown every batch, with the reasons of its scores
        Raises  DataError where no reading has a score
        """
        told = EpisodeLog(detector.episodes.rules.withheld_by)
        batches = [Scored.nothing()]
        rows = dropped = 0
        with Spinner("scoring") as spinner:
            for readings, detection in self.through(detector, reasons=look is not None):
                if look is not None:
                    look(readings, detection)
                told.add(detection.events, rows)
                told.suppressed += detection.suppressed
                batches.append(Scored.of(readings, detection.scores))
                dropped += count_dropped(detection.scores)
                rows += len(readings)
                spinner.update(f"scoring: {counted(rows, 'reading')}")
        told.suppressed += detector.withheld()
        told.suppressed.sort(key=lambda one: one.end_ns)
        self.warn(rows, dropped)
        scored = Scored.joined(batches)
        demand_scores(scored, "give more, or --context")
        return scored, told

    def _batches(self) -> Iterator[Readings]:
        while (batch := self.source.poll(0)) is not None:
            yield batch.readings

    def warn(self, rows: int, dropped: int) -> None:
        """Say, at the end, what the scores do not show.

        Channels that do not fit, another sampling interval, readings in disorder, and what was not
        there to be left out.
        """
        channels = self.source.channels()
        if channels.missing:
            others = f"; it has {listed(channels.unknown)} instead" if channels.unknown else ""
            lacks = listed(channels.missing)
            log.warning("channels of the model that the input lacks: %s%s", lacks, others)
        elif channels.unknown:
            log.warning("columns that the model does not know: %s", listed(channels.unknown))
        known = [interval_ns for interval_ns in self.intervals_ns if interval_ns]
        interval = Interval(float(np.median(known or [0])) / NS_PER_S, self.expected_s)
        if not interval.fits:
            log.warning("%s: is it a model of this machine?", interval)
        if dropped > DROPPED_SHARE_SUSPICIOUS * rows:
            before = ", does --context come before it" if self.before else ""
            log.warning(
                "out of order or repeated: %d of %s; is the input sorted by time%s, and is "
                "--entity-column the one that names the machine?",
                dropped, counted(rows, "reading"), before,
            )  # fmt: skip
        if self.left_out is not None:
            self._warn_of_left_out(self.left_out)

    def _warn_of_left_out(self, left_out: Labels) -> None:
        where, names = left_out.where, left_out.entities or ()
        if strangers := {names[row] for row in left_out.strangers(self.source.entities)}:
            known = listed(self.source.entities)
            log.warning("%s: no machine %s; there are %s", where, listed(sorted(strangers)), known)
        seen, gone = self.context["seen"], self.context["left out"]
        if not gone:
            log.warning("%s: no reading of the context lies in a stretch; %s", where, SAME_CLOCK)
        elif gone == seen:
            log.warning("%s: all of the context lies in the stretches: there is none left", where)

    def _kept(self, context: Readings) -> Readings:
        if self.left_out is None:
            return context
        entities = self.source.entities
        gone = self.left_out.mask(context.entity, context.time_ns, entities)
        self.context.update({"seen": len(gone), "left out": int(gone.sum())})
        return context.take(np.flatnonzero(~gone))

    def _is_context(self, batch: Readings) -> bool:
        # Batches come file by file; the context's files stand before the input's.
        return len(batch) > 0 and bool(batch.partition[0] < self.before)


def configured_detector(
    model: FittedModel,
    config_path: Path | None,
    threads: int,
    reconstruct_every: int | None = None,
    device: Asked | None = None,
) -> Detector:
    """The detector of a daemon with this configuration: its [alert], [window] and kernels.

    reconstruct_every, device  instead of the configured one
    Raises UsageError where that is given for a model that rebuilds every window.
    """
    if reconstruct_every is not None and model.kind != "joint":
        raise click.UsageError(f"--reconstruct-every does not go with a {model.kind} model")
    alert, window, kernels = AlertConfig(), WindowConfig(), KernelsConfig()
    if config_path:
        config = load(config_path, sections=("alert", "window", "kernels"))
        alert, window, kernels = config.alert, config.window, config.kernels
    if reconstruct_every is not None:
        window = msgspec.structs.replace(window, reconstruct_every=reconstruct_every)
    threaded = msgspec.structs.replace(kernels, threads=threads, device=device or kernels.device)
    return make_detector(model, alert, threaded, window, FILE)


def count_dropped(scores: Scores) -> int:
    """Readings that are out of order or repeated."""
    return int(np.isin(scores.status, (Status.DUPLICATE, Status.LATE)).sum())


def demand_scores(scored: Scored, more: str) -> None:
    """Raise DataError where no reading has a score.  more  how to give a machine more readings"""
    if not len(scored.judged()):
        raise DataError(
            f"of {counted(len(scored), 'reading')} none has a score",
            hint=f"each machine needs as many readings as a window before its first: {more}",
        )
