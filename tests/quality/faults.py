"""Does an event name the sensor that broke? Faults put into one channel of healthy readings.

    python -m tests.quality.faults --series DIR [--only SETS] [--models DIR]

Of each `<set>/<series>.npz` with several channels that move (by default of the first three of each
set), a model is fitted to `train`, one default configuration, one thread. A trial is a stretch of
the readings before the first known anomaly of `test`, with a fault of one kind and size in one
channel from some reading on; all trials go through the detector of `sentinel run`, each as a
machine of its own, beside the same stretches without a fault. A fault is detected where an episode
opens while it lasts, and the stretch without it is calm at that reading. Printed by kind and size:
the share detected, and the share of those whose event names the broken channel first: the event
that opens the episode, and the last one, which tells of its worst reading.

Needs minutes: a fit for each series. With --models they stay, and a second run takes seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np
from rich.table import Table

from sentinel import store
from sentinel.alert.rules import recommended_rules
from sentinel.detector import Detector
from sentinel.fitted import FittedModel
from sentinel.fitting import fit
from sentinel.fitting.settings import FitSettings, architecture_of
from sentinel.records import NS_PER_S, Readings
from sentinel.runtime import jit_cache
from sentinel.runtime.kernels import choose
from tests.quality.injection import SIZES
from tests.quality.report import console
from tests.quality.series import keys_of, selected, set_of
from tests.quality.trials import Healthy, Outcome, outcomes_of, trials_of

CHANNELS_MIN = 3  # that move
SERIES_OF_SET = 3
SEED = 0


# fmt: off
@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--series", required=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of <set>/<series>.npz.")
@click.option("--only", metavar="SETS",
              help="Sets and set/series, separated by commas, or a file with one a line.")
@click.option("--models", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Where fitted models stay; those that are there already are not fitted again.")
@click.option("--each", type=click.IntRange(1), default=10, show_default=True, metavar="N",
              help="Trials of each kind and size in each series.")
def main(series: Path, only: str | None, models: Path | None, each: int) -> None:
    # fmt: on
    """Measure how often the channel that broke is the first that an event names."""
    jit_cache.prepare()
    try:
        keys = selected(keys_of(series), only) if only else keys_of(series)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None
    found: list[Outcome] = []
    for key, healthy in _several(series, keys, alone=only is not None):
        begun_s = time.perf_counter()
        model = _model(healthy, models / key if models else None)
        fitted_s = time.perf_counter()
        rng = np.random.default_rng(SEED)
        trials = trials_of(healthy, each, rng)
        outcomes = outcomes_of(healthy, trials, _detector(model), rng) if trials else []
        detected = sum(one.opened is not None for one in outcomes)
        first = sum(one.opened == 0 for one in outcomes)
        click.echo(
            f"{key}: {len(outcomes)} trials, {detected} detected, {first} of them name the channel "
            f"first; model {fitted_s - begun_s:.1f} s, trials "
            f"{time.perf_counter() - fitted_s:.1f} s",
            err=True,
        )
        found += outcomes
    if not found:
        raise click.ClickException("no series has several channels and a healthy stretch")
    console().print(_table(found))


def _several(
    folder: Path, keys: Sequence[str], *, alone: bool
) -> list[tuple[str, Healthy]]:
    """The series with enough channels; alone: all of them, not only the first of each set."""
    taken: dict[str, list[tuple[str, Healthy]]] = {}
    for key in keys:
        mine = taken.setdefault(set_of(key), [])
        if alone or len(mine) < SERIES_OF_SET:
            healthy = Healthy.read(folder / f"{key}.npz")
            if len(healthy.moving()) >= CHANNELS_MIN:
                mine.append((key, healthy))
    return [one for mine in taken.values() for one in mine]


def _model(healthy: Healthy, path: Path | None) -> FittedModel:
    """Fitted with the default configuration, or loaded from where it was stored."""
    if path and path.exists():
        return store.load(path)
    rows = len(healthy.history)
    steps = np.arange(rows, dtype=np.int64)
    zeros = np.zeros(rows, np.int32)
    history = Readings(zeros, (steps + 1) * NS_PER_S, zeros, steps, healthy.history)
    backend = choose(architecture_of(FitSettings(), healthy.channels), training=True).backend
    model = fit(history, healthy.channels, FitSettings(), backend=backend)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        store.save(model, path)
    return model


def _detector(model: FittedModel) -> Detector:
    """As `sentinel run` makes it, with every default."""
    backend = choose(model.parameters.architecture, threads=1).backend
    return Detector(model, recommended_rules(model.kind), backend=backend)


def _table(outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="the broken channel is named first", title_justify="left", box=None)
    for name in ("fault", "size", "trials", "detected", "at opening", "at worst", "among 3"):
        table.add_column(name, justify="left" if name == "fault" else "right")
    for kind, sizes in SIZES.items():
        mine = [one for one in outcomes if one.trial.kind == kind]
        for size in sizes:
            table.add_row(kind, f"{size:g}", *_cells([o for o in mine if o.trial.size == size]))
        table.add_row(f"[bold]{kind}", "", *_cells(mine))
    table.add_row("[bold]all", "", *_cells(outcomes))
    return table


def _cells(outcomes: Sequence[Outcome]) -> list[str]:
    detected = [one for one in outcomes if one.opened is not None]

    def share(of: Callable[[Outcome], bool]) -> str:
        return f"{np.mean([of(one) for one in detected]):.0%}" if detected else "-"

    return [
        f"{len(outcomes):,}",
        f"{len(detected) / max(len(outcomes), 1):.0%}",
        share(lambda one: one.opened == 0),
        share(lambda one: one.worst == 0),
        share(lambda one: one.opened is not None and one.opened < 3),
    ]


if __name__ == "__main__":
    main(prog_name="python -m tests.quality.faults")
