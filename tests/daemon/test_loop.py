"""The loop: nothing is committed before what came of it is delivered, whatever happens."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.errors import KafkaError
from sentinel.ports import ChannelReport, EventContext
from sentinel.records import NS_PER_S, Readings
from tests.daemon.rig import MODEL, TOPIC, Rig, batch_of, letter_of, readings_of

CALM, FAR_OFF = readings_of([0, 1, 2]), readings_of([3, 4], far_off=True)


def at(offset: int) -> dict[tuple[str, int], int]:
    return {(TOPIC, 0): offset}


def test_output_is_flushed_before_its_positions_are_committed() -> None:
    rig = Rig([batch_of(CALM), batch_of(FAR_OFF, dead_letters=[letter_of(5), letter_of(6)])])
    rig.daemon.run()
    assert rig.told("poll", "dead letter", "event", "flush", "commit") == [
        ("poll", 500), ("commit", at(3)),
        ("poll", 500), ("dead letter", 5), ("dead letter", 6), ("event", "opened", 3),
        ("flush", 30.0), ("commit", at(5)),
        ("poll", 500),
    ]  # fmt: skip


BATCHES = st.lists(
    st.tuples(
        st.integers(0, 4), st.booleans(), st.integers(0, 2), st.sampled_from([0.0, 0.4, 2.0])
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(BATCHES, st.sampled_from([0.0, 1.0, 1e9]), st.none() | st.integers(0, 5))
def test_commit_never_precedes_flush(
    made: list[tuple[int, bool, int, float]], commit_interval_s: float, fail_at: int | None
) -> None:
    """Whatever the batches hold, whenever commits are due, whichever flush fails.

    made  (readings, far off, dead letters, seconds before the poll) of each batch
    """
    batches, offset = [], 0
    for count, far_off, letters, _ in made:
        readings = readings_of(range(offset, offset + count), far_off=far_off)
        offset += count
        letter_offsets = range(offset, offset + letters)
        offset += letters
        batches.append(
            batch_of(
                readings, records=count + letters, positions=at(offset),
                dead_letters=[letter_of(o) for o in letter_offsets],
            )
        )  # fmt: skip
    rig = Rig(batches, commit_interval_s=commit_interval_s)
    rig.sink.fail_at = fail_at

    def pass_time(number: int) -> None:
        rig.clock.now_s += made[number][3] if number < len(made) else 0.0

    rig.source.on_poll = pass_time
    failed = False
    try:
        rig.daemon.run()
    except KafkaError:
        failed = True
    waiting: list[int] = []
    committed = 0
    for kind, *what in rig.journal:
        if kind in ("event", "dead letter"):
            waiting.append(int(str(what[-1])))
        elif kind == "flush":
            waiting.clear()
        elif kind == "commit":
            assert isinstance(what[0], dict)
            position = what[0][(TOPIC, 0)]
            assert position >= committed
            assert not [o for o in waiting if o < position]
            committed = position
    assert failed == (fail_at is not None and rig.sink.flushes > fail_at)
    if not failed:
        assert committed == offset
        assert waiting == []


def test_nothing_is_committed_when_flush_fails() -> None:
    rig = Rig([batch_of(CALM), batch_of(FAR_OFF)], commit_interval_s=60.0)
    rig.sink.fail_at = 0
    with pytest.raises(KafkaError, match="not acknowledged"):
        rig.daemon.run()
    assert rig.told("commit") == []
    assert rig.journal[-1] == ("stopping",)
    assert rig.daemon.ended
    assert rig.daemon.readings_total == len(CALM)


def test_a_batch_without_output_is_not_flushed() -> None:
    rig = Rig([batch_of(CALM)])
    rig.daemon.run()
    assert rig.told("flush", "commit") == [("commit", at(3))]


def test_commits_are_no_more_frequent_than_asked_but_one_ends_the_run() -> None:
    batches = [batch_of(readings_of([n])) for n in range(10)]
    rig = Rig(batches, commit_interval_s=1.0)
    rig.source.on_poll = lambda number: setattr(rig.clock, "now_s", 1_000.0 + 0.3 * number)
    rig.daemon.run()
    assert rig.told("commit") == [("commit", at(n)) for n in (5, 9, 10)]


def test_a_commit_that_could_not_be_made_is_made_up_for_while_the_topic_is_quiet() -> None:
    rig = Rig([batch_of(CALM), batch_of(Readings.empty(2)), batch_of(Readings.empty(2))])
    rig.source.refusals = 2
    rig.daemon.run()
    assert rig.told("poll", "commit") == [("poll", 500)] * 3 + [("commit", at(3)), ("poll", 500)]


def test_a_commit_that_could_not_be_made_is_made_up_for_at_the_end() -> None:
    rig = Rig([batch_of(CALM)])
    rig.source.refusals = 1
    rig.daemon.run()
    assert rig.told("stopping", "commit") == [("stopping",), ("commit", at(3))]


def test_positions_of_all_partitions_are_committed_together() -> None:
    first = batch_of(CALM, positions={(TOPIC, 0): 3, (TOPIC, 1): 7})
    second = batch_of(readings_of([3]), positions={(TOPIC, 1): 9})
    rig = Rig([first, second], commit_interval_s=60.0)
    rig.daemon.run()
    assert rig.told("commit") == [("commit", {(TOPIC, 0): 3, (TOPIC, 1): 9})]


def test_stop_ends_after_the_turn_in_hand_and_commits_it() -> None:
    rig = Rig([batch_of(CALM), batch_of(FAR_OFF), batch_of(readings_of([9]))], commit_interval_s=60)
    rig.source.on_poll = lambda number: rig.daemon.stop() if number == 1 else None
    rig.daemon.run()
    assert rig.told("poll", "event", "flush", "stopping", "commit") == [
        ("poll", 500), ("poll", 500), ("event", "opened", 3), ("flush", 30.0), ("stopping",),
        ("commit", at(5)),
    ]  # fmt: skip


def test_stop_before_the_first_turn_ends_at_once() -> None:
    rig = Rig([batch_of(CALM)])
    rig.daemon.stop()
    rig.daemon.run()
    assert rig.journal == [("stopping",)]


def test_the_end_of_the_source_ends_the_run() -> None:
    rig = Rig([batch_of(CALM), batch_of(FAR_OFF)])
    rig.daemon.run()
    assert rig.source.polls == 3
    assert rig.daemon.ended
    assert rig.daemon.readings_total == 5
    assert not rig.health.ready().ok


@pytest.mark.parametrize("failing", ["poll", "commit", "event"])
def test_stopping_is_told_whatever_raises(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig([batch_of(CALM), batch_of(FAR_OFF)])
    owner = rig.sink if failing == "event" else rig.source

    def fail(*args: object) -> None:
        raise KafkaError("gone")

    monkeypatch.setattr(owner, failing, fail)
    with pytest.raises(KafkaError, match="gone"):
        rig.daemon.run()
    assert rig.journal[-1] == ("stopping",)
    assert len(rig.told("stopping")) == 1


def test_what_is_to_be_forgotten_is_forgotten_before_the_readings_are_scored() -> None:
    """The ring of the partition's last owner is gone: the window starts with this batch."""
    rig = Rig([batch_of(CALM), batch_of(readings_of([3]), forget=[0]), batch_of(readings_of([4]))])
    rig.daemon.run()
    assert [report.entities["ok"] for report in rig.telemetry.batches] == [1, 0, 1]
    assert [report.windows for report in rig.telemetry.batches] == [2, 0, 1]


