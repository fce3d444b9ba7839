"""Labels held against the readings that they are to judge."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from sentinel.backtest.labels import Labels
from sentinel.errors import DataError
from sentinel.plural import listed
from sentinel.records import IndexArray, TimeArray
from sentinel.report.wording import iso
from sentinel.source.history_table import place

log = logging.getLogger(__name__)

SAME_CLOCK = "are both in UTC, and of the same machines?"


def demand_fit(
    labels: Labels, entity: IndexArray, time_ns: TimeArray, entities: Sequence[str]
) -> None:
    """Raise DataError where labels name an unknown machine, or hold none of the readings at all.

    entity, time_ns  (N,) of the readings that can be judged, at least one
    """
    refuse_strangers(labels, entities, "input")
    unmet = labels.without_reading(entity, time_ns, entities)
    if len(unmet) == len(labels):
        raise DataError(
            f"no label holds any of the readings, which are from {iso(int(time_ns.min()))} to "
            f"{iso(int(time_ns.max()))}",
            where=labels.where,
            hint=SAME_CLOCK,
        )
    if unmet:
        log.warning(
            "%s: no reading with a score in %d of %d labels, the first is %s",
            labels.where, len(unmet), len(labels), f"data row {unmet[0] + 1}",
        )  # fmt: skip
    if cut := labels.beginning_before(entity, time_ns, entities):
        log.warning(
            "%s: %d of %d labels begin before the first reading with a score, the first is %s: "
            "judged from that reading on",
            labels.where, len(cut), len(labels), f"data row {cut[0] + 1}",
        )  # fmt: skip


def refuse_strangers(labels: Labels, entities: Sequence[str], whole: str) -> None:
    """Raise DataError where labels name a machine that `whole`, history or input, does not have."""
    if strangers := labels.strangers(entities):
        assert labels.entities is not None
        raise DataError(
            f"the {whole} has no machine {labels.entities[strangers[0]]!r}; it has "
            f"{listed(entities)}",
            where=place(Path(labels.where), strangers[0]),
            hint=f"names must be those of the {whole}'s entity column",
        )
