"""Logging to standard error: text for people and the journal, JSON lines for collectors.

Values from outside are logged with %r, and a message is one line whatever it holds: a record key
with a newline must not be able to forge a log line.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import TextIO

import msgspec

from sentinel.config.schema import LogConfig


def set_up(config: LogConfig, stream: TextIO | None = None) -> None:
    """Send the log of the whole process to `stream`, standard error by default."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    if config.format == "json":
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(TextFormatter(timestamps=not _is_journal(stream, os.environ)))
    logging.basicConfig(level=config.level.upper(), handlers=[handler], force=True)
    # The Kafka client tells of every reconnect at INFO, and of every failure each time that it
    # tries again; that is detail for a debugging session.
    debugging = config.level == "debug"
    logging.getLogger("kafka").setLevel(logging.DEBUG if debugging else logging.WARNING)
    if not debugging:
        handler.addFilter(KafkaRepetitions())
    # It warns whenever a second request arrives before the first one is answered.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class KafkaRepetitions(logging.Filter):
    """Lets each message of kafka-python pass once a minute, and then says how many were held back.

    The same message: the same text before its values are filled in.
    """

    EVERY_S = 60.0
    MESSAGES_MAX = 256

    def __init__(self) -> None:
        super().__init__()
        self._passed_s: dict[str, float] = {}
        self._held_back: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be printed."""
        if not record.name.startswith("kafka."):
            return True
        message = f"{record.name} {record.msg}"
        if record.created - self._passed_s.get(message, -math.inf) < self.EVERY_S:
            self._held_back[message] += 1
            return False
        if len(self._passed_s) >= self.MESSAGES_MAX:
            self._passed_s.clear()
            self._held_back.clear()
        self._passed_s[message] = record.created
        if held_back := self._held_back.pop(message, 0):
            record.msg = f"{record.msg} [held back since the last such line: {held_back}]"
        return True


class TextFormatter(logging.Formatter):
    """`2026-05-01T12:00:00.250Z WARNING sentinel.daemon.loop: message`."""

    def __init__(self, *, timestamps: bool) -> None:
        prefix = "%(asctime)s " if timestamps else ""
        super().__init__(f"{prefix}%(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """UTC, to the millisecond."""
        return _iso8601(record.created)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line itself; a traceback, where there is one, follows on lines of its own."""
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        return super().formatMessage(record)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message and, of an exception, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {
            "time": _iso8601(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def _iso8601(unix_s: float) -> str:
    milliseconds = int(unix_s * 1000) % 1000
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(unix_s))}.{milliseconds:03d}Z"


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether systemd's journal reads `stream`: it puts its own time before every line."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False  # not a file: a buffer of a test, or closed
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
