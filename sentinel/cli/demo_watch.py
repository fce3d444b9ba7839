"""The daemon beside the demo, watched until it has read everything or gets no further."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sentinel.cli.demo_report import DemoReport
from sentinel.daemon.loop import Daemon
from sentinel.demo.events import EventReader
from sentinel.errors import KafkaError

POLL_MS = 200
STALLED_AFTER_S = 60.0


@contextmanager
def beside(daemon: Daemon) -> Iterator[threading.Event]:
    """Run the daemon in a thread; the event is set when it has ended.

    An error that it ends with is raised here: it tells more than what follows from it.
    """
    errors: list[BaseException] = []
    ended = threading.Event()

    def run() -> None:
        try:
            daemon.run()
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    thread = threading.Thread(target=run, name="sentinel-daemon")
    thread.start()
    try:
        yield ended
    finally:
        daemon.stop()
        thread.join()
        if errors:
            raise errors[0]


def watch(
    daemon: Daemon, ended: threading.Event, events: EventReader, report: DemoReport, count: int
) -> None:
    """Show progress and events until the daemon has read everything and told of it.

    Raises KafkaError where it ended before, or neither reads nor tells for STALLED_AFTER_S.
    """
    with report.replaying(count) as progress:
        moved_s = time.monotonic()
        read = 0
        while True:
            found = events.poll(POLL_MS)
            for event in found:
                report.event(event)
            before, read = read, daemon.readings_total
            progress(read)
            # Events are acknowledged before their readings count as read.
            if read >= count and events.at_end():
                return
            now = time.monotonic()
            if found or read != before:
                moved_s = now
            if ended.is_set() or now - moved_s >= STALLED_AFTER_S:
                raise KafkaError(
                    f"the daemon has {'ended' if ended.is_set() else 'stopped moving'} after "
                    f"{read:,} of {count:,} readings",
                    where=daemon.settings.topic,
                    hint="does the broker still run?",
                )
