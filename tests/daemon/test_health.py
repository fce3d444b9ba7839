"""Healthy means that work goes on where there is work; ready, that there is a partition."""

from __future__ import annotations

import pytest

from sentinel.daemon.health import DaemonHealth
from sentinel.daemon.interval_watch import Interval
from sentinel.ports import ChannelReport
from tests.daemon.fakes import FakeClock

STALLED_AFTER_S = 100.0
NO_CHANNELS = ChannelReport((), (), ())
UNKNOWN = Interval(0.0, 0.0)


class Turning:
    """A health and the clock it goes by."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.health = DaemonHealth(STALLED_AFTER_S, self.clock)

    def turn(
        self,
        after_s: float,
        *,
        records: int = 0,
        lag: int | None = 0,
        assigned: int = 1,
        channels: ChannelReport = NO_CHANNELS,
        interval: Interval = UNKNOWN,
    ) -> None:
        self.clock.now_s += after_s
        self.health.turned(records, lag, assigned, channels, interval)

    def problems(self) -> list[str]:
        report = self.health.healthy()
        found = report.details["problems"]
        assert isinstance(found, list)
        assert report.ok == (not found)
        return found

    def warnings(self) -> list[str]:
        found = self.health.ready().details["warnings"]
        assert isinstance(found, list)
        return found


def test_a_loop_that_stands_is_not_healthy() -> None:
    turning = Turning()
    turning.turn(10, records=5)
    turning.clock.now_s += STALLED_AFTER_S
    assert turning.problems() == []
    turning.clock.now_s += 1
    assert turning.problems() == ["the loop has not turned for 101 s"]


def test_a_loop_that_never_turned_is_not_healthy_for_long() -> None:
    turning = Turning()
    assert turning.problems() == []
    turning.clock.now_s += STALLED_AFTER_S + 1
    assert turning.problems() == ["the loop has not turned for 101 s"]


def test_waiting_records_that_nobody_reads_are_not_healthy() -> None:
    turning = Turning()
    turning.turn(1, records=1, lag=7)
    for _ in range(11):
        turning.turn(10, lag=7)
    assert turning.problems() == ["7 records waiting, none read for 110 s"]
    turning.turn(10, records=3, lag=4)
    assert turning.problems() == []


def test_an_unknown_lag_is_no_excuse_with_a_partition_and_one_without() -> None:
    turning = Turning()
    for _ in range(11):
        turning.turn(10, lag=None, assigned=2)
    assert turning.problems() == ["an unknown number of records waiting, none read for 110 s"]
    turning.turn(0, lag=None, assigned=0)
    assert turning.problems() == []


def test_brokers_that_do_not_tell_the_lag_are_shown() -> None:
    turning = Turning()
    turning.turn(1, lag=0)
    turning.turn(10, lag=None)
    assert turning.warnings() == []
    turning.turn(1, lag=None)
    assert turning.warnings() == [
        "the lag is not known: the brokers do not say where the partitions end"
    ]
    turning.turn(1, lag=0)
    assert turning.warnings() == []
    for _ in range(3):
        turning.turn(10, lag=None, assigned=0)  # a stand-by has no lag
    assert turning.warnings() == []


def test_an_idle_stream_is_healthy_for_ever() -> None:
    turning = Turning()
    for _ in range(100):
        turning.turn(60, lag=0)
        assert turning.problems() == []


def test_the_answers_details_are_numbers() -> None:
    turning = Turning()
    turning.turn(1, records=1, lag=3)
    turning.turn(4, lag=3)
    turning.clock.now_s += 2
    assert turning.health.healthy().details == {
        "problems": [], "seconds_since_turn": 2.0, "seconds_since_progress": 6.0, "lag_records": 3,
    }  # fmt: skip


def test_ready_needs_a_partition() -> None:
    turning = Turning()
    report = turning.health.ready()
    assert (report.ok, report.details["problems"]) == (False, ["no partition is assigned (yet)"])
    turning.turn(1, assigned=2)
    assert turning.health.ready().ok
    assert turning.health.ready().details["partitions"] == 2
    turning.turn(1, assigned=0)
    assert not turning.health.ready().ok


def test_a_daemon_that_stops_is_not_ready() -> None:
    turning = Turning()
    turning.turn(1)
    turning.health.stopping()
    report = turning.health.ready()
    assert (report.ok, report.details["problems"]) == (False, ["stopping"])


def test_channels_that_do_not_match_are_shown_but_do_not_unready() -> None:
    turning = Turning()
    turning.turn(1, channels=ChannelReport(("a",), ("b", "c"), ("x", "y")))
    report = turning.health.ready()
    assert report.ok
    assert report.details["channels"] == {
        "matched": ["a"], "missing": ["b", "c"], "awaited": [], "unknown": ["x", "y"],
    }  # fmt: skip
    assert turning.warnings() == [
        "channels never seen: 'b', 'c'", "channels the model does not know: 'x', 'y'",
    ]  # fmt: skip


def test_warnings_name_a_few_of_many_channels_and_none_unquoted() -> None:
    names = ["a\n<2>forged", *(f"run_{n}_temperature" for n in range(1, 1024))]
    turning = Turning()
    turning.turn(1, channels=ChannelReport((), names, names))
    for warning in turning.warnings():
        assert "'a\\n<2>forged', 'run_1_temperature'" in warning
        assert warning.endswith("'run_11_temperature' and 1012 more")
    shown = turning.health.ready().details["channels"]
    assert isinstance(shown, dict)
    assert shown["unknown"] == names


def test_before_the_first_record_channels_are_awaited_and_behind_it_missing() -> None:
    turning = Turning()
    turning.turn(1, channels=ChannelReport((), (), (), awaited=("a", "b")))
    assert turning.warnings() == []
    assert turning.health.ready().details["channels"] == {
        "matched": [], "missing": [], "awaited": ["a", "b"], "unknown": [],
    }  # fmt: skip
    turning.turn(1, channels=ChannelReport((), ("a", "b"), ()))
    assert turning.warnings() == ["channels never seen: 'a', 'b'"]


@pytest.mark.parametrize(
    ("observed_s", "fits"),
    [(0.0, True), (29.9, False), (30.0, True), (120.0, True), (120.1, False)],
)
def test_an_interval_beyond_twice_the_models_is_shown(observed_s: float, fits: bool) -> None:
    turning = Turning()
    turning.turn(1, interval=Interval(observed_s, 60.0))
    assert turning.health.ready().ok
    assert turning.health.ready().details["interval_seconds"] == {
        "observed": observed_s, "model": 60.0,
    }  # fmt: skip
    expected = (
        []
        if fits
        else [
            f"the readings are {observed_s:g} s apart, the model's history 60 s: "
            "more than 2 times apart"
        ]
    )
    assert turning.warnings() == expected
