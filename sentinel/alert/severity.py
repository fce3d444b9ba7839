"""How grave an episode is, from how far it went and for how long."""

from __future__ import annotations

from sentinel.kernels.jit import shared
from sentinel.records import Severity

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")
WARNING_WEIGHT = 10.0
CRITICAL_WEIGHT = 1000.0


@shared
def severity(peak_ratio: float, length: int) -> int:
    """Index into SEVERITIES by weight = peak_ratio^2 x length: warning from 10, critical from 1000.

    Twice as strong weighs as much as four times as long. An episode right at the threshold is a
    warning after 10 readings and critical after 1000; one at 5 times the threshold is a warning at
    once and critical after 40. It never falls while an episode lasts.

    peak_ratio  the highest score ratio so far
    length      scored readings from the first to the newest at or above close_ratio
    """
    weight = peak_ratio * peak_ratio * length
    if weight >= CRITICAL_WEIGHT:
        return 2
    return 1 if weight >= WARNING_WEIGHT else 0
