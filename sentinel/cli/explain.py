"""`sentinel explain`: which channels made a stretch of a file look odd."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
from rich.markup import escape
from rich.table import Table

from sentinel.alert.sentence import between, moment, numbers, sentence
from sentinel.backtest.episodes import Episode
from sentinel.backtest.outcome import Backtest, backtest
from sentinel.backtest.tracks import Track
from sentinel.cli import logs
from sentinel.cli.drawing import demand_figures, write_whole
from sentinel.cli.highest import HighestScore
from sentinel.cli.output import OutputConsole
from sentinel.cli.replay_options import Request, how_it_is_scored, what_is_replayed
from sentinel.config.schema import LogConfig
from sentinel.errors import DataError
from sentinel.fitted import FittedModel
from sentinel.plural import counted, listed
from sentinel.records import NS_PER_DAY
from sentinel.report.excerpt import Explained
from sentinel.report.wording import iso
from sentinel.source.exact_time import DATE_ALONE, ns_of_number, ns_of_text

EPISODES_SHOWN = 20
CHANNELS_SHOWN = 40
CHANNELS_DRAWN = 4
FORMS = (".png", ".svg")
CALM = "no episode was open: no score reached the threshold, and shares of it mean little"
FILLING = "no reading has a score of its own: a gap came before, and the window fills anew"
BETWEEN = "no reading has a score of its own: the windows of this model end with others"
WITHHELD = "no episode was open: the one from {start} to {end} UTC, {peak}, was withheld by {by}"
UNTOLD = """\
no episode was open: what began here faded from one that had ended, lasted too short, or was
told later"""
EPILOG = """\b
The table is of the reading with the highest score of the stretch, an episode or none.

\b
Examples:
  sentinel explain --model model --input rest.csv --context healthy.csv \\
      --from 2014-02-07 --to 2014-02-10 --plot failure.png
