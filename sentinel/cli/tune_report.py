"""What `sentinel tune` prints: every trial, what the choice is worth, and how to use it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from sentinel.alert.sentence import moment
from sentinel.cli.output import OutputConsole
from sentinel.fitting.settings import FitSettings
from sentinel.tuning.grid import AlertChoice
from sentinel.tuning.search import RULE_OF_THREE, AlertTrial, ModelTrial

DEFAULTS = FitSettings()


@dataclass(frozen=True, slots=True)
class Row:
    """A model that was tried; refused: why it was not fitted."""

    number: int
    settings: FitSettings
    window_length: int
    refused: str
    measured: float = math.nan
    seconds: float = math.nan


def print_models(rows: Sequence[Row], best: int, *, labelled: bool) -> None:
    """One row for each, in the order of the trials."""
    measured = "VUS-PR" if labelled else "held-out error"
    by = "VUS-PR on the older part" if labelled else "the error on readings that did not train"
    title = f"models, by {by}"
    table = Table(box=None, pad_edge=False)
    for name in ("#", "window_length", "hidden", "scaling", measured, "seconds", ""):
        table.add_column(name, justify="left" if name in ("scaling", "") else "right")
    for row in rows:
        table.add_row(
            str(row.number),
            str(row.window_length),
            str(row.settings.hidden),
            row.settings.scaling,
            _number(row.measured, 4),
            _number(row.seconds, 1),
            escape(row.refused) or ("[bold]chosen[/]" if row.number == best else ""),
        )
    _show(title, table)


def print_alerts(
    trials: Sequence[AlertTrial], chosen: AlertTrial, model: int, *, labelled: bool, limited: bool
) -> None:
    """A row for each scale, a column for each budget; the chosen one is starred.

    limited  the kind of model has a limit of its own, which holds where there is no budget
    """
    budgets = sorted({trial.choice.alerts_per_day for trial in trials})
    told = "episode F1 (false ones)" if labelled else "episodes a day without a budget"
    across = " and alerts_per_day" if labelled else ""
    title = f"model {model} on the older part: {told}, by threshold_scale{across}"
    table = Table(box=None, pad_edge=False)
    table.add_column("scale", justify="right")
    for budget in budgets:
        table.add_column(
            _budget(budget, limited) if labelled else "of a machine", justify="right", no_wrap=True
        )
    found = {trial.choice: trial for trial in trials}
    for scale in sorted({trial.choice.threshold_scale for trial in trials}):
        cells = []
        for budget in budgets:
            trial = found[AlertChoice(scale, budget)]
            metrics = trial.metrics
            cell = _number(trial.per_day, 3)
            if labelled:
                cell = f"{_number(metrics.episode_f1, 2)} ({metrics.false_episodes:,})"
            cells.append(f"[bold]*{cell}[/]" if trial is chosen else cell)
        table.add_row(f"{scale:g}", *cells)
    _show(title, table)


def _budget(alerts_per_day: float, limited: bool) -> str:
    if alerts_per_day:
        return f"{alerts_per_day:g}"
    return "0 (the model's limit)" if limited else "0 (none)"


def print_too_few(days: float, wanted_per_day: float) -> None:
    """Why no lower threshold was chosen."""
    OutputConsole(highlight=False).print(
        f"Days of a machine: {days:.3g}, too few to lower the threshold; to tell that episodes "
        f"are\nat most {wanted_per_day:.3g} a day takes {RULE_OF_THREE / wanted_per_day:.3g}.\n",
        soft_wrap=True,
    )


def print_nothing_newer() -> None:
    """That all that is known was needed to choose."""
    OutputConsole(highlight=False).print(
        "The known anomalies cannot be parted in time: all of them chose, and nothing is left to\n"
        "tell what the choice is worth. Labels of another stretch would.\n"
    )


def print_newer(cut_ns: int, default: AlertTrial, chosen: AlertTrial, *, labelled: bool) -> None:
    """The defaults and the choice, on readings that nothing was chosen by: those from the cut."""
    title = f"on the newer part, from {moment(cut_ns)} UTC; nothing was chosen by it"
    table = Table(box=None, pad_edge=False)
    names = ["VUS-PR", "episode F1", "anomalies found", "false episodes"] if labelled else []
    for name in ["", *names, "episodes", "a day"]:
        table.add_column(name, justify="right" if name else "left")
    for name, trial in (("defaults", default), ("chosen", chosen)):
        metrics = trial.metrics
        cells = [
            _number(metrics.vus_pr, 3),
            _number(metrics.episode_f1, 2),
            f"{metrics.events_found} of {metrics.events}",
            f"{metrics.false_episodes:,}",
        ]
        table.add_row(
            name, *(cells if labelled else []), f"{metrics.episodes:,}", _number(trial.per_day, 3)
        )
    _show(title, table)
    before, now = default.metrics, chosen.metrics
    if labelled and not (now.vus_pr > before.vus_pr or now.episode_f1 > before.episode_f1):
        OutputConsole(highlight=False).print(
            "The defaults do as well there: prefer them, there is little to choose by. What was "
            "chosen all the same:\n"
        )


def print_settings(
    best: ModelTrial,
    choice: AlertChoice,
    history: Sequence[Path],
    output: Path | None,
    layout: Sequence[str],
) -> None:
    """A command that fits the model, and lines for the configuration, both ready to be pasted."""
    settings = best.settings
    words = ["sentinel", "fit", *map(str, history), "--output", str(output or "tuned"), *layout]
    words += ["--window-length", str(best.model.window_length), "--hidden", str(settings.hidden)]
    if settings.kind != DEFAULTS.kind:
        words += ["--model", settings.kind]
    if settings.scaling != DEFAULTS.scaling:
        words += ["--scaling", settings.scaling]
    if settings.max_gap_ns:
        words += ["--max-gap", f"{settings.max_gap_ns / 1e9:.9g}"]
    if settings.training is not None and settings.training.seed:
        words += ["--seed", str(settings.training.seed)]
    console = OutputConsole(highlight=False, soft_wrap=True, markup=False)
    console.print(shlex.join(words))
    console.print(
        f"\n[alert]\nthreshold_scale = {choice.threshold_scale!r}\n"
        f"alerts_per_day = {choice.alerts_per_day!r}"
    )


def _show(title: str, table: Table) -> None:
    console = OutputConsole(highlight=False)
    console.print(f"[italic]{title}[/]", soft_wrap=True)
    console.print(table)
    console.print()


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"
