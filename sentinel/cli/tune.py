"""`sentinel tune`: settings for a history, found by trying them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import click
import numpy as np

from sentinel import store
from sentinel.cli import logs
from sentinel.cli.exclusion import exclude_times_option, labelled_rows
from sentinel.cli.finite_range import FiniteRange
from sentinel.cli.fit_options import SEED_MAX, WindowLength, max_gap_option
from sentinel.cli.history import spool_history
from sentinel.cli.labelling import demand_fit
from sentinel.cli.layout_options import file_layout, given_layout, layout_options
from sentinel.cli.progress import TrainingProgress
from sentinel.cli.replaying import demand_scores
from sentinel.cli.tune_report import (
    Row,
    print_alerts,
    print_models,
    print_newer,
    print_nothing_newer,
    print_settings,
    print_too_few,
)
from sentinel.cli.wiring import episode_rules, make_detector
from sentinel.config.alert import AlertConfig
from sentinel.config.bounds import ALERTS_PER_DAY_MAX, ALERTS_PER_DAY_MIN
from sentinel.config.kernels import KernelsConfig
from sentinel.config.schema import LogConfig, WindowConfig
from sentinel.errors import DataError
from sentinel.fitted import FittedModel, Kind
from sentinel.fitting import fit
from sentinel.fitting.settings import FitSettings, architecture_of, recommended_training
from sentinel.records import NS_PER_S, BoolArray, Readings
from sentinel.runtime.kernels import choose
from sentinel.runtime.workload import FILE
from sentinel.source.files import FileLayout, FileSource
from sentinel.source.history_paths import find_files
from sentinel.source.labels import read_labels
from sentinel.source.spool import Spool
from sentinel.tuning.grid import AlertChoice, alert_candidates, model_candidates
from sentinel.tuning.parts import cut_by_labels, cut_by_time, earlier, set_aside
from sentinel.tuning.recorded import Recorded, record
from sentinel.tuning.search import (
    ModelSearch,
    ModelTrial,
    RulesOf,
    best_by_f1,
    best_by_rate,
    held_out_error,
    reported,
    tells_rate,
    try_alerts,
    vus_pr_before,
    without_budget,
)

ALERTS_PER_DAY = 1 / 7
MINUTES_MAX = 365 * 24 * 60
EPILOG = """\b
With --labels a model is chosen by VUS-PR, and alert settings by episode F1, on
the older part of the input; the newer part, with about half of the known
anomalies, tells what that is worth. Without, a model is chosen by its error on
readings that did not train, and the lowest threshold at which --input (healthy
readings; default: the newest quarter of HISTORY) causes no more episodes in a
day of a machine than --alerts-per-day.
Ctrl-C ends the trials and keeps the best so far.

\b
Examples:
  sentinel tune healthy.csv --input rest.csv --labels labels.csv --output model
  sentinel tune history.csv --alerts-per-day 0.5 --minutes 10
"""


@dataclass(frozen=True, slots=True)
class Task:
    """What settings are sought for.

    history   models are fitted to it
    before    those of its readings that came before `readings`, which are judged
    labelled  (N,) of `readings`; None: nothing is known
    cut_ns    readings before it choose, the others tell what the choice is worth; None: all choose
    whole     the history to fit the chosen settings to, where `readings` were taken from it
    """

    channels: tuple[str, ...]
    entities: Sequence[str]
    history: Readings
    before: Readings
    readings: Readings
    labelled: BoolArray | None
    cut_ns: int | None
    whole: Readings | None
    threads: int

    def fit(
        self, settings: FitSettings, history: Readings, progress: TrainingProgress
    ) -> FittedModel:
        """A model of a history, on the fastest kernels."""
        architecture = architecture_of(settings, self.channels)
        backend = choose(architecture, threads=self.threads, training=True).backend
        return fit(
            history, self.channels, settings, backend=backend, on_step=progress.on_step,
            should_stop=progress.should_stop,
        )  # fmt: skip

    def record(self, model: FittedModel) -> Recorded:
        """A model's scores. Raises DataError where no reading has one."""
        detector = make_detector(
            model, AlertConfig(), KernelsConfig(threads=self.threads), WindowConfig(), FILE
        )
        nothing = np.zeros(len(self.readings), np.bool_)
        labelled = nothing if self.labelled is None else self.labelled
        recorded = record(detector, self.before, self.readings, self.entities, labelled)
        demand_scores(recorded.scored, "give a longer history, or a longer input")
        return recorded


# fmt: off
@click.command(epilog=EPILOG, short_help="Find settings by trying them.")
@click.argument("history", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--input", "input_path", type=click.Path(path_type=Path), metavar="FILE",
              help="Readings to judge by; CSV or Parquet, or a directory of them.")
