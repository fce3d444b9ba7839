"""Which channels a stretch of a topic holds, when there is no model yet that knows them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from sentinel.config.schema import SourceConfig
from sentinel.errors import DataError
from sentinel.plural import listed
from sentinel.source.batches import RecordBatch
from sentinel.source.decoder import Decoder

CHANNELS_MAX = 1000

log = logging.getLogger(__name__)


class ChannelDiscovery:
    """Looks at every record of the stretch, with the decoder that will read them later.

    A field (layout long: a name in the channel field) is a channel where at least one reading that
    can be used has a number there. Those that [source.channels] names are looked for at their
    paths; others only at the top of a reading, since that is where `sentinel run` finds them.
    """

    def __init__(self, config: SourceConfig) -> None:
        self._config = config
        self._names = dict.fromkeys(config.channels)  # in use as an ordered set
        self._found: set[str] = set()
        self._records = 0

    def look(self, batches: Iterable[RecordBatch]) -> None:
        """Take note of the channels in some records.

        Raises DataError where they are so many that field names cannot be what is meant.
        """
        # A decoder remembers a bounded number of fields: each call begins with a fresh one.
        decoder = self._decoder()
        for batch in batches:
            self._records += len(batch)
            while True:
                decoder.decode(batch)
                decoder.take()
                new = dict.fromkeys(decoder.channels().unknown).keys() - self._names.keys()
                if not new:
                    break
                self._names.update(dict.fromkeys(sorted(new)))
                self._demand_few()
                self._found.update(decoder.channels().matched)
                decoder = self._decoder()
        self._found.update(decoder.channels().matched)

    def channels(self) -> Sequence[str]:
        """The channels' names, sorted: not a matter of which record came first.

        Raises DataError where there are none, or not all that [source.channels] names.
        """
        where = self._config.topic
        if not self._records:
            raise DataError("the range has no records", where=where, hint="see --from and --to")
        lacking = [name for name in self._config.channels if name not in self._found]
        if lacking:
            raise DataError(
                f"no reading of the range has a value of {listed(lacking)}, which "
                "[source.channels] names",
                where=where,
                hint="compare their paths with the records of `sentinel check --sample 10`",
            )
        if not self._found:
            raise DataError(
                "no reading of the range has a numeric channel",
                where=where,
                hint="look at the fields with `sentinel check --sample 10`; those inside of objects"
                " need names: lines such as temp = 'values.temp' in [source.channels]",
            )
        inner = [name for name in self._names if name not in self._found and "." in name]
        if inner:
            log.warning(
                "fields inside of objects are no channels unless [source.channels] names them: %s",
                listed(inner),
            )
        return sorted(self._found)

    def _decoder(self) -> Decoder:
        return Decoder(self._config, list(self._names))

    def _demand_few(self) -> None:
        if len(self._names) <= CHANNELS_MAX:
            return
        long = self._config.layout == "long"
        holder = f"field {self._config.channel_field!r} holds" if long else "the readings have"
        raise DataError(
            f"{holder} more than {CHANNELS_MAX} names of channels: {listed(list(self._names))}",
            where=self._config.topic,
            hint="do the names hold what changes, such as a machine or a time? "
            "look at the fields with `sentinel check --sample 10`",
        )
