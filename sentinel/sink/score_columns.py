"""Scores as the columns of a table: the same for CSV and for Parquet, but for the time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentinel.config.schema import TimestampUnit
from sentinel.records import FloatArray, Readings, Scores, Status, TimeArray

NS_PER_UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
TEXTS = {
    Status.OK: "ok",
    Status.WARMING: "warming",  # never alone: see `status_texts`
    Status.BETWEEN: "between strides",
    Status.DUPLICATE: "duplicate",
    Status.LATE: "late",
    Status.REJECTED: "rejected",
}


def status_texts(window_length: int) -> pa.Array:
    """The texts of all statuses, and behind them `warming n/N` for n from 0 to N."""
    plain = [TEXTS[status] for status in Status]
    return pa.array(plain + [f"warming {n}/{window_length}" for n in range(window_length + 1)])


def score_columns(
    readings: Readings, scores: Scores, entities: Sequence[str], texts: pa.Array
) -> dict[str, pa.Array]:
    """All columns but the time; a score that is not there yet is null."""
    used, entity = np.unique(readings.entity, return_inverse=True)
    names = pa.array([entities[index] for index in used.tolist()], pa.string())
    status = scores.status.astype(np.int32)
    status = np.where(status == Status.WARMING, len(Status) + scores.filled, status)
    return {
        "entity": names.take(pa.array(entity)),
        "anomaly_score": _numbers(scores.anomaly_score),
        "score_ratio": _numbers(scores.score_ratio),
        "is_anomaly": pa.array(scores.is_anomaly.astype(np.int8)),
        "status": texts.take(pa.array(status)),
    }


def number_columns(values: FloatArray, names: Sequence[str]) -> dict[str, pa.Array]:
    """Columns (N, F) under their names; NaN is null."""
    columns = np.ascontiguousarray(values.T)
    return {name: _numbers(column) for name, column in zip(names, columns, strict=True)}


def times_as_text(time_ns: TimeArray, unit: TimestampUnit) -> pa.Array:
    """Times, (N,) int64 nanoseconds, in the notation of the input, exactly.

    ISO 8601 in UTC with 0, 3, 6 or 9 digits of a second, or a number with as many as it needs;
    integers where no row needs any. Each row's text depends on its own time alone.
    """
    return _iso(time_ns) if unit == "iso8601" else _decimal(time_ns, NS_PER_UNIT[unit])


def times_as_values(time_ns: TimeArray, unit: TimestampUnit) -> pa.Array:
    """Times in the types of `time_type`."""
    if unit == "iso8601":
        return pa.array(time_ns).cast(time_type(unit))
    if unit == "ns":
        return pa.array(time_ns)
    # Nanoseconds are beyond what a double holds exactly; microseconds are not.
    whole_us, rest_ns = np.divmod(time_ns, 1_000)
    per_unit = NS_PER_UNIT[unit]
    return pa.array(whole_us / (per_unit // 1_000) + rest_ns / per_unit)


def time_type(unit: TimestampUnit) -> pa.DataType:
    """The type of times in Parquet: a timestamp for ISO 8601, whole ns, else doubles.

    Fractions of s, ms and us may come in any row; doubles hold all whole ones exactly.
    """
    if unit == "iso8601":
        return pa.timestamp("ns", "UTC")
    return pa.int64() if unit == "ns" else pa.float64()


def _numbers(values: FloatArray) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)  # NaN becomes null


def _iso(time_ns: TimeArray) -> pa.Array:
    rest = time_ns % 1_000_000_000
    digits = np.where(
        rest % 1_000_000 == 0, np.where(rest == 0, 0, 1), np.where(rest % 1_000, 3, 2)
    )
    texts = pa.nulls(len(time_ns), pa.string())
    for index, unit in enumerate(("s", "ms", "us", "ns")):
        rows = digits == index
        if rows.any():
            stamps = pa.array(time_ns[rows] // NS_PER_UNIT[unit]).cast(pa.timestamp(unit))
            texts = pc.replace_with_mask(texts, pa.array(rows), stamps.cast(pa.string()))
    return pc.binary_join_element_wise(pc.replace_substring(texts, " ", "T"), "Z", "")


def _decimal(time_ns: TimeArray, per_unit: int) -> pa.Array:
    whole, rest = np.divmod(time_ns, per_unit)
    if not rest.any():
        return pa.array(whole)
    width = len(str(per_unit)) - 1
    fraction = pc.utf8_lpad(pa.array(rest).cast(pa.string()), width, "0")
    fraction = pc.utf8_rtrim(fraction, "0")
    text = pa.array(whole).cast(pa.string())
    return pc.if_else(rest == 0, text, pc.binary_join_element_wise(text, fraction, "."))
