"""Anomaly events: valid CloudEvents, valid by the shipped schema, and the same on every replay."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from datetime import datetime
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields

from sentinel.ports import EventContext
from sentinel.records import Contribution, EpisodeEvent
from sentinel.sink import events

SCHEMA = json.loads(files("sentinel.sink").joinpath("anomaly_event.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
START_NS = 1_386_270_000_000_000_000  # 2013-12-05T19:00:00Z
CONTEXT = EventContext(
    detector="pumps",
    model_name="machine-temperature",
    model_version="3f1c",
    entity="pump-7",
    topic="readings",
    partition=2,
    offset=91_002,
)


def episode(**changes: Any) -> EpisodeEvent:
    event = EpisodeEvent(
        entity=4,
        row=17,
        state="opened",
        start_ns=START_NS,
        time_ns=START_NS + 600_000_000_000,
        update=0,
        anomaly_score=3.5,
        score_ratio=1.75,
        peak_ratio=2.25,
        threshold=2.0,
        readings=3,
        missing_values=1,
        late_readings=2,
        contributions=(
            Contribution("temperature", 0.625, 101.5, 84.25, 2.5, 60.5, 94.0),
            Contribution("vibration", 0.375, math.nan, 0.5, math.inf),
        ),
        severity="critical",
    )
    return dataclasses.replace(event, **changes)


def written(event: EpisodeEvent, context: EventContext = CONTEXT) -> dict[str, Any]:
    """The event as a consumer without any of sentinel's code reads it, checked by the schema."""
    found = json.loads(events.encode(events.anomaly_event(event, context)))
    VALIDATOR.validate(found)
    return found


def test_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_event_says_what_happened() -> None:
    # The ids are printf '["pumps","3f1c","pump-7",1386270000000000000,"opened"]' | sha256sum,
    # and the same without the transition: another program can compute them.
    assert written(episode()) == {
        "specversion": "1.0",
        "id": "0e9cba147b5edf3c12eb08c573b41bad",
        "source": "/sentinel/pumps",
        "type": "io.sentinel.anomaly.opened",
        "subject": "pump-7",
        "time": "2013-12-05T19:10:00Z",
        "datacontenttype": "application/json",
        "data": {
            "state": "opened",
            "severity": "critical",
            "summary": "temperature 101.5 (history: 60.5 to 94.0), expected 84.2 +- 2.5; "
            "vibration is missing, expected 0.5, since 19:00 UTC",
            "episode_id": "d207a64b0721498c9e06890e47632b6c",
            "start": "2013-12-05T19:00:00Z",
            "anomaly_score": 3.5,
            "threshold": 2.0,
            "score_ratio": 1.75,
            "peak_ratio": 2.25,
            "readings": 3,
            "contributions": [
                {
                    "channel": "temperature",
                    "share": 0.625,
                    "observed": 101.5,
                    "expected": 84.25,
                    "deviation": 2.5,
                    "lowest": 60.5,
                    "highest": 94.0,
                },
                {
                    "channel": "vibration",
                    "share": 0.375,
                    "observed": None,
                    "expected": 0.5,
                    "deviation": None,
                    "lowest": None,
                    "highest": None,
                },
            ],
            "quality": {"missing": 1, "imputed": 0, "late": 2},
            "model": {"name": "machine-temperature", "version": "3f1c"},
            "kafka": {"topic": "readings", "partition": 2, "offset": 91_002},
            "reason": "",
        },
    }


def test_resolved_alone_carries_the_end() -> None:
    assert "end" not in written(episode())["data"]
    assert "end" not in written(episode(state="updated", update=1))["data"]
    resolved = written(episode(state="resolved", update=1, reason="gap"))
    assert resolved["data"]["end"] == resolved["time"] == "2013-12-05T19:10:00Z"
    assert resolved["data"]["reason"] == "gap"


def test_episode_keeps_one_id_and_each_transition_has_its_own() -> None:
    life = [
        written(episode()),
        written(episode(state="updated", update=1, time_ns=START_NS + 10**12)),
        written(episode(state="updated", update=2, time_ns=START_NS + 10**13)),
        written(episode(state="resolved", update=2, time_ns=START_NS + 10**14)),
    ]
    assert len({event["data"]["episode_id"] for event in life}) == 1
    assert len({event["id"] for event in life}) == 4