@click.option("--labels", "labels_path", type=click.Path(path_type=Path), metavar="LABELS",
              help="Known anomalies of the input: columns from and to, perhaps entity.")
@exclude_times_option("Stretches of HISTORY to leave out, as `sentinel fit` has it.")
@click.option("--output", type=click.Path(path_type=Path), metavar="MODEL",
              help="Write the chosen model there; an older model there is replaced.")
@click.option("--trials", type=click.IntRange(1, 1000), default=12, show_default=True,
              help="Models to try, at most; the first has the defaults.")
@click.option("--minutes", type=FiniteRange(0, MINUTES_MAX, min_open=True), metavar="M",
              help="Begin no trial after so many.")
@click.option("--alerts-per-day", type=FiniteRange(ALERTS_PER_DAY_MIN, ALERTS_PER_DAY_MAX),
              metavar="X", help="Episodes of a machine that are wanted at most.  "
              "[default: with --labels by F1; else one a week]")
@click.option("--model", "kind", type=click.Choice(get_args(Kind)),
              default="joint", show_default=True, help="Kind of model, as `sentinel fit` has it.")
@click.option("--window-length", type=WindowLength(), default="auto", show_default=True,
              help="Of the first trial.")
@max_gap_option
@click.option("--seed", type=click.IntRange(0, SEED_MAX), default=0, show_default=True,
              help="Same seed, same trials, same bytes.")
@click.option("--threads", type=click.IntRange(0, 256), default=0, show_default=True,
              help="0: one for each CPU. Never changes the result.")
@layout_options
@click.pass_context
def command(
    ctx: click.Context, /, history: tuple[Path, ...], input_path: Path | None,
    labels_path: Path | None, left_out_path: Path | None, output: Path | None, trials: int,
    minutes: float | None, alerts_per_day: float | None, kind: Any, window_length: int,
    max_gap_s: float, seed: int, threads: int, **options: Any,
) -> None:
    # fmt: on
    """Try settings on HISTORY, and say which ones suit it: a command to fit, and keys of [alert].

    Each trial fits a model to HISTORY and judges it; then alert settings are tried on the best one.
    """
    logs.set_up(LogConfig(level="warning"))
    begun_s = time.monotonic()
    layout, given = file_layout(options), given_layout(ctx)
    if left_out_path:
        given += ["--exclude-times", str(left_out_path)]
    if labels_path and not input_path:
        raise click.UsageError("--labels goes with --input: what is known to be odd must not train")
    if output:
        store.prepare(output)  # an hour of work must not end in an error that was foreseeable
    with Spool() as spool:
        task = _task(history, left_out_path, input_path, labels_path, layout, spool, threads)
        training = replace(recommended_training(kind, len(task.channels)), seed=seed)
        base = FitSettings(
            kind, window_length, max_gap_ns=round(max_gap_s * NS_PER_S), training=training
        )
        candidates = model_candidates(
            base, int(np.bincount(task.history.entity).max()), seed,
            labelled=task.labelled is not None,
        )[:trials]  # fmt: skip
        deadline_s = begun_s + 60 * minutes if minutes else math.inf
        search, rows = _try_models(task, candidates, deadline_s)
        if search.default is None or search.best is None:
            raise KeyboardInterrupt  # not one trial was finished
        best = search.best
        print_models(rows, best.number, labelled=task.labelled is not None)
        choice = _choose_alerts(task, search.default, best, alerts_per_day)
        if output:
            store.save(_whole(task, best), output)
    print_settings(best, choice, history, output, given)


def _task(
    history: Sequence[Path], left_out_path: Path | None, input_path: Path | None,
    labels_path: Path | None, layout: FileLayout, spool: Spool, threads: int,
) -> Task:
    """Read everything. Raises DataError where labels do not fit."""
    labels = read_labels(labels_path) if labels_path else None
    left_out = read_labels(left_out_path) if left_out_path else None
    with closing(FileSource(history, layout)) as source:
        channels = source.channel_names
    inputs = [input_path] if input_path else []
    with closing(FileSource([*history, *inputs], layout, channels)) as source:
        everything, _ = spool_history(source, spool)
        entities = list(source.entities)
    # Readings come file by file: those of the history first.
    stop = int(np.searchsorted(everything.partition, len(find_files(history))))
    whole = everything.slice(0, stop)
    if left_out is not None and len(whole):
        gone = labelled_rows(left_out, whole, entities, spool.allocate)
        whole = whole.take(np.flatnonzero(~gone))
    if not inputs:
        older, newer = set_aside(whole)
        if not len(newer):
            raise DataError(
                "the history is too short to set its newest quarter aside", where=str(history[0]),
                hint="a longer one, or readings to judge by: --input",
            )  # fmt: skip
        return Task(channels, entities, older, earlier(older, newer), newer, None,
                    cut_by_time(newer), whole, threads)  # fmt: skip
    readings = everything.slice(stop, len(everything))
    if not len(readings) or not len(whole):
        where = str(input_path if len(whole) else history[0])
        raise DataError("there are no readings", where=where)
    labelled, cut_ns = None, cut_by_time(readings)
    if labels is not None:
        demand_fit(labels, readings.entity, readings.time_ns, entities)
        labelled = labels.mask(readings.entity, readings.time_ns, entities)
        found = cut_by_labels(labels, readings, entities)
    return Task(channels, entities, whole, earlier(whole, readings), readings, labelled,
                cut_ns if labels is None else found, None, threads)  # fmt: skip


