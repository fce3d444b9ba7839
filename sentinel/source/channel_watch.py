"""Which of the model's channels the stream carries, and which others it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentinel.ports import ChannelReport
from sentinel.source.key_table import Names
from sentinel.source.layout import RecordLayout
from sentinel.source.rows import Rows

UNKNOWN_CHANNELS_MAX = 1024


class ChannelWatch:
    """Looks at every poll until each channel was seen once, then costs nothing.

    names  layout long: the channels' names in the records, the model's first, in column order;
           behind them the names of others, a bounded number
    """

    def __init__(self, layout: RecordLayout) -> None:
        self._layout = layout
        self._seen = np.zeros(len(layout.channels), np.bool_)
        self._awaiting = True
        self.names = Names(len(layout.channels) + UNKNOWN_CHANNELS_MAX)
        if layout.layout == "long":
            for path in layout.values:
                self.names.add(path[0].encode())

    def look(self, rows: Rows, records: int) -> None:
        """Take note of the channels in the rows of one poll, which came of so many records."""
        self._awaiting = self._awaiting and not records
        if self._seen.all():
            return
        if self._layout.layout == "long":
            self._seen[rows.heads["channel"][: rows.used]] = True
        else:
            self._seen |= np.isfinite(rows.values[: rows.used]).any(axis=0)

    def report(self, unknown_fields: Sequence[str]) -> ChannelReport:
        """Names: the model's for its own channels, the record's for others."""
        channels = self._layout.channels
        if self._layout.layout == "long":
            unknown = self.names.texts[len(channels) :]
        else:
            unknown = unknown_fields[:UNKNOWN_CHANNELS_MAX]
        absent = [name for name, seen in zip(channels, self._seen, strict=True) if not seen]
        return ChannelReport(
            matched=[name for name, seen in zip(channels, self._seen, strict=True) if seen],
            missing=[] if self._awaiting else absent,
            unknown=list(unknown),
            awaited=absent if self._awaiting else [],
        )
