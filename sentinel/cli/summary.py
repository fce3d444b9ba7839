"""What `sentinel fit` says at the end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table

from sentinel.alert.sentence import duration
from sentinel.cli.output import OutputConsole
from sentinel.cli.suspicious import print_suspicious
from sentinel.fitted import FittedModel
from sentinel.plural import counted
from sentinel.records import NS_PER_DAY, NS_PER_S

DROPPED_SHARE_SUSPICIOUS = 0.05


def print_summary(
    model: FittedModel,
    rejected: Counter[str],
    output: Path,
    seconds: float,
    *,
    exclude_suspicious: bool = False,
) -> None:
    """A table of rows, windows, losses, gradients and thresholds, and what to do next."""
    console = OutputConsole()
    found: dict[str, Any] = dict(model.summary)
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in _lines(model, found, rejected, seconds):
        table.add_row(name, value)
    console.print(table)
    if "suspicious" in found:
        print_suspicious(found["suspicious"], found["entities"], asked=exclude_suspicious)
    for warning in _warnings(found):
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    console.print(f"model {model.version} written to {output}", soft_wrap=True, highlight=False)


def _lines(
    model: FittedModel, found: dict[str, Any], rejected: Counter[str], seconds: float
) -> list[tuple[str, str]]:
    dropped = {
        "duplicate": found["rows_duplicate"],
        "late": found["rows_late"],
        "empty": found["rows_empty"],
        "excluded": found["rows_excluded"],
        **rejected,
    }
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items() if count)
    architecture = model.parameters.architecture
    return [
        ("rows", f"{found['rows']:,}" + (f" (left out: {left_out})" if left_out else "")),
        ("entities", f"{found['entities']:,} in {counted(found['segments'], 'segment')} without a "
         "gap"),
        ("covers", _covers(found["rows_used"] / found["entities"] * found["interval_s"])),
        ("channels", f"{found['channels']}"
         + (f", constant: {', '.join(found['channels_constant'][:8])}"
            if found["channels_constant"] else "")),
        ("interval", f"{found['interval_s']:g} s; a gap is longer than "
         f"{model.max_gap_ns / 1e9:g} s"),
        ("model", f"{model.kind}, {counted(architecture.hidden, 'hidden unit')}, "
         f"{len(model.parameters.flat):,} weights, windows of {model.window_length} readings"),
        *(_plain(model, found) if model.recipe is None else _recipe(found)),
        ("gradient norm", f"{found['gradient_norm']:.3g}, clipped in "
         f"{found['clipped_share']:.1%} of the steps"),
        ("seconds", f"{seconds:.1f}"),
    ]  # fmt: skip


def _covers(seconds: float) -> str:
    of_each = f"{duration(seconds)} of a machine"
    return (
        of_each
        if seconds >= NS_PER_DAY / NS_PER_S
        else f"{of_each}: what changes by the day is not in it"
    )


def _plain(model: FittedModel, found: dict[str, Any]) -> list[tuple[str, str]]:
    early = "" if found["best_epoch"] == found["epochs"] else f", best {found['best_epoch']}"
    return [
        ("windows", f"{found['windows_train']:,} train, {found['windows_validation']:,} "
         f"validation, {found['windows_test']:,} test"),
        ("epochs", f"{found['epochs']}{early}{', interrupted' if found['interrupted'] else ''}; "
         f"{counted(found['steps'], 'step')}"),
        ("loss", f"train {found['loss_train']:.4g}, validation {found['loss_validation']:.4g}, "
         f"test {found['loss_test']:.4g}"),
        ("threshold", f"{model.threshold:.4g}"),
        ("reached by", f"{found['threshold_reached_validation']:.2%} of the validation windows, "
         f"{found['threshold_reached_test']:.2%} of the test windows"),
    ]  # fmt: skip


def _recipe(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("windows", f"{found['windows_train']:,} train; {found['rows_calibration']:,} newer "
         "readings say what is usual"),
        ("steps", f"{found['steps']:,}{', interrupted' if found['interrupted'] else ''}"),
        ("loss", f"{found['loss_train']:.4g}"),
        ("threshold", f"{found['threshold']:.4g}, reached by "
         f"{found['threshold_reached_calibration']:.2%} of those"),
    ]  # fmt: skip


def _warnings(found: dict[str, Any]) -> list[str]:
    warnings = []
    out_of_order = found["rows_late"] + found["rows_duplicate"]
    if out_of_order > DROPPED_SHARE_SUSPICIOUS * found["rows"]:
        warnings.append(
            f"out of order or repeated: {out_of_order:,} of {counted(found['rows'], 'row')}; are "
            "the files sorted by time, and is --entity-column the one that names the machine?"
        )
    if len(found["channels_constant"]) == found["channels"]:
        warnings.append("every channel is constant: any movement will be an anomaly")
    return warnings
