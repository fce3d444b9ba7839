"""The figures of a report. The only module that needs matplotlib.

No global state of matplotlib is touched, and the same input gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from sentinel.records import FloatArray, TimeArray
from sentinel.report.excerpt import Excerpt

Verdict = Literal["hit", "false", "unknown"]
Form = Literal["svg", "png"]

OBSERVED, EXPECTED, SCORE = "#1f4e79", "#d97706", "#374151"
KNOWN, FAILED, WITHHELD = "#9ca3af", "#111827", "#b45309"
VERDICTS: dict[Verdict, str] = {"hit": "#15803d", "false": "#c81e1e", "unknown": "#7c3aed"}
STYLE = {
    "svg.hashsalt": "sentinel",  # else ids are random
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#9ca3af",
    "axes.grid": True,
    "grid.color": "#e5e7eb",
    "grid.linewidth": 0.6,
}
WIDTH_IN, STRIP_IN, PANEL_IN, GAP_IN = 10.5, 0.25, 1.0, 0.28
LEFT_IN, RIGHT_IN, TOP_IN, BOTTOM_IN = 0.85, 0.3, 0.05, 0.5
PNG_DPI = 120
# Neither a date nor a version: the same input gives the same bytes.
NO_METADATA: dict[Form, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}
BEHIND = {"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 1}  # of words on lines
LABEL_PAD = 16  # points: the number of an episode at the very beginning stands there
CHARACTER_SHARE = 0.0075  # of a figure's width, that one of an episode's number takes
RATIO_SHOWN_MIN = 0.2  # what lies far below the threshold is all the same
GAP_BUCKETS = 4
BAND = "band: expected +- its usual deviation"
# By how fine the ticks are: what they leave out, at the end of the axis.
DATES = ["UTC", "%Y UTC", "%Y-%m UTC", *["%Y-%m-%d UTC"] * 2, "%Y-%m-%d %H:%M UTC"]
LATE = 0.8  # of a figure's width: words behind that would be cut off
NAME_SHOWN = 80  # characters of a channel's name


@dataclass(frozen=True, slots=True)
class Span:
    """An episode in a figure; both ends belong to it."""

    number: int
    from_ns: int
    to_ns: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Mark:
    """What a channel showed at the worst reading of an episode, and what was expected."""

    channel: str
    time_ns: int
    observed: float
    expected: float


@dataclass(frozen=True, slots=True)
class Picture:
    """What one figure shows.

    channels    names of the excerpt's channels
    deviation   how far off what is expected of each usually is
    known       (from_ns, to_ns) of known anomalies
    withheld    (from_ns, to_ns) of episodes that were never told
    failures    when the machine failed
    max_gap_ns  a longer gap interrupts the lines
    """

    excerpt: Excerpt
    channels: Sequence[str]
    deviation: Sequence[float]
    known: Sequence[tuple[int, int]]
    withheld: Sequence[tuple[int, int]]
    failures: Sequence[int]
    episodes: Sequence[Span]
    max_gap_ns: int
    marks: Sequence[Mark] = ()


def draw(picture: Picture, form: Form = "svg") -> bytes:
    """Strips of what is known and what was told, a panel per channel, one for the score."""
    heights = [STRIP_IN * len(_rows(picture)), *[PANEL_IN] * (len(picture.channels) + 1)]
    tall = sum(heights) + GAP_IN * (len(heights) - 1) + TOP_IN + BOTTOM_IN
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH_IN, tall))
        # By hand: matplotlib's own layouts take longer than the drawing, and differ in last bits.
        grid = {
            "height_ratios": heights,
            "left": LEFT_IN / WIDTH_IN,
            "right": 1 - RIGHT_IN / WIDTH_IN,
            "top": 1 - TOP_IN / tall,
            "bottom": BOTTOM_IN / tall,
            "hspace": GAP_IN * len(heights) / sum(heights),
        }
        panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw=grid)
        panels = panels[:, 0]
        _strips(panels[0], picture)
        for index, name in enumerate(picture.channels):
            _shade(panels[index + 1], picture)
            _channel(panels[index + 1], picture, index, name)
        _shade(panels[-1], picture)
        _score(panels[-1], picture)
        times = picture.excerpt.time_ns
        margin = max(int(times[-1] - times[0]) // 100, 1)
        panels[-1].set_xlim(*_when([int(times[0]) - margin, int(times[-1]) + margin]))
        locator = AutoDateLocator(minticks=4, maxticks=10)
        panels[-1].xaxis.set_major_locator(locator)
        panels[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator, offset_formats=DATES))
        out = io.BytesIO()
        figure.savefig(out, format=form, dpi=PNG_DPI, metadata=NO_METADATA[form])
    return out.getvalue()


def _rows(picture: Picture) -> list[str]:
    """What a row of bars shows, from above."""
    rows = {"known": picture.known, "episodes": True, "withheld": picture.withheld}
    return [name for name, shown in rows.items() if shown]


def _strips(panel: Any, picture: Picture) -> None:
    """Rows of bars: what is known, the episodes with their numbers, and what was withheld."""
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0, pad=LABEL_PAD, labelbottom=False)
    rows = _rows(picture)
    panel.set_yticks(range(len(rows)), rows)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    for from_ns, to_ns in picture.known:
        _bar(panel, 0, from_ns, to_ns, KNOWN)
    place = rows.index("episodes")
    for span in picture.episodes:
        colour, hollow = VERDICTS[span.verdict], span.verdict == "false"
        _bar(panel, place, span.from_ns, span.to_ns, colour, hollow=hollow)
    for from_ns, to_ns in picture.withheld:
        _bar(panel, place + 1, from_ns, to_ns, WITHHELD, hollow=True)
    _numbers(panel, place, picture)
    _failures(panel, picture)


def _numbers(panel: Any, place: int, picture: Picture) -> None:
    """Each episode's number in its bar, before it or behind it, where there is room."""
    first, last = int(picture.excerpt.time_ns[0]), int(picture.excerpt.time_ns[-1])
    margin_ns = (last - first) // 50  # before the first reading, and behind the last
    taken_ns = first - margin_ns
    for index, span in enumerate(picture.episodes):
        room_ns = int(CHARACTER_SHARE * (last - first)) * len(f"# {span.number}")
        later = picture.episodes[index + 1 :]
        free_ns = later[0].from_ns if later else last + margin_ns
        if span.to_ns - span.from_ns >= room_ns:
            at_ns, shift, side = (span.from_ns + span.to_ns) // 2, 0, "center"
        elif span.from_ns - taken_ns >= room_ns:
            at_ns, shift, side = span.from_ns, -3, "right"
        elif free_ns - span.to_ns >= room_ns:
            at_ns, shift, side = span.to_ns, 3, "left"
        else:
            at_ns, shift, side = -1, 0, ""
        taken_ns = span.to_ns + (room_ns if side == "left" else 0)
        if side:
            on_bar = side == "center" and span.verdict != "false"
            panel.annotate(
                f"#{span.number}", (_when([at_ns])[0], place), (shift, -0.5),
                textcoords="offset points", ha=side, va="center",
                color="white" if on_bar else VERDICTS[span.verdict], fontsize=8,
            )  # fmt: skip


