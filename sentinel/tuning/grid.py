"""The settings that are tried: few, because each is tried on little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from sentinel.fitting.settings import FitSettings
from sentinel.window.scaling import ScalingMethod

WINDOW_LENGTHS = (16, 32, 48, 64, 96, 128)
WINDOWS_IN_HISTORY_MIN = 5
HIDDEN = (32, 64, 128)
SCALINGS: tuple[ScalingMethod, ...] = ("standard", "robust")
SCALES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0)
BUDGETS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class AlertChoice:
    """Two keys of a configuration's [alert].

    threshold_scale  multiplies the model's threshold
    alerts_per_day   the alert budget of an entity; 0: as suits the kind of model
    """

    threshold_scale: float = 1.0
    alerts_per_day: float = 0.0


def model_candidates(
    base: FitSettings, readings: int, seed: int, *, labelled: bool
) -> list[FitSettings]:
    """Settings to fit with: those given, then others in an order of the seed's.

    readings  of the longest entity: a window is at most a fifth of them
    labelled  without labels models are compared by an error: where that is of whole windows, or in
              scaled units, longer windows and other scalings are not comparable
    """
    lengths: Sequence[int] = [
        length for length in WINDOW_LENGTHS if length * WINDOWS_IN_HISTORY_MIN <= readings
    ]
    if not labelled and base.kind == "reconstruct":
        lengths = ()
    scalings: Sequence[ScalingMethod] = SCALINGS if labelled else (base.scaling,)
    others = [
        replace(base, window_length=length, hidden=hidden, scaling=scaling)
        for length, hidden, scaling in product((base.window_length, *lengths), HIDDEN, scalings)
    ]
    order = np.random.default_rng(seed).permutation(len(others))
    return [base, *(others[n] for n in order.tolist() if others[n] != base)]


def alert_candidates(alerts_per_day: float | None) -> list[AlertChoice]:
    """Alert settings, from the defaults outwards: of equally good ones the first is chosen.

    alerts_per_day  where it is wanted so; else that is chosen, too
    """
    budgets = BUDGETS if alerts_per_day is None else (alerts_per_day,)
    choices = [AlertChoice(*pair) for pair in product(SCALES, budgets)]
    return sorted(
        choices,
        key=lambda choice: (abs(np.log(choice.threshold_scale)), choice.alerts_per_day != 0),
    )
