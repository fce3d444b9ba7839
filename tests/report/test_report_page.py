"""The page: nothing from outside, every name escaped, the same bytes for the same backtest."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from sentinel.backtest.episodes import Episode, EpisodeLog
from sentinel.backtest.labels import Labels
from sentinel.backtest.outcome import Backtest, backtest
from sentinel.records import Contribution, Readings, Suppressed
from sentinel.report import album as albums
from sentinel.report.album import Sensors, album
from sentinel.report.excerpt import Explained
from sentinel.report.figures import FAILED, WITHHELD
from sentinel.report.page import Heading, page
from sentinel.report.wording import highest
from tests.backtest.made_up import INTERVAL_NS, T0_NS, scored

CHANNELS = ("plain", "<b>&$x$", "idle")
EVIL = '<script>alert("1")</script>'
COUNT = 300
SENSORS = Sensors(CHANNELS, np.array([0.1, 0.2, 0.3]), 10 * INTERVAL_NS)
HEADING = Heading(EVIL, "abc", f"{EVIL}.csv", len(CHANNELS))


def made_up(
    *, labels: bool = True, episodes: bool = True, failed: Sequence[int] = (),
    suppressed: Sequence[Suppressed] = (),
) -> Backtest:  # fmt: skip
    """Two machines, three episodes; one machine is called by markup."""
    found = [
        _episode(0, 100, 120, 3.0), _episode(0, 200, 230, 1.5), _episode(1, 540, None, 2.0),
    ]  # fmt: skip
    log = EpisodeLog("the budget")
    log.suppressed += suppressed
    log.episodes += found if episodes else []
    known = Labels(*(T0_NS + INTERVAL_NS * np.array(rows) for rows in ([90, 250], [110, 260])))
    if failed:
        known = replace(known, failed_ns=T0_NS + INTERVAL_NS * np.array(failed))
    entity = [0] * COUNT + [1] * COUNT
    ratio = np.abs(np.sin(np.arange(2 * COUNT) / 9)) * 2
    return backtest(
        scored(ratio, entity),
        log,
        known if labels else None,
        ["pump", EVIL],
    )


def _episode(entity: int, opened: int, stop: int | None, peak: float) -> Episode:
    def at(row: int) -> int:
        return T0_NS + INTERVAL_NS * (row % COUNT)

    contributions = (Contribution("<b>&$x$", 0.7, 4.0, 1.0), Contribution("plain", 0.3, 1.0, 1.0))
    return Episode(
        entity, opened, stop, opened, at(opened) - INTERVAL_NS, at(opened),
        None if stop is None else at(stop), peak, peak, contributions,
    )  # fmt: skip


def batches() -> Iterator[Explained]:
    values = np.random.default_rng(0).normal(size=(2 * COUNT, len(CHANNELS)))
    values[50:60] = np.nan
    for start in range(0, 2 * COUNT, 70):
        part = values[start : start + 70]
        zeros, numbers = np.zeros(len(part), np.int32), np.arange(len(part), dtype=np.int64)
        yield Readings(zeros, numbers, zeros, numbers, part), part + 0.1


def made(found: Backtest) -> str:
    return page(found, HEADING, album(found, SENSORS, batches()))


@pytest.fixture(scope="module")
def text() -> str:
    """The page of `made_up()`."""
    return made(made_up())


class Tags(HTMLParser):
    """Everything that a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.links += [values["href"] or ""] if "href" in values else []
        self.sources += [values["src"] or ""] if "src" in values else []


def test_a_page_asks_for_nothing_and_runs_nothing(text: str) -> None:
    tags = Tags(text)
    assert not {"script", "link", "iframe", "object"} & set(tags.tags)
    assert "<b>&$x$" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert len(tags.sources) == 2 + 3  # a figure per machine and per episode
    for source in tags.sources:
        kind, data = source.split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        svg = base64.b64decode(data).decode()
        assert "<script" not in svg
        assert set(re.findall(r'href="([^#][^"]*)"', svg)) == set()


def test_links_lead_to_what_is_there(text: str) -> None:
    tags = Tags(text)
    assert sorted(tags.ids) == ["episode-1", "episode-2", "episode-3"]
    assert {link.removeprefix("#") for link in tags.links} == set(tags.ids)


def test_only_the_worst_episodes_are_drawn_and_all_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(albums, "EPISODES_MAX", 1)
    text = made(made_up())
    assert Tags(text).ids == ["episode-1"]
    assert "The 1 worst episodes" in text
    assert text.count("<tr><td>#") == 2


def test_the_page_says_what_was_found(text: str) -> None:
    # Both machines have both known anomalies: the label names none.
    assert "<b>2 of 4</b>" in text
    assert "<b>1 of 3</b>" in text
    assert text.count('<td class="false">missed</td>') == 2
    assert text.count('<td class="hit">hit</td>') == 2


def test_a_failure_has_its_time_its_warning_and_a_line_in_each_figure(text: str) -> None:
    """The first episode opens 10 readings of a minute before the first failure."""
    found = made_up(failed=(110, 260))
    failing = made(found)
    assert "<td>2023-11-15 00:03:20</td><td>10 min ahead</td>" in failing
    assert "before the machine fails" in failing
    assert "the machine fails" not in text
    assert "<th>warning</th>" not in text
    lines = {
        entity: svg.count(FAILED.encode())
        for entity, svg in album(found, SENSORS, batches()).overviews.items()
    }
    panels = 1 + len(CHANNELS) + 1
    assert lines == {0: 2 * panels, 1: 2 * panels}  # of both failures: the label names no machine


def test_what_was_withheld_is_drawn_where_it_was(text: str) -> None:
    first_ns, last_ns = (T0_NS + row * INTERVAL_NS for row in (20, 40))
    found = made_up(suppressed=[Suppressed(1, first_ns, last_ns, 1.7, ())])
    key = '<i class="withheld"></i>never told, withheld by the budget'
    assert key in made(found)
    assert key not in text

    drawn = album(found, SENSORS, batches())
    assert {e: WITHHELD.encode() in svg for e, svg in drawn.overviews.items()} == {
        0: False,
        1: True,
    }
    # The second machine's only episode comes long after it.
    assert not any(WITHHELD.encode() in svg for svg in drawn.episodes.values())


def test_where_no_reading_has_a_score_of_its_own_the_page_says_so() -> None:
    found = made_up()
    silent = replace(found, episodes=[], score_ratio=np.full(len(found.score_ratio), np.nan))
    assert highest(silent) == "no reading has a score of its own, a gap came before them"
    assert highest(found).startswith("the highest score is ")


def test_without_labels_nothing_is_called_false() -> None:
    text = made(made_up(labels=False))
    assert "Known anomalies" not in text
    assert "false alarm" not in text.split("<h2>All numbers")[0]
    assert "<b>3</b>" in text


def test_a_backtest_without_episodes_has_its_page() -> None:
    assert "None opened: the highest score is 2.00x the threshold." in made(made_up(episodes=False))


def test_drawing_complains_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """As of fonts that this machine does not have, one line for each text."""
    made(made_up())
    assert caplog.messages == []


def test_the_same_backtest_gives_the_same_bytes(text: str) -> None:
    assert made(made_up()) == text
