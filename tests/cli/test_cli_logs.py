"""The log: one line a message whatever it holds, and no second timestamp under systemd."""

import io
import json
import logging
import os
import re
import sys

import pytest

from sentinel.cli.logs import set_up
from sentinel.config.schema import LogConfig


@pytest.fixture(autouse=True)
def _loggers_as_before():
    root, kafka = logging.getLogger(), logging.getLogger("kafka")
    handlers, level, kafka_level = root.handlers[:], root.level, kafka.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    kafka.setLevel(kafka_level)


def logged(config: LogConfig, *arguments: object, error: bool = False) -> str:
    stream = io.StringIO()
    set_up(config, stream)
    log = logging.getLogger("sentinel.test")
    if error:
        try:
            raise ValueError("inner")
        except ValueError:
            log.exception(*arguments)
    else:
        log.warning(*arguments)
    return stream.getvalue()


def test_text_has_time_level_and_logger() -> None:
    line = logged(LogConfig(), "entity %r is late", "pump-1")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING sentinel\.test: "
        r"entity 'pump-1' is late\n",
        line,
    )


def test_what_the_kafka_client_repeats_is_held_back_for_a_minute_and_counted() -> None:
    stream = io.StringIO()
    set_up(LogConfig(), stream)

    def client_says(message: str, at_s: float, name: str = "kafka.net") -> None:
        record = logging.makeLogRecord(
            {"name": name, "msg": message, "args": (at_s,), "created": at_s}
            | {"levelno": logging.ERROR, "levelname": "ERROR"}
        )
        logging.getLogger(name).handle(record)

    for second in range(100):
        client_says("cannot connect, attempt %s", second)
    client_says("another thing %s", 100.0)
    client_says("cannot connect, attempt %s", 101.0, "sentinel.source")
    lines = [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines == [
        "cannot connect, attempt 0",
        "cannot connect, attempt 60 [held back since the last such line: 59]",
        "another thing 100.0",
        "cannot connect, attempt 101.0",
    ]


def test_a_debugging_session_sees_every_word_of_the_kafka_client() -> None:
    stream = io.StringIO()
    set_up(LogConfig(level="debug"), stream)
    for _ in range(3):
        logging.getLogger("kafka.net").debug("again")
    assert stream.getvalue().count("again") == 3


def test_message_with_newlines_stays_one_line() -> None:
    line = logged(LogConfig(), "key %s", "x\n<2>kernel: forged\r\n")
    assert line.count("\n") == 1
    assert line.endswith("key x\\n<2>kernel: forged\\r\\n\n")


def test_traceback_of_an_exception_follows() -> None:
    text = logged(LogConfig(), "failed", error=True)
    assert "ValueError: inner" in text


def test_json_is_one_object_a_line() -> None:
    line = logged(LogConfig(format="json"), "key %r", "x\ny", error=True)
    assert line.count("\n") == 1
    record = json.loads(line)
    assert record["level"] == "error"
    assert record["logger"] == "sentinel.test"
    assert record["message"] == r"key 'x\ny'"
    assert "ValueError: inner" in record["traceback"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])


def test_level_is_the_least_severity_logged() -> None:
    assert logged(LogConfig(level="error"), "quiet") == ""


@pytest.mark.parametrize(("level", "heard"), [("info", False), ("debug", True)])
def test_kafka_client_chatters_only_when_debugging(level: str, heard: bool) -> None:
    stream = io.StringIO()
    set_up(LogConfig(level=level), stream)
    logging.getLogger("kafka.conn").info("reconnecting")
    assert ("reconnecting" in stream.getvalue()) is heard


def test_journal_gets_no_second_timestamp(tmp_path, monkeypatch) -> None:
    with open(tmp_path / "journal", "w") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        set_up(LogConfig(), stream)
        logging.getLogger("sentinel.test").warning("late")
    assert (tmp_path / "journal").read_text() == "WARNING sentinel.test: late\n"


def test_standard_error_is_the_default(capsys) -> None:
    set_up(LogConfig())
    logging.getLogger("sentinel.test").warning("late")
    assert "late" in capsys.readouterr().err
    assert sys.stderr is not None