def _bar(
    panel: Any, place: int, from_ns: int, to_ns: int, colour: str, *, hollow: bool = False
) -> None:
    begin, end = _when([from_ns, to_ns])
    # The edge keeps a short one visible, whatever the scale; not by colour alone are they told.
    panel.fill_betweenx(
        [place - 0.3, place + 0.3], begin, end, facecolor="white" if hollow else colour,
        edgecolor=colour, linewidth=1.5,
    )  # fmt: skip


def _shade(panel: Any, picture: Picture) -> None:
    for from_ns, to_ns in picture.known:
        panel.axvspan(*_when([from_ns, to_ns]), color=KNOWN, alpha=0.15, linewidth=0)
    for span in picture.episodes:
        begin, end = _when([span.from_ns, span.to_ns])
        panel.axvspan(begin, end, color=VERDICTS[span.verdict], alpha=0.1, linewidth=0)
    _failures(panel, picture)


def _failures(panel: Any, picture: Picture) -> None:
    for failed in _when(picture.failures):
        panel.axvline(failed, color=FAILED, linewidth=1.2, linestyle=(0, (3, 2)))


def _channel(panel: Any, picture: Picture, index: int, name: str) -> None:
    excerpt = picture.excerpt
    deviation = picture.deviation[index]
    time, low, high, expected_low, expected_high = _interrupted(
        excerpt.time_ns, picture.max_gap_ns, excerpt.low[:, index], excerpt.high[:, index],
        excerpt.expected[0, :, index] - deviation, excerpt.expected[1, :, index] + deviation,
    )  # fmt: skip
    panel.fill_between(time, expected_low, expected_high, color=EXPECTED, alpha=0.35, linewidth=0)
    panel.fill_between(time, low, high, color=OBSERVED, alpha=0.45, linewidth=0)
    panel.plot(time, (low + high) / 2, color=OBSERVED, linewidth=0.9)
    for mark in picture.marks:
        if mark.channel == name and np.isfinite([mark.observed, mark.expected]).all():
            first, last = int(excerpt.time_ns[0]), int(excerpt.time_ns[-1])
            _mark(panel, mark, late=mark.time_ns - first > LATE * (last - first))
    _name(panel, name)
    if index == 0:
        panel.set_title(BAND, loc="right", fontsize=8, pad=3, color=EXPECTED)
    panel.margins(y=0.12)


