"""How many records a poll takes, so that it brings about so many readings and no more.

The daemon answers the watchdog, the group and the health check between polls. After a pause a
fetch holds hundreds of thousands of records, and a large model scores a few thousand a second.
"""

from __future__ import annotations

READINGS_MAX = 32_768
# Of the most readings that a record held, what is believed after a poll whose records held fewer.
KEPT = 0.9


class PollSize:
    """Follows how many readings a record holds; begins with one record.

    records  how many to take next, at most records_max; the last record batch comes whole
    """

    def __init__(self, records_max: int) -> None:
        self._records_max = records_max
        self._readings_a_record = 1.0
        self.records = 1

    def brought(self, records: int, readings: int) -> None:
        """A poll brought so many."""
        if not records:
            return
        # Slowly up, at once down: a poll of short records says little of the next ones.
        self._readings_a_record = max(readings / records, KEPT * self._readings_a_record, 1.0)
        fitting = int(READINGS_MAX / self._readings_a_record)
        self.records = max(1, min(fitting, self._records_max))
