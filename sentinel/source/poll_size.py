"""How many record batches a poll takes, so that it brings about so many records and no more.

The daemon answers the watchdog, the group and the health check between polls. After a pause a
fetch holds hundreds of thousands of records, and a large model scores a few thousand a second.
"""

from __future__ import annotations

RECORDS_MAX = 32_768


class PollSize:
    """Follows the size of the batches that come; begins with one batch.

    batches  how many to take next, at most batches_max; a single one may hold more than RECORDS_MAX
    """

    def __init__(self, batches_max: int) -> None:
        self._batches_max = batches_max
        self.batches = 1

    def brought(self, batches: int, records: int) -> None:
        """A poll brought so many; `records` counts readings where a record holds many."""
        if not batches:
            return
        fitting = RECORDS_MAX * batches // max(records, 1)
        # Slowly up, at once down: a poll of small batches says little of the next ones.
        self.batches = max(1, min(fitting, 2 * self.batches, self._batches_max))