def _mark(panel: Any, mark: Mark, *, late: bool) -> None:
    """Both points, and in words what was expected: before them where there is no room behind.

    Away from what was observed, whose line would be hidden.
    """
    [time] = _when([mark.time_ns])
    panel.plot([time, time], [mark.observed, mark.expected], color=EXPECTED, linewidth=1.2)
    panel.plot(time, mark.expected, "o", color=EXPECTED, markerfacecolor="white", markersize=5)
    panel.plot(time, mark.observed, "o", color=OBSERVED, markersize=5)
    down = -8 if mark.expected < mark.observed else 8
    panel.annotate(
        f"expected {mark.expected:.4g}", (time, mark.expected), (-7 if late else 7, down),
        textcoords="offset points", va="center", ha="right" if late else "left",
        color=EXPECTED, fontsize=8, bbox=BEHIND,
    )  # fmt: skip


def _score(panel: Any, picture: Picture) -> None:
    excerpt = picture.excerpt
    time, ratio = _interrupted(excerpt.time_ns, picture.max_gap_ns, excerpt.ratio)
    shown = np.maximum(ratio, RATIO_SHOWN_MIN)
    panel.set_yscale("log")
    panel.plot(time, shown, color=SCORE, linewidth=0.9)
    panel.fill_between(time, 1, shown, where=shown > 1, color=VERDICTS["false"], alpha=0.3,
                       linewidth=0)  # fmt: skip
    panel.axhline(1, color=VERDICTS["false"], linewidth=1, linestyle=(0, (5, 3)))
    panel.set_title("dashed: threshold", loc="right", fontsize=8, pad=3, color=VERDICTS["false"])
    top = np.nanmax(shown, initial=1.0)
    panel.set_ylim(max(np.nanmin(shown, initial=1.0) * 0.8, RATIO_SHOWN_MIN), max(top * 1.4, 2))
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if top < 40 else (1,)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}x"))
    panel.yaxis.set_minor_locator(NullLocator())
    _name(panel, "score, as a multiple of the threshold")


def _interrupted(time_ns: TimeArray, max_gap_ns: int, *columns: FloatArray) -> tuple[Any, ...]:
    """Times, and columns with NaN where a line would lead over a gap."""
    steps = np.diff(time_ns)
    usual = int(np.median(steps)) if len(steps) else 0
    gaps = np.flatnonzero(steps > max(max_gap_ns, GAP_BUCKETS * usual)) + 1
    times = np.insert(time_ns, gaps, time_ns[gaps - 1] + 1)
    return (_when(times), *(np.insert(column, gaps, np.nan) for column in columns))


def _when(time_ns: Iterable[int] | TimeArray) -> Any:
    # Figures do not show nanoseconds, and matplotlib counts days.
    return np.asarray(time_ns, np.int64).astype("datetime64[ns]").astype("datetime64[us]")


def _name(panel: Any, name: str) -> None:
    """Above its panel, at the left; a dollar sign would begin a formula."""
    text = name if len(name) <= NAME_SHOWN else f"{name[:NAME_SHOWN]}..."
    panel.set_title(text.replace("$", r"\$"), loc="left", fontsize=9, pad=3)
