"""The metrics of a backtest in words."""

from __future__ import annotations

import math

from sentinel.alert.sentence import duration
from sentinel.backtest.metrics import Metrics
from sentinel.backtest.outcome import Backtest
from sentinel.plural import counted


def metric_lines(found: Backtest) -> list[tuple[str, str]]:
    """Each number with its name, as it is called in --fail-if; and what was suppressed."""
    metrics = found.judgement.metrics
    lines = [
        ("readings", f"{metrics.readings:,}"),
        ("episodes", f"{metrics.episodes:,}, {metrics.episodes_per_10_000:.2f} per 10,000 readings "
                     "(episodes_per_10_000)"),
        *([("suppressed", _suppressed(found))] if found.withheld_by else []),
        ("open_share", f"{metrics.open_share:.1%} of the readings are in an episode"),
    ]  # fmt: skip
    if not found.has_labels:
        return lines
    return [
        *lines,
        ("event_recall", f"{metrics.event_recall:.2f}: {metrics.events_found} of "
                         f"{counted(metrics.events, 'known anomaly', 'known anomalies')} found"),
        ("episode_precision", f"{metrics.episode_precision:.2f}: {metrics.false_episodes} of "
                              f"{counted(metrics.episodes, 'episode')} false"),
        ("episode_f1", f"{metrics.episode_f1:.2f}"),
        ("false_per_10_000", f"{metrics.false_per_10_000:.2f} false episodes per 10,000 readings"),
        ("normal_open_share", f"{_percent(metrics.normal_open_share)} of the normal readings are "
                              "in an episode"),
        ("delay_s", _delay(metrics)),
        *([] if math.isnan(metrics.lead_s) else [("lead_s", _lead(metrics))]),
        ("vus_pr", f"{_number(metrics.vus_pr)} of the score, whatever the threshold"),
        ("auc_pr", f"{_number(metrics.auc_pr)} the same, to the reading"),
    ]  # fmt: skip


def _suppressed(found: Backtest) -> str:
    peak = max((one.peak_ratio for one in found.suppressed), default=math.nan)
    highest = "" if math.isnan(peak) else f": {peak:.2f}x at most"
    count = counted(len(found.suppressed), "episode")
    return f"{count} never told, withheld by {found.withheld_by}{highest}"


def _delay(metrics: Metrics) -> str:
    if math.isnan(metrics.delay_s):
        return "-: nothing was found"
    return (
        f"{metrics.delay_s:.6g}: an episode is open {duration(metrics.delay_s)} after an anomaly "
        f"begins (median; delay_readings: {metrics.delay_readings:g})"
    )


def _lead(metrics: Metrics) -> str:
    when = f"{duration(abs(metrics.lead_s))} {'before' if metrics.lead_s >= 0 else 'after'}"
    return f"{metrics.lead_s:.6g}: an episode is open {when} the machine fails (median)"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1%}"