def test_ready_is_told_once_after_the_first_turn_to_a_stand_by_too() -> None:
    rig = Rig([batch_of(readings_of([n])) for n in range(5)], partitions=0)
    rig.source.on_poll = lambda number: setattr(rig.source, "partitions", int(number >= 2))
    rig.daemon.run()
    assert [kind for kind, *_ in rig.told("ready", "progress")] == [
        "progress", "ready", "progress", "progress", "progress", "progress",
    ]  # fmt: skip


def test_progress_is_told_after_every_turn_and_not_without_one() -> None:
    rig = Rig([batch_of(CALM), batch_of(FAR_OFF)])
    rig.daemon.run()
    assert [kind for kind, *_ in rig.told("poll", "progress")] == [
        "poll", "progress", "poll", "progress", "poll",
    ]  # fmt: skip


def test_status_is_throttled_to_every_five_seconds() -> None:
    rig = Rig([batch_of(readings_of([n])) for n in range(13)])
    rig.source.on_poll = lambda number: setattr(rig.clock, "now_s", 1_000.0 + number)
    rig.daemon.run()
    told = [n for n, entry in enumerate(rig.told("poll", "status")) if entry[0] == "status"]
    assert told == [1, 7, 13]


@pytest.mark.parametrize(("lag", "text"), [(7, "lag 7"), (None, "lag unknown"), (0, "lag 0")])
def test_status_says_how_it_stands(lag: int | None, text: str) -> None:
    rig = Rig([batch_of(readings_of([0, 1], far_off=True))], lag=lag)
    rig.daemon.run()
    assert rig.told("status") == [("status", f"1 entity, 1 open episode, {text}")]