"""


class MomentType(click.ParamType[int]):
    """A time as nanoseconds, written in any way that a file may write one.

    last  a date alone is its last moment
    """

    name = "TIME"

    def __init__(self, *, last: bool = False) -> None:
        self._last = last

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Wrong usage where it is none."""
        if isinstance(value, int):
            return value
        time_ns = ns_of_text(value.strip(), "iso8601")
        if time_ns is None:
            time_ns = ns_of_number(value.strip(), "auto")
        if time_ns is None:
            self.fail(f"{value!r} is neither ISO 8601 nor a unix time from 2000 to 2100")
        return time_ns + (NS_PER_DAY - 1 if self._last and re.match(DATE_ALONE, value) else 0)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Places [first, stop) of a track, and the episodes that stand in them, worst first."""

    track: Track
    first: int
    stop: int
    episodes: tuple[int, ...]


# fmt: off
@click.command(epilog=EPILOG, short_help="Say which channels made a stretch look odd.")
@what_is_replayed
@click.option("--from", "from_ns", type=MomentType(), required=True, metavar="TIME",
              help="Beginning of the stretch, ISO 8601 (UTC) or a unix time.")
@click.option("--to", "to_ns", type=MomentType(last=True), required=True,
              metavar="TIME", help="Its end, which belongs to it; a date alone: that whole day.")
@click.option("--entity", metavar="NAME",
              help="The machine, where the input has several.")
@click.option("--plot", "plot_path", type=click.Path(path_type=Path), metavar="PNG|SVG",
              help="Draw the stretch (needs matplotlib, the extra `report`).")
@how_it_is_scored
def command(
    from_ns: int, to_ns: int, entity: str | None, plot_path: Path | None, **options: Any,
) -> None:
    # fmt: on
    """Explain a stretch of a file: its episodes, the channels behind them, what was expected.

    The whole input is scored as `sentinel run` would: what came before decides what is usual.
    """
    logs.set_up(LogConfig(level="warning"))
    asked = Request.of(options)
    if from_ns > to_ns:
        raise click.UsageError("--from is after --to")
    if plot_path:
        if plot_path.suffix not in FORMS:
            raise click.UsageError(f"--plot writes {' or '.join(FORMS)}, by the file's name")
        demand_figures(plot_path, "--plot")
    model = asked.model()
    replay = asked.replay(model)
    highest = HighestScore(model, replay.source.entities, entity, from_ns, to_ns)
    scored, told = replay.scored_by(asked.detector(model), highest.look)
    found = backtest(scored, told, None, list(replay.source.entities))
    stretch = _stretch(found, _track(found, entity), from_ns, to_ns)
    _print(found, stretch, highest)
    if plot_path:
        again = asked.replay(model).explained(asked.detector(model))
        drawn = _drawn(found, stretch, highest, model, again, plot_path.suffix)
        write_whole(plot_path, drawn)


def _track(found: Backtest, entity: str | None) -> Track:
    names = [found.entities[track.entity] for track in found.tracks]
    if entity is None and len(names) > 1:
        raise click.UsageError(f"the input has several machines: --entity {listed(names)}?")
    if entity is not None and entity not in names:
        raise DataError(f"no machine {entity!r} has a score; the input has {listed(names)}")
    return found.tracks[0 if entity is None else names.index(entity)]


def _stretch(found: Backtest, track: Track, from_ns: int, to_ns: int) -> Stretch:
    first = int(np.searchsorted(track.time_ns, from_ns, side="left"))
    stop = int(np.searchsorted(track.time_ns, to_ns, side="right"))
    if first == stop:
        raise DataError(
            f"{found.entities[track.entity]!r} has no reading with a score from {iso(from_ns)} to "
            f"{iso(to_ns)}",
            hint=_nearest(track, first),
        )
    inside = track.episodes[(track.opened < stop) & (track.stop > first)].tolist()
    worst = sorted(inside, key=lambda index: -found.episodes[index].peak_ratio)
    return Stretch(track, first, stop, tuple(worst))


def _nearest(track: Track, place: int) -> str:
    """Where the readings are, as the track has none between this place and the one before."""
    first, last = (iso(int(track.time_ns[at])) for at in (0, -1))
    told = f"there are some from {first} to {last}"
    if 0 < place < len(track):
        before, after = (iso(int(track.time_ns[at])) for at in (place - 1, place))
        told += f", but none between {before} and {after}"
    return told


def _print(found: Backtest, stretch: Stretch, highest: HighestScore) -> None:
    console = OutputConsole(highlight=False, soft_wrap=True)
    track, readings = stretch.track, stretch.stop - stretch.first
    console.print(
        f"{escape(found.entities[track.entity])}, {moment(int(track.time_ns[stretch.first]))} to "
        f"{moment(int(track.time_ns[stretch.stop - 1]))} UTC, {counted(readings, 'reading')}"
    )
    if highest.contributions:
        console.print(
            f"highest score: {highest.ratio:.2f}x the threshold, at {moment(highest.time_ns)} UTC"
        )
        if not stretch.episodes:
            console.print(CALM if highest.ratio < 1 else _untold(found, stretch))
    else:
        held = found.score_ratio[track.rows[stretch.first : stretch.stop]]
        console.print(FILLING if np.isnan(held).all() else BETWEEN)
    for index in stretch.episodes[:EPISODES_SHOWN]:
        episode = found.episodes[index]
        peak = f"{episode.peak_ratio:.2f}x the threshold"
        console.print(f"#{index + 1}, {_lasted(episode)}, peak {peak}")
        console.print(f"    at worst {escape(sentence(episode.contributions))}")
    if len(stretch.episodes) > EPISODES_SHOWN:
        console.print(f"(the worst {EPISODES_SHOWN} of {len(stretch.episodes):,} episodes)")
    if highest.contributions:
        console.print()
        console.print(_channels(highest))


def _untold(found: Backtest, stretch: Stretch) -> str:
    """Why there is no episode where the score is above the threshold."""
    track = stretch.track
    from_ns, to_ns = (int(track.time_ns[place]) for place in (stretch.first, stretch.stop - 1))
    one = found.withheld(track.entity, from_ns, to_ns)
    if one is None:
        return UNTOLD
    peak = f"{one.peak_ratio:.2f}x the threshold at most"
    told = WITHHELD.format(
        start=moment(one.start_ns), end=moment(one.end_ns), peak=peak, by=found.withheld_by
    )
    return f"{told}\n    at worst {escape(sentence(one.contributions))}"


def _lasted(episode: Episode) -> str:
    if episode.end_ns is None:
        return f"open since {moment(episode.start_ns)} UTC"
    return f"{moment(episode.start_ns)} to {moment(episode.end_ns)} UTC"


def _channels(highest: HighestScore) -> Table:
    """Every channel at the highest score of the stretch."""
    title = f"at the score of {moment(highest.time_ns)} UTC, {highest.ratio:.2f}x the threshold"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("channel")
    for name in ("share", "observed", "expected", "+-", "history"):
        table.add_column(name, justify="right")
    for one in highest.contributions[:CHANNELS_SHOWN]:
        observed, expected, deviation = numbers(one)
        observed = "missing" if np.isnan(one.observed) else observed
        table.add_row(
            escape(one.channel), f"{one.share:.0%}", observed, expected, deviation, between(one)
        )
    return table


def _drawn(
    found: Backtest,
    stretch: Stretch,
    highest: HighestScore,
    model: FittedModel,
    again: Iterable[Explained],
    suffix: str,
) -> bytes:
    # Not at the top: it needs matplotlib, and nothing else does.
    from sentinel.report.album import Plan, Sensors, draw_all, mark

    track, channels = stretch.track, model.channels[:CHANNELS_DRAWN]
    marks = []
    if highest.ratio >= 1:
        told = highest.contributions[:CHANNELS_DRAWN]
        channels = tuple(one.channel for one in told)
        marks = [mark(one, highest.time_ns) for one in told]
    plan = Plan(track, stretch.first, stretch.stop, channels, marks)
    form: Literal["png", "svg"] = "png" if suffix == ".png" else "svg"
    [drawn] = draw_all(found, [plan], Sensors.of(model), again, form)
    return drawn