def _try_models(
    task: Task, candidates: Sequence[FitSettings], deadline_s: float
) -> tuple[ModelSearch, list[Row]]:
    """Fit and judge, until none is left, time is up or Ctrl-C is pressed."""
    search, rows = ModelSearch(labelled=task.labelled is not None), []
    tried: set[FitSettings] = set()
    found_length = 0  # which fit chooses by the history; it may be one of those to come, too
    with TrainingProgress() as progress:
        for number, settings in enumerate(candidates, 1):
            begun_s = time.monotonic()
            if number > 1 and (begun_s > deadline_s or progress.should_stop()):
                break
            settings = replace(settings, window_length=settings.window_length or found_length)
            if settings in tried:
                rows.append(Row(number, settings, settings.window_length, "tried already"))
                continue
            progress.stage = f"model {number} of {len(candidates)}, "
            try:
                model = task.fit(settings, task.history, progress)
                if progress.should_stop():
                    break  # half a training says nothing
                recorded = None if task.labelled is None else task.record(model)
            except DataError as error:
                if number == 1:
                    raise
                rows.append(Row(number, settings, settings.window_length, str(error.what)))
                continue
            tried.add(replace(settings, window_length=model.window_length))
            found_length = found_length or model.window_length
            measured = held_out_error(model)
            if recorded is not None:
                rules = _rules_of(model.kind)(AlertChoice())
                measured = vus_pr_before(recorded, rules, task.cut_ns)
            search.add(ModelTrial(number, settings, model, measured, recorded))
            seconds = time.monotonic() - begun_s
            rows.append(Row(number, settings, model.window_length, "", measured, seconds))
    return search, rows


def _choose_alerts(
    task: Task, default: ModelTrial, best: ModelTrial, alerts_per_day: float | None
) -> AlertChoice:
    """Try alert settings on the best model, and tell what all that was chosen is worth."""
    labelled, wanted = task.labelled is not None, alerts_per_day or ALERTS_PER_DAY
    rules_of = _rules_of(best.model.kind)
    recorded = best.recorded or task.record(best.model)
    if labelled:
        trials = try_alerts(recorded, alert_candidates(alerts_per_day), rules_of, task.cut_ns)
        chosen = best_by_f1(trials)
    else:
        trials = try_alerts(
            recorded, alert_candidates(wanted), without_budget(rules_of), task.cut_ns
        )
        chosen = best_by_rate(trials, wanted)
    limited = rules_of(AlertChoice()).budget_count > 0
    print_alerts(trials, chosen, best.number, labelled=labelled, limited=limited)
    if not labelled and not tells_rate(chosen, wanted):
        print_too_few(chosen.days, wanted)
    if task.cut_ns is None:
        print_nothing_newer()
        return chosen.choice
    of_default = default.recorded or (recorded if default is best else task.record(default.model))
    print_newer(
        task.cut_ns,
        reported(of_default, AlertChoice(), rules_of, task.cut_ns),
        reported(recorded, chosen.choice, rules_of, task.cut_ns),
        labelled=labelled,
    )
    return chosen.choice


def _rules_of(kind: str) -> RulesOf:
    return lambda choice: episode_rules(AlertConfig(alerts_per_day=choice.alerts_per_day), kind)


def _whole(task: Task, best: ModelTrial) -> FittedModel:
    """The chosen model; fitted anew where a part of the history was set aside."""
    if task.whole is None:
        return best.model
    with TrainingProgress() as progress:
        progress.stage = "the chosen one, on all of the history, "
        # Not one that suits the longer history: this one was tried, and is told.
        settings = replace(best.settings, window_length=best.model.window_length)
        model = task.fit(settings, task.whole, progress)
        if progress.should_stop():
            raise KeyboardInterrupt
    return model
