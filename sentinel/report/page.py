"""The report as one HTML page that needs nothing but itself: figures and style are inside."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from sentinel import __version__
from sentinel.alert.sentence import duration, moment
from sentinel.backtest.metrics import Event, Metrics
from sentinel.backtest.outcome import Backtest
from sentinel.plural import counted, noun
from sentinel.records import NS_PER_S
from sentinel.report.album import Album, verdict
from sentinel.report.figures import Verdict
from sentinel.report.numbers import metric_lines
from sentinel.report.wording import (
    after,
    ahead,
    failing,
    highest,
    named,
    share_text,
    since,
    withheld,
)

ROWS_MAX = 200  # of a table
PEAK, NUMBER = "peak", ' class="number"'
WORDS: dict[Verdict, str] = {"hit": "hit", "false": "false alarm", "unknown": "episode"}
TERMS = """\
<p class="quiet">An <b>episode</b> opens when the score reaches the threshold (several scores of a
<code>reconstruct</code> model) and nothing withholds it, and is what the daemon would have sent as
an event. It is a <b>hit</b> if it holds a reading of a known anomaly, else a <b>false alarm</b>.
The <b>score</b> is shown as a multiple of the threshold.
<b>vus_pr</b> and <b>auc_pr</b> judge the score without a threshold (1 is best; a random score gets
the share of anomalous readings).</p>"""


@dataclass(frozen=True, slots=True)
class Heading:
    """What was tested on what."""

    model: str
    version: str
    input: str
    channels: int


def page(found: Backtest, heading: Heading, figures: Album) -> str:
    """The whole page."""
    labelled = found.has_labels
    title = f"Backtest of model “{heading.model}”"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_style()}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">{escape(_subtitle(found, heading))}</p>',
        _tiles(found),
        *_overviews(found, figures),
        *(_known(found, figures) if labelled else []),
        *_episodes(found, figures),
        *_details(found, figures),
        "<h2>All numbers</h2>",
        _numbers(metric_lines(found)),
        TERMS,
        f'<p class="quiet">sentinel {escape(__version__)}, model version '
        f"{escape(heading.version)}. All times are UTC.</p></body></html>",
    ]
    return "\n".join(parts)


def _style() -> str:
    return (files("sentinel.report") / "page.css").read_text(encoding="utf-8")


def _subtitle(found: Backtest, heading: Heading) -> str:
    first = min(int(track.time_ns[0]) for track in found.tracks)
    last = max(int(track.time_ns[-1]) for track in found.tracks)
    return " · ".join(
        [
            heading.input,
            f"{moment(first)} to {moment(last)} UTC",
            counted(found.judgement.metrics.readings, "reading"),
            counted(len(found.tracks), "machine"),
            counted(heading.channels, "channel"),
        ]
    )


def _tiles(found: Backtest) -> str:
    metrics = found.judgement.metrics
    episodes = noun(metrics.episodes, "episode")
    if found.has_labels:
        tiles = _labelled_tiles(metrics, _watched_s(found))
    else:
        peak = max((episode.peak_ratio for episode in found.episodes), default=math.nan)
        tiles = [
            (f"{metrics.episodes:,}", f"{episodes}, {metrics.episodes_per_10_000:.1f} per 10,000 "
                                      "readings"),
            (f"{metrics.open_share:.1%}", "of the readings lie in an episode"),
            ("-" if math.isnan(peak) else f"{peak:.1f}x", "the threshold: the highest peak"),
        ]  # fmt: skip
    shown = (
        f'<div class="tile"><b>{escape(number)}</b><span>{escape(text)}</span></div>'
        for number, text in tiles
    )
    return f'<div class="tiles">{"".join(shown)}</div>'


def _watched_s(found: Backtest) -> float:
    """How long the machines were watched, all together."""
    spans_ns = (int(track.time_ns[-1] - track.time_ns[0]) for track in found.tracks)
    return sum(spans_ns) / NS_PER_S


def _unbroken(seconds: float) -> str:
    """A duration that stays on one line."""
    return duration(seconds).replace(" ", "\u00a0")


def _labelled_tiles(metrics: Metrics, watched_s: float) -> list[tuple[str, str]]:
    false = metrics.false_episodes
    pace = f", one in {_unbroken(watched_s / false)} of a machine" if false else ""
    late = "-" if math.isnan(metrics.delay_s) else duration(metrics.delay_s)
    lead = "" if math.isnan(metrics.lead_s) else duration(abs(metrics.lead_s))
    when = "before" if metrics.lead_s >= 0 else "after"
    calm = "-" if math.isnan(metrics.normal_open_share) else f"{metrics.normal_open_share:.1%}"
    return [
        (f"{metrics.events_found} of {metrics.events}",
         f"{noun(metrics.events, 'known anomaly', 'known anomalies')} found"),
        *([(lead, f"{when} the machine fails, an episode is open (median)")] if lead else []),
        (f"{false} of {metrics.episodes}",
         f"{noun(metrics.episodes, 'episode')}: false alarms{pace}, "
         f"{metrics.false_per_10_000:.1f} per 10,000 readings"),
        (late, "from the start of an anomaly to an open episode (median)"),
        (calm, "of the normal readings lie in an episode"),
    ]  # fmt: skip


def _overviews(found: Backtest, figures: Album) -> Iterable[str]:
    yield "<h2>All readings</h2>"
    keys: list[tuple[Verdict | str, str]] = (
        [
            ("known", "known anomaly"), ("hit", "episode: hit"), ("false", "episode: false alarm"),
            *([("failed", text) for text in failing(found, "the machine fails")]),
        ]
        if found.has_labels
        else [("unknown", "episode")]
    )  # fmt: skip
    if found.suppressed:
        keys.append(("withheld", f"never told, withheld by {found.withheld_by}"))
    shown = "".join(f'<span><i class="{kind}"></i>{text}</span>' for kind, text in keys)
    yield f'<p class="quiet key">{shown}</p>'
    if len(figures.overviews) < len(found.tracks):
        yield (
            f'<p class="quiet">{len(figures.overviews)} of {len(found.tracks):,} machines: those '
            "with known anomalies first, then by their highest score.</p>"
        )
    for entity, svg in figures.overviews.items():
        name = found.entities[entity]
        heading = f"<h3>{escape(name)}</h3>" if len(found.tracks) > 1 else ""
        yield f'<div class="card">{heading}{_image(svg, f"all readings of {name}")}</div>'


def _known(found: Backtest, figures: Album) -> Iterable[str]:
    yield "<h2>Known anomalies</h2>"
    events = found.judgement.events
    rows = (_known_row(found, figures, event) for event in events[:ROWS_MAX])
    names = (
        *_machine(found, "machine"),
        "from (UTC)",
        "to",
        "found by",
        "after",
        *failing(found, "failed (UTC)", "warning"),
        *named(found, "what"),
    )
    yield _table(names, rows)
    yield _left_out(len(events), "first")


def _known_row(found: Backtest, figures: Album, event: Event) -> str:
    if event.episode is None:
        by = f'<td class="false">missed{withheld(found, event)}</td>'
    else:
        by = f"<td>{_link(event.episode, figures)}</td>"
    cells = (*_machine(found, found.entities[event.entity]), moment(event.from_ns))
    failed = "" if event.failed_ns is None else moment(event.failed_ns)
    warned = failing(found, failed, ahead(event.lead_ns))
    behind = (after(found, event), *warned, *named(found, found.what(event)))
    return f"<tr>{_cells((*cells, moment(event.to_ns)))}{by}{_cells(behind)}</tr>"


def _episodes(found: Backtest, figures: Album) -> Iterable[str]:
    yield "<h2>Episodes</h2>"
    if not found.episodes:
        yield f"<p>None opened: {highest(found)}.</p>"
        return
    rows = []
    for index in found.worst(ROWS_MAX):
        episode = found.episodes[index]
        kind = verdict(found, index)
        where = _machine(found, found.entities[episode.entity])
        rows.append(
            f"<tr><td>{_link(index, figures)}</td>"
            f"{_cells((*where, moment(episode.opened_ns), _lasted(found, index)))}"
            f"<td{NUMBER}>{episode.peak_ratio:.1f}x</td>"
            f'<td class="long">{escape(share_text(episode.contributions))}</td>'
            f'<td class="{kind}">{WORDS[kind] if found.has_labels else ""}</td></tr>'
        )
    judged = "verdict" if found.has_labels else ""
    names = ("#", *_machine(found, "machine"), "opened (UTC)", "lasted", PEAK, "channels", judged)
    yield _table(names, rows)
    yield _left_out(len(found.episodes), "worst")


def _machine(found: Backtest, text: str) -> tuple[str, ...]:
    """A cell that only a page on several machines has."""
    return (text,) if len(found.tracks) > 1 else ()


def _details(found: Backtest, figures: Album) -> Iterable[str]:
    if not figures.episodes:
        return
    count = len(figures.episodes)
    if count < len(found.episodes):
        yield f"<h2>The {count} worst episodes</h2>"
    else:
        yield "<h2>Each episode</h2>"
    yield (
        '<p class="quiet">The band is what the model expected of each reading, up to the usual '
        "deviation from it; points stand at the worst reading: what was observed, and what was "
        "expected.</p>"
    )
    several = len(found.tracks) > 1
    for index, svg in figures.episodes.items():
        episode = found.episodes[index]
        kind = verdict(found, index)
        name = f"{found.entities[episode.entity]}, " if several else ""
        told = since(episode.contributions, episode.start_ns)
        yield (
            f'<div class="card" id="episode-{index + 1}"><h3>#{index + 1} {escape(name)}'
            f'{moment(episode.opened_ns)}, <span class="{kind}">{WORDS[kind]}</span>, '
            f"{_lasted(found, index)}, peak {episode.peak_ratio:.1f}x the threshold</h3>"
            f"<p>{escape(told)}</p>{_image(svg, f'episode {index + 1}')}</div>"
        )


def _lasted(found: Backtest, index: int) -> str:
    episode = found.episodes[index]
    if episode.end_ns is None:
        return "still open"
    return duration((episode.end_ns - episode.opened_ns) / NS_PER_S)


def _link(index: int, figures: Album) -> str:
    """The episode's number, leading to its figure where it has one."""
    number = f"#{index + 1}"
    return f'<a href="#episode-{index + 1}">{number}</a>' if index in figures.episodes else number


def _left_out(count: int, which: str) -> str:
    shown = f"The {which} {ROWS_MAX} of {count:,}; all are in the output of --json."
    return f'<p class="quiet">{shown}</p>' if count > ROWS_MAX else ""


def _numbers(lines: Iterable[tuple[str, str]]) -> str:
    return _table(
        ("metric", "value"),
        (f'<tr>{_cells((name,))}<td class="long">{escape(text)}</td></tr>' for name, text in lines),
    )


def _table(names: Sequence[str], rows: Iterable[str]) -> str:
    """What is wider than the screen is scrolled by itself."""
    return f'<div class="wide"><table>{_header(names)}{"".join(rows)}</table></div>'


def _cells(texts: Iterable[str]) -> str:
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def _header(names: Sequence[str]) -> str:
    cells = (f"<th{NUMBER if name == PEAK else ''}>{escape(name)}</th>" for name in names)
    return f"<tr>{''.join(cells)}</tr>"


def _image(svg: bytes, what: str) -> str:
    data = base64.b64encode(svg).decode("ascii")
    source = f"data:image/svg+xml;base64,{data}"
    return f'<div class="wide"><img alt="{escape(what)}" src="{source}"></div>'
