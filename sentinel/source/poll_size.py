"""How many record batches a poll takes, so that it brings about so many records and no more.

The daemon answers the watchdog, the group and the health check between polls. After a pause a
fetch holds hundreds of thousands of records, and a large model scores a few thousand a second.
"""

from __future__ import annotations

RECORDS_MAX = 32_768
# Of the size of the largest batches, what is believed after a poll that brought smaller ones.
KEPT = 0.9


class PollSize:
    """Follows the size of the batches that come; begins with one batch.

    batches  how many to take next, at most batches_max; a single one may hold more than RECORDS_MAX
    """

    def __init__(self, batches_max: int) -> None:
        self._batches_max = batches_max
        self._records_a_batch = 0.0
        self.batches = 1

    def brought(self, batches: int, records: int) -> None:
        """A poll brought so many; `records` counts readings where a record holds many."""
        if not batches:
            return
        # Slowly up, at once down: a poll of small batches says little of the next ones.
        self._records_a_batch = max(records / batches, KEPT * self._records_a_batch)
        fitting = int(RECORDS_MAX / max(self._records_a_batch, 1))
        self.batches = max(1, min(fitting, 2 * self.batches, self._batches_max))
