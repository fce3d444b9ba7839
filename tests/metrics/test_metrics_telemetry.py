"""A batch report reaches every metric, and label values stay bounded."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from prometheus_client import generate_latest

from sentinel.metrics.catalogue import MAX_LABEL_VALUES, Catalogue
from sentinel.metrics.telemetry import PrometheusTelemetry
from sentinel.ports import BatchReport, ChannelReport

REPORT = BatchReport(
    records=120,
    readings=118,
    windows=20,
    rejected={"not_json": 2},
    masked={"nan": 5},
    dead_letters=2,
    stage_seconds={"poll": 0.25, "score": 0.5, "deliver": 0.125, "commit": 0.0625},
    score_ratios=np.array([0.2, 0.95, 1.5, math.nan]),
    events={"opened": 1, "resolved": 2},
    entities={"ok": 7, "warming": 2, "anomalous": 1},
    episodes_open=1,
    lag_records=4_000,
    suppressed=3,
    episodes_withheld=2,
)
NOTHING = BatchReport(
    records=0,
    readings=0,
    windows=0,
    rejected={},
    masked={},
    dead_letters=0,
    stage_seconds={},
    score_ratios=np.empty(0),
    events={},
    entities={},
    episodes_open=0,
    lag_records=None,
)


class ManualClock:
    def __init__(self) -> None:
        self.now_s = 1_700_000_000.0

    def time_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s


class Watched:
    """A telemetry on a clock of its own, and what a scrape of it would read."""

    def __init__(self, **reasons: Any) -> None:
        self.clock = ManualClock()
        self.catalogue = Catalogue({"name": "m", "version": "1"}, **reasons)
        self.telemetry = PrometheusTelemetry(self.catalogue, self.clock)

    def value(self, name: str, **labels: str) -> float | None:
        return self.catalogue.registry.get_sample_value(f"sentinel_{name}", labels)


def test_one_report_feeds_every_metric() -> None:
    watched = Watched()
    watched.telemetry.batch(REPORT)
    watched.telemetry.batch(REPORT)
    value = watched.value
    assert value("records_total") == 240
    assert value("readings_total") == 236
    assert value("windows_scored_total") == 40
    assert value("readings_rejected_total", reason="not_json") == 4
    assert value("values_masked_total", reason="nan") == 10
    assert value("dead_letters_total") == 4
    assert value("stage_seconds_total", stage="score") == 1.0
    assert value("lag_records") == 4_000
    assert value("entities", state="warming") == 2
    assert value("episodes_open") == 1
    assert value("episode_events_total", state="opened") == 2
    assert value("episode_events_total", state="resolved") == 4
    assert value("episodes_suppressed_total") == 6
    assert value("episodes_withheld") == 2
    assert value("score_ratio_count") == 6
    assert value("score_ratio_bucket", le="1.0") == 4
    assert value("score_ratio_max") == 1.5


def test_gauges_show_the_last_turn_and_counters_keep() -> None:
    watched = Watched()
    watched.telemetry.batch(REPORT)
    watched.telemetry.batch(NOTHING)
    assert watched.value("entities", state="ok") == 0
    assert watched.value("episodes_open") == 0
    assert watched.value("episodes_withheld") == 0
    assert watched.value("records_total") == 120
    # No windows: the last ratio stands, as no newer one is known.
    assert watched.value("score_ratio_max") == 1.5


def test_records_alone_are_progress() -> None:
    watched = Watched()
    start = watched.clock.now_s
    assert watched.value("last_progress_timestamp_seconds") == start
    watched.clock.now_s += 60
    watched.telemetry.batch(NOTHING)
    assert watched.value("last_progress_timestamp_seconds") == start
    watched.telemetry.batch(REPORT)
    assert watched.value("last_progress_timestamp_seconds") == start + 60


def test_unknown_lag_is_nan_not_zero() -> None:
    watched = Watched()
    assert math.isnan(watched.value("lag_records") or 0)
    watched.telemetry.batch(dataclasses.replace(REPORT, lag_records=0))
    assert watched.value("lag_records") == 0
    watched.telemetry.batch(NOTHING)
    assert math.isnan(watched.value("lag_records") or 0)


def test_channels_are_counted_by_state() -> None:
    watched = Watched()
    watched.telemetry.channels(ChannelReport(matched=["a", "b"], missing=["c"], unknown=[]))
    found = [watched.value("channels", state=s) for s in ("matched", "missing", "unknown")]
    assert found == [2, 1, 0]


def test_unknown_interval_is_nan_not_zero() -> None:
    watched = Watched()
    assert math.isnan(watched.value("stream_interval_seconds") or 0)
    watched.telemetry.interval(0.0, 300.0)
    assert math.isnan(watched.value("stream_interval_seconds") or 0)
    assert watched.value("model_interval_seconds") == 300.0
    watched.telemetry.interval(290.0, 300.0)
    assert watched.value("stream_interval_seconds") == 290.0


def test_reduced_dead_letters_are_counted() -> None:
    watched = Watched()
    watched.telemetry.dead_letter_reduced()
    assert watched.value("dead_letters_reduced_total") == 1


def test_known_reasons_exist_at_zero_before_they_happen() -> None:
    watched = Watched(rejection_reasons=["late"], mask_reasons=["infinite"])
    assert watched.value("readings_rejected_total", reason="late") == 0
    assert watched.value("values_masked_total", reason="infinite") == 0


def test_label_values_are_bounded_and_none_is_lost() -> None:
    watched = Watched()
    names = [f"reason-{i}" for i in range(1_000)]
    for _ in range(2):
        watched.telemetry.batch(dataclasses.replace(REPORT, rejected=dict.fromkeys(names, 1)))
    (family,) = (
        f for f in watched.catalogue.registry.collect() if f.name == "sentinel_readings_rejected"
    )
    assert len(family.samples) <= MAX_LABEL_VALUES
    assert sum(sample.value for sample in family.samples) == 2_000


def test_model_and_build_are_described() -> None:
    text = generate_latest(Watched().catalogue.registry).decode()
    assert 'sentinel_model_info{name="m",version="1"} 1.0' in text
    assert "sentinel_build_info{" in text
    assert "_created" not in text


@pytest.mark.parametrize("windows", [0, 500])
def test_every_sample_is_a_number_of_a_described_metric(windows: int) -> None:
    watched = Watched()
    watched.telemetry.batch(dataclasses.replace(REPORT, score_ratios=np.ones(windows)))
    for family in watched.catalogue.registry.collect():
        assert family.documentation, family.name
        assert family.name.startswith(("sentinel_", "process_")), family.name
