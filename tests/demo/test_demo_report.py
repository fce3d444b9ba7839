"""What the demo prints: the rules beside the numbers, on 80 columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sentinel.cli.demo_report import DemoReport
from sentinel.demo.dataset import KNOWN_FAILURES
from sentinel.demo.events import Event, EventData
from sentinel.demo.verdict import DemoEpisode, Replayed, judge

BEGIN = datetime(2013, 12, 9, 21, 15, tzinfo=UTC)
REPLAYED = Replayed(BEGIN, BEGIN + timedelta(days=72), 20_679)
COLUMNS = 80


def event(state: str, ratio: float) -> Event:
    """An event with the widest numbers that the series can bring."""
    told = (
        "at worst temperature behaves unusually (101.3, expected 101.9 +- 1.4), since 2013-12-09 "
    )
    told += "21:15 UTC"
    return Event("machine-1", BEGIN, EventData(state, "critical", told, "e", ratio, ratio, []))


def test_no_line_wraps_on_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    report = DemoReport()
    report.begin(2016, REPLAYED)
    summary = {"steps": 1200, "loss_train": 0.0567}
    report.fitted(cast(Any, SimpleNamespace(summary=summary, threshold=8.567)))
    config = SimpleNamespace(
        source=SimpleNamespace(bootstrap_servers="127.0.0.1:65535", group_id="sentinel-demo-0123ab")
    )
    started = SimpleNamespace(metrics_url="http://127.0.0.1:65535")
    report.river(cast(Any, config), "your Kafka", cast(Any, started), deleted=True)
    for state in ("opened", "updated", "resolved"):
        report.event(event(state, 34.65))
    episodes = [
        DemoEpisode(failure.at + timedelta(hours=hours), None, 1.0, unseen=True)
        for failure, hours in zip(KNOWN_FAILURES, (-23, 22, -20), strict=False)
    ] + [DemoEpisode(BEGIN, BEGIN, 1.0, unseen=True)] * 100
    report.verdict(judge(KNOWN_FAILURES, episodes, REPLAYED), 1.0)
    report.wait("http://127.0.0.1:65535")
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if len(line) > COLUMNS] == []
    assert "  now " not in printed  # as grave as it was
    assert "(100 of the 100 false episodes reach" in " ".join(printed.split())


def test_the_verdict_states_its_rules_rates_and_chance(capsys: pytest.CaptureFixture[str]) -> None:
    at = KNOWN_FAILURES[3].at
    caught = DemoEpisode(at - timedelta(hours=5), at, 3.0, unseen=True)
    elsewhere = DemoEpisode(BEGIN, BEGIN + timedelta(hours=1), 1.0, unseen=False)
    DemoReport().verdict(judge(KNOWN_FAILURES, [elsewhere, caught], REPLAYED), 2.0)
    printed = " ".join(capsys.readouterr().out.split())
    assert "5 h ahead" in printed
    assert "opens inside NAB's labelled window" in printed
    assert "shares no moment with any labelled window" in printed
    assert "1 of 4 known anomalies caught, 1 of them ahead; 1 false" in printed
    assert "(0.1 per machine-week, 0.5 per 10,000 readings), of 2 in all" in printed
    assert "does not hold is told. alert" in printed
    assert "opened at random times would catch 0.2 of 4" in printed


def test_an_event_tells_its_sentence_and_how_grave_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = "temperature 43.9, expected 49.0 +- 0.9, since 21:15 UTC"
    for state, ratio in (("opened", 1.5), ("resolved", 2.25)):
        data = EventData(state, "warning", told, "e", 2.25, ratio, [])
        DemoReport().event(Event("machine-1", BEGIN, data))
    assert capsys.readouterr().out == (
        "2013-12-09 21:15  opened    machine-1, warning, 1.50x the threshold\n"
        f"    {told}\n"
        "2013-12-09 21:15  resolved  warning, 2.25x the threshold at its peak\n"
        f"    {told}\n"
    )


def test_an_update_is_shown_where_the_episode_became_graver(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = DemoReport()
    for severity in ("info", "info", "critical", "critical"):
        data = EventData("updated", severity, "told", "e", 3.0, 2.5, [])
        report.event(Event("machine-1", BEGIN, data))
    assert capsys.readouterr().out == "2013-12-09 21:15  critical  now 2.50x the threshold\n"