@pytest.mark.parametrize(
    "other",
    [
        {"detector": "pump"},
        {"model_version": "3f1d"},
        {"entity": "pump-8"},
        # The same letters, cut elsewhere: parts must not run together.
        {"detector": "pumps3", "model_version": "f1c"},
    ],
)
def test_id_depends_on_detector_model_version_and_entity(other: dict[str, str]) -> None:
    mine, theirs = written(episode()), written(episode(), dataclasses.replace(CONTEXT, **other))
    assert mine["id"] != theirs["id"]
    assert mine["data"]["episode_id"] != theirs["data"]["episode_id"]


def test_id_does_not_depend_on_where_the_record_lies() -> None:
    moved = dataclasses.replace(CONTEXT, partition=0, offset=5)
    assert written(episode(row=3, entity=9), moved)["id"] == written(episode())["id"]


def test_another_process_writes_the_same_bytes() -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[1:];"
        "from test_events import CONTEXT, episode; from sentinel.sink import events;"
        "sys.stdout.buffer.write(events.encode(events.anomaly_event(episode(), CONTEXT)))"
    )
    here = str(__file__).rpartition("/")[0]
    other = subprocess.run(
        [sys.executable, "-c", program, here], capture_output=True, check=True, timeout=60
    )
    assert other.stdout == events.encode(events.anomaly_event(episode(), CONTEXT))


def test_numbers_json_cannot_carry_become_null() -> None:
    data = written(episode(anomaly_score=math.inf, score_ratio=math.inf, threshold=math.nan))[
        "data"
    ]
    assert (data["anomaly_score"], data["score_ratio"], data["threshold"]) == (None, None, None)


def test_contributions_are_bounded_and_the_largest_stay() -> None:
    many = tuple(Contribution(f"c{i}", 1 / (i + 1), 0.0, 0.0) for i in range(5_000))
    kept = written(episode(contributions=many))["data"]["contributions"]
    assert [c["channel"] for c in kept] == [f"c{i}" for i in range(events.MAX_CONTRIBUTIONS)]


@pytest.mark.parametrize(
    ("fraction_ns", "text"),
    [
        (0, "19:00:00Z"),
        (250_000_000, "19:00:00.250Z"),
        (250_001_000, "19:00:00.250001Z"),
        (1, "19:00:00.000000001Z"),
    ],
)
def test_time_keeps_every_digit(fraction_ns: int, text: str) -> None:
    assert written(episode(time_ns=START_NS + fraction_ns))["time"] == f"2013-12-05T{text}"


def test_empty_entity_has_no_subject() -> None:
    assert "subject" not in written(episode(), dataclasses.replace(CONTEXT, entity=""))


@given(
    detector=st.text(min_size=1),
    entity=st.text(),
    channel=st.text(),
    state=st.sampled_from(["opened", "updated", "resolved"]),
    time_ns=st.integers(946_684_800 * 10**9, 4_102_444_800 * 10**9),
    value=st.floats(),
)
def test_any_event_is_valid_and_survives_the_round_trip(
    detector: str, entity: str, channel: str, state: str, time_ns: int, value: float
) -> None:
    context = dataclasses.replace(CONTEXT, detector=detector, entity=entity)
    cause = episode(
        state=state,
        time_ns=time_ns,
        anomaly_score=value,
        contributions=(Contribution(channel, value, value, value, value),),
    )
    event = events.anomaly_event(cause, context)
    found = written(cause, context)
    assert found.get("subject", "") == entity
    assert datetime.fromisoformat(found["time"]).timestamp() == pytest.approx(time_ns / 1e9)
    assert events.decode(events.encode(event)) == event


@pytest.mark.parametrize(
    ("struct", "path"),
    [
        (events.AnomalyEvent, SCHEMA),
        (events.AnomalyData, SCHEMA["$defs"]["data"]),
        (
            events.ChannelContribution,
            SCHEMA["$defs"]["data"]["properties"]["contributions"]["items"],
        ),
        (events.Quality, SCHEMA["$defs"]["data"]["properties"]["quality"]),
        (events.ModelReference, SCHEMA["$defs"]["data"]["properties"]["model"]),
        (events.RecordReference, SCHEMA["$defs"]["data"]["properties"]["kafka"]),
    ],
)
def test_schema_knows_every_field(struct: type, path: dict[str, Any]) -> None:
    assert {field.name for field in fields(struct)} == set(path["properties"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "io.sentinel.anomaly.resolved"},
        {"specversion": "0.3"},
        {"subject": ""},
        {"time": "yesterday"},
        {"data": {"state": "opened"}},
    ],
)
def test_schema_refuses_what_is_not_an_event(wrong: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(written(episode()) | wrong)
