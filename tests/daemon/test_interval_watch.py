"""The stream's sampling interval: measured now and then, on batches that say something."""

from __future__ import annotations

from sentinel.daemon.interval_watch import LOOK_EVERY_S, READINGS_MIN, Interval, IntervalWatch
from sentinel.records import NS_PER_S, Readings
from tests.daemon.fakes import FakeClock
from tests.daemon.rig import readings_of


def every(interval: int, count: int = READINGS_MIN) -> Readings:
    return readings_of(range(0, count * interval, interval))


def test_the_interval_is_the_median_step_of_the_readings() -> None:
    watch = IntervalWatch(60 * NS_PER_S, FakeClock())
    assert watch.observe(every(7)) == Interval(7.0, 60.0)


def test_a_handful_of_readings_says_nothing() -> None:
    watch = IntervalWatch(60 * NS_PER_S, FakeClock())
    assert watch.observe(every(7, READINGS_MIN - 1)) == Interval(0.0, 60.0)
    assert watch.observe(Readings.empty(2)) == Interval(0.0, 60.0)


def test_small_batches_are_gathered_until_they_say_something() -> None:
    watch = IntervalWatch(60 * NS_PER_S, FakeClock())
    for n in range(READINGS_MIN):
        found = watch.observe(readings_of([7 * n]))
    assert found == Interval(7.0, 60.0)


def test_it_looks_only_now_and_then_but_until_it_knows() -> None:
    clock = FakeClock()
    watch = IntervalWatch(60 * NS_PER_S, clock)
    # One reading each of many entities: no step between any two.
    apart = readings_of([0] * READINGS_MIN)
    assert watch.observe(apart).observed_s == 0.0
    assert watch.observe(every(7)).observed_s == 7.0
    clock.now_s += LOOK_EVERY_S - 0.1
    assert watch.observe(every(9)).observed_s == 7.0
    clock.now_s += 0.1
    assert watch.observe(every(9)).observed_s == 9.0


def test_what_is_not_known_fits() -> None:
    assert Interval(0.0, 60.0).fits
    assert Interval(60.0, 0.0).fits