def test_one_report_holds_all_numbers_of_a_turn() -> None:
    twice = Readings(
        np.zeros(5, np.int32),
        readings_of([3, 4, 4, 2, 5]).time_ns,
        np.zeros(5, np.int32),
        np.arange(3, 8),
        readings_of([3, 4, 4, 2, 5], far_off=True).values,
    )
    report = ChannelReport(("channel-0",), ("channel-1",), ("x",))
    rig = Rig(
        [
            batch_of(CALM),
            batch_of(
                twice, records=9, rejected={"not_json": 3, "late": 1}, masked={"not_finite": 2},
                dead_letters=[letter_of(8)],
            ),
        ],
        lag=42, report=report,
    )  # fmt: skip
    rig.daemon.run()
    found = rig.telemetry.batches[1]
    assert (found.records, found.readings, found.windows) == (9, 5, 3)
    assert dict(found.rejected) == {"not_json": 3, "duplicate": 1, "late": 2}
    assert dict(found.masked) == {"not_finite": 2}
    assert (found.dead_letters, found.lag_records) == (1, 42)
    assert dict(found.events) == {"opened": 1}
    assert (dict(found.entities), found.episodes_open) == (
        {"ok": 0, "warming": 0, "anomalous": 1}, 1,
    )  # fmt: skip
    assert len(found.score_ratios) == 3
    assert (found.score_ratios >= 1).all()
    assert list(found.stage_seconds) == ["poll", "score", "deliver", "commit"]
    assert rig.telemetry.channel_reports[1] is report
    assert rig.telemetry.intervals[1] == (0.0, 1.0)


def test_stages_are_timed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig([batch_of(CALM), batch_of(FAR_OFF)])
    process, flush, commit = rig.daemon.detector.process, rig.sink.flush, rig.source.commit

    def slow(call: object, seconds: float) -> object:
        def wrapper(*args: object) -> object:
            rig.clock.now_s += seconds
            return call(*args)

        return wrapper

    rig.source.on_poll = lambda number: setattr(rig.clock, "now_s", rig.clock.now_s + 1.0)
    monkeypatch.setattr(rig.daemon.detector, "process", slow(process, 2.0))
    monkeypatch.setattr(rig.sink, "flush", slow(flush, 4.0))
    monkeypatch.setattr(rig.source, "commit", slow(commit, 8.0))
    rig.daemon.run()
    assert [dict(report.stage_seconds) for report in rig.telemetry.batches] == [
        {"poll": 1.0, "score": 2.0, "deliver": 0.0, "commit": 8.0},
        {"poll": 1.0, "score": 2.0, "deliver": 4.0, "commit": 8.0},
    ]


