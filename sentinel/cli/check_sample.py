"""`sentinel check --sample N`: what the daemon would make of the topic's newest records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sentinel.cli.findings import Finding, note, ok, warning
from sentinel.config.schema import Config
from sentinel.daemon.interval_watch import FACTOR_MAX
from sentinel.errors import ConfigError
from sentinel.fitted import FittedModel
from sentinel.plural import counted, listed
from sentinel.ports import ChannelReport, DeadLetter
from sentinel.records import NS_PER_S, Readings
from sentinel.source.batches import PlainRecord, pack
from sentinel.source.decoder import Decoded, Decoder
from sentinel.window.segments import median_interval_ns

MESSAGES_MAX = 10  # messages shown; the rest is a number

WHERE = "sample"


def check_sample(
    config: Config, model: FittedModel, sample: Mapping[int, Sequence[PlainRecord]]
) -> Iterator[Finding]:
    """What would be rejected, which channels match, and how often readings come.

    sample  records by partition, as `latest_records` brings them
    """
    topic = config.source.topic
    count = sum(map(len, sample.values()))
    if not count:
        yield note(WHERE, f'topic "{topic}" holds no records yet')
        return
    decoder = Decoder(config.source, model.channels)
    for partition, records in sample.items():
        decoder.decode(pack(topic, partition, records))
    parts = [decoder.take(), decoder.finish()]
    entities = len(decoder.entities)
    readings = sum(len(part.readings) for part in parts)
    yield from _rejected(parts, count, readings, entities)
    if readings:
        yield from _channels(decoder.channels())
        yield from _interval(parts, model.interval_ns)


def _rejected(
    parts: Sequence[Decoded], count: int, readings: int, entities: int
) -> Iterator[Finding]:
    letters = [letter for part in parts for letter in part.dead_letters]
    newest = counted(count, "newest record")
    if readings:
        told = f"{counted(readings, 'reading')} of {counted(entities, 'entity', 'entities')}"
        yield ok(WHERE, f"{told} in the {newest}")
    else:
        hint = "compare a record with timestamp_field, entity_field, layout and channels"
        what = f"no usable reading in the {newest}"
        yield Finding("problem", "source", what, hint, ConfigError.exit_code)
    for reason, number in _sum(part.rejected for part in parts).most_common():
        yield warning(
            WHERE, f"{number} rejected: {reason}", "the daemon sends them to dead letters"
        )
    yield from map(_letter, letters[:MESSAGES_MAX])
    if len(letters) > MESSAGES_MAX:
        more = counted(len(letters) - MESSAGES_MAX, "more record")
        yield note(WHERE, f"{more} with rejected readings")
    for reason, number in _sum(part.masked for part in parts).most_common():
        yield note(WHERE, f"{counted(number, 'value')} masked: {reason}")


def _letter(letter: DeadLetter) -> Finding:
    return note(WHERE, f"{letter.message} ({letter.reason})")


def _channels(report: ChannelReport) -> Iterator[Finding]:
    total = len(report.matched) + len(report.missing)
    if report.matched:
        yield ok("channels", f"{len(report.matched)} of {total} match: {listed(report.matched)}")
    if report.missing:
        yield warning(
            "source.channels",
            f"{len(report.missing)} of {total} missing from the sample: {listed(report.missing)}",
            "they are masked; if the records name them otherwise, say so in [source.channels]",
        )
    if report.unknown:
        yield note("channels", f"not known to the model, ignored: {listed(report.unknown)}")


def _interval(parts: Sequence[Decoded], expected_ns: int) -> Iterator[Finding]:
    found_ns = _median_interval_ns([part.readings for part in parts])
    if not (found_ns and expected_ns):
        return
    told = f"a reading every {found_ns / NS_PER_S:g} s, the model's {expected_ns / NS_PER_S:g} s"
    factor = max(found_ns / expected_ns, expected_ns / found_ns)
    if factor > FACTOR_MAX:
        yield warning(
            "interval",
            f"{told}: {factor:.3g} times off",
            "scores mean little then: fit the model to readings that come as these do",
        )
    else:
        yield ok("interval", told)


def _median_interval_ns(parts: Sequence[Readings]) -> int:
    entity = np.concatenate([part.entity for part in parts])
    time_ns = np.concatenate([part.time_ns for part in parts])
    order = np.lexsort((time_ns, entity))
    return median_interval_ns(entity[order], time_ns[order])


def _sum(counts: Iterator[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    return total
