"""Anomaly events: one transition of an episode as a CloudEvents 1.0 JSON object (structured mode).

Nothing in an event comes from a clock, a counter of this process or chance: the same readings give
the same bytes, so a consumer that remembers `id` sees every transition once, however often a
restarted daemon writes it. Source: the CloudEvents 1.0.2 specification and its Kafka binding.
"""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Struct, UnsetType

from sentinel.alert.sentence import summary
from sentinel.ports import EventContext
from sentinel.records import NS_PER_S, Contribution, EpisodeEvent, EpisodeState, Severity

CONTENT_TYPE: Final = "application/cloudevents+json; charset=UTF-8"

# One type per transition, as brokers and functions filter by type without opening the data.
EVENT_TYPES: Final[dict[EpisodeState, str]] = {
    "opened": "io.sentinel.anomaly.opened",
    "updated": "io.sentinel.anomaly.updated",
    "resolved": "io.sentinel.anomaly.resolved",
}

# The largest shares come first; what follows says nothing, and an event must fit a record.
MAX_CONTRIBUTIONS: Final = 100

_ID_HEX_DIGITS: Final = 32  # 128 bits of the SHA-256: no two events ever share an id by chance


class ChannelContribution(Struct, frozen=True, kw_only=True):
    """A channel's share of the score (0 to 1), and its values in raw units; null where missing.

    deviation  how far off what is expected usually is
    lowest, highest  between which values the channel lay in the history
    """

    channel: str
    share: float | None
    observed: float | None
    expected: float | None
    deviation: float | None
    lowest: float | None
    highest: float | None


class Quality(Struct, frozen=True, kw_only=True):
    """What the episode rests on so far: values masked and imputed, late readings dropped.

    imputed is always 0: a missing value is masked, never made up. The field is there for consumers
    of detectors that do impute.
    """

    missing: int
    imputed: int = 0
    late: int


class ModelReference(Struct, frozen=True, kw_only=True):
    """The model that scored."""

    name: str
    version: str


class RecordReference(Struct, frozen=True, kw_only=True):
    """The record whose reading caused the transition."""

    topic: str
    partition: int
    offset: int


class AnomalyData(Struct, frozen=True, kw_only=True):
    """What happened. Numbers are null where the true one is not finite; JSON knows no other way.

    summary  the same for people, in a line
    """

    state: EpisodeState
    severity: Severity
    summary: str
    episode_id: str
    start: str
    end: str | UnsetType = UNSET
    anomaly_score: float | None
    threshold: float | None
    score_ratio: float | None
    peak_ratio: float | None
    readings: int
    contributions: list[ChannelContribution]
    quality: Quality
    model: ModelReference
    kafka: RecordReference
    reason: str


class AnomalyEvent(Struct, frozen=True, kw_only=True):
    """A CloudEvents 1.0 envelope around `AnomalyData`; `subject` is the entity."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    subject: str | UnsetType = UNSET
    time: str
    datacontenttype: str = "application/json"
    data: AnomalyData


def anomaly_event(event: EpisodeEvent, context: EventContext) -> AnomalyEvent:
    """The CloudEvent of one transition. Pure: equal arguments give equal events."""
    identity = (context.detector, context.model_version, context.entity, event.start_ns)
    time = _rfc3339(event.time_ns)
    return AnomalyEvent(
        id=_digest(*identity, _transition(event)),
        source=f"/sentinel/{quote(context.detector, safe='')}",
        type=EVENT_TYPES[event.state],
        # CloudEvents forbids an empty subject; a record may have an empty key.
        subject=context.entity or UNSET,
        time=time,
        data=AnomalyData(
            state=event.state,
            severity=event.severity,
            summary=summary(event),
            episode_id=_digest(*identity),
            start=_rfc3339(event.start_ns),
            end=time if event.state == "resolved" else UNSET,
            anomaly_score=_number(event.anomaly_score),
            threshold=_number(event.threshold),
            score_ratio=_number(event.score_ratio),
            peak_ratio=_number(event.peak_ratio),
            readings=event.readings,
            contributions=[_contribution(c) for c in event.contributions[:MAX_CONTRIBUTIONS]],
            quality=Quality(missing=event.missing_values, late=event.late_readings),
            model=ModelReference(name=context.model_name, version=context.model_version),
            kafka=RecordReference(
                topic=context.topic, partition=context.partition, offset=context.offset
            ),
            reason=event.reason,
        ),
    )


def encode(event: AnomalyEvent) -> bytes:
    """UTF-8 JSON without white space, keys in the order of the fields above."""
    return msgspec.json.encode(event)


def decode(data: bytes) -> AnomalyEvent:
    """What `encode` wrote.

    Raises    msgspec.ValidationError where the bytes are not such an event.
    """
    return msgspec.json.decode(data, type=AnomalyEvent)


def _transition(event: EpisodeEvent) -> str:
    return f"updated-{event.update}" if event.state == "updated" else event.state


def _digest(*parts: str | int) -> str:
    # As a JSON array, so that no two lists of parts run together to the same text.
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:_ID_HEX_DIGITS]


def _contribution(contribution: Contribution) -> ChannelContribution:
    return ChannelContribution(
        channel=contribution.channel,
        share=_number(contribution.share),
        observed=_number(contribution.observed),
        expected=_number(contribution.expected),
        deviation=_number(contribution.deviation),
        lowest=_number(contribution.lowest),
        highest=_number(contribution.highest),
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _rfc3339(time_ns: int) -> str:
    """RFC 3339 in UTC, with as many digits (0, 3, 6, 9) as the time has: nothing is rounded."""
    seconds, fraction = divmod(time_ns, NS_PER_S)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f"{fraction:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"