def test_an_event_says_where_its_reading_came_from() -> None:
    far_off = readings_of([70, 71], far_off=True, entity=2)
    rig = Rig([batch_of(Readings(
        far_off.entity, far_off.time_ns, np.full(2, 6, np.int32), far_off.offset, far_off.values
    ))])  # fmt: skip
    rig.daemon.run()
    [(event, context)] = rig.sink.events
    assert context == EventContext("plant", "toy", MODEL.version, "pump-2", TOPIC, 6, 71)
    assert event.time_ns == far_off.time_ns[1]


def test_names_from_outside_are_logged_quoted(caplog: pytest.LogCaptureFixture) -> None:
    """A key with a line feed and a level forged a critical line once."""
    rig = Rig([batch_of(readings_of([0, 1], far_off=True))], entities=("pump\n<2>forged",))
    with caplog.at_level(logging.INFO):
        rig.daemon.run()
    [message] = [r.getMessage() for r in caplog.records if "episode" in r.getMessage()]
    assert "entity 'pump\\n<2>forged'" in message
    assert "\n" not in message


def test_the_log_tells_of_every_episode_when_it_was_and_what_was_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The second one is withheld, and the third one, which stands to the end."""
    polls = enumerate([[0], [1], [2, 3], [4], [5, 6, 7], [8]])
    rig = Rig([batch_of(readings_of(seconds, far_off=n % 2 == 1)) for n, seconds in polls])
    rules = EpisodeRules(1, 1, close_count=1, cooldown_ns=3600 * NS_PER_S)
    rig.daemon.detector = Detector(MODEL, rules)
    with caplog.at_level(logging.INFO):
        rig.daemon.run()
    told = [r.getMessage() for r in caplog.records if "episode" in r.getMessage()]
    channel = "channel-0 100.0 (history: -1.0 to 1.0), expected 0.0 +- 1.0; channel-1 210.0"
    expected = [
        ("opened", "22:13:21", "score ratio 2.43 (peak 2.43)", channel),
        ("resolved", "22:13:23", "score ratio 0.00 (peak 2.43)", "over after 2 s; at worst "),
        ("suppressed", "22:13:24", "peak 2.43, withheld by the cooldown (cooldown_s)", channel),
    ]
    for message, (state, clock, ratios, found) in zip(told, expected, strict=True):
        assert message.startswith(f"episode {state}: entity 'pump-0', 2023-11-14 {clock}")
        assert f"{ratios}: '{found}" in message
    seen = [(found.suppressed, found.episodes_withheld) for found in rig.telemetry.batches]
    assert seen == [(0, 0), (0, 0), (0, 0), (0, 1), (1, 0), (0, 1)]


def test_a_warning_is_logged_when_it_begins_and_not_with_every_new_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unknown = [(), ("x0",), ("x0", "x1"), ("x0", "x1", "x2"), (), ("x3",)]
    rig = Rig([batch_of(readings_of([n])) for n in range(len(unknown))])

    def show(number: int) -> None:
        if number < len(unknown):
            rig.source.report = ChannelReport(("channel-0",), (), unknown[number])

    rig.source.on_poll = show
    rig.daemon.run()
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        "channels the model does not know: 'x0'", "channels the model does not know: 'x3'",
    ]  # fmt: skip


def test_updates_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    hours = readings_of([0, 1], far_off=True)
    gentle = [readings_of([n], far_off=True) for n in range(2, 6)]
    batches = [batch_of(hours), *(batch_of(one) for one in gentle)]
    rig = Rig(batches)
    rules = EpisodeRules(1, 1, close_count=1, update_interval_ns=2 * NS_PER_S)
    rig.daemon.detector = Detector(MODEL, rules)
    with caplog.at_level(logging.INFO):
        rig.daemon.run()
    assert [entry[1] for entry in rig.told("event")] == ["opened", "updated", "updated"]
    assert len([r for r in caplog.records if "episode" in r.getMessage()]) == 1
