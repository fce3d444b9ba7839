"""A folder of labelled series, `<set>/<series>.npz`, and one of them as tables for `sentinel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tests.quality.contaminate import seed_of, spoil, stretches

US_PER_S = 1_000_000

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tables:
    """The two parts of a series: `timestamp` (UTC, microseconds) and one column per channel.

    times_are_rows  the series' own times could not be used: see `stream_times_us`
    faults          the stretches of train that were spoilt: from, to
    """

    train: pa.Table
    test: pa.Table
    times_are_rows: bool
    faults: pa.Table


def keys_of(folder: Path) -> list[str]:
    """`<set>/<series>` of every series of `folder`, sorted."""
    found = folder.glob("*/*.npz")
    return sorted(path.relative_to(folder).as_posix().removesuffix(".npz") for path in found)


def set_of(key: str) -> str:
    """The set that `<set>/<series>` belongs to."""
    return key.split("/")[0]


def selected(keys: Sequence[str], only: str) -> list[str]:
    """Those of `keys` that `only` names: sets, `<set>/<series>`, files of either, one a line.

    The names are separated by commas. Raises ValueError where one of them names nothing.
    """
    names: list[str] = []
    for name in filter(None, map(str.strip, only.split(","))):
        if Path(name).is_file():
            lines = Path(name).read_text(encoding="utf-8").splitlines()
            names += filter(None, map(str.strip, lines))
        else:
            names.append(name)
    wanted = set(names)
    if unknown := sorted(wanted - set(keys) - set(map(set_of, keys))):
        raise ValueError(f"neither a set, nor a series, nor a file: {', '.join(unknown)}")
    return [key for key in keys if key in wanted or set_of(key) in wanted]


def read_tables(path: Path, contaminate: float = 0.0) -> Tables:
    """The tables of one series; with that share of train spoilt, see `contaminate.spoil`.

    The file holds train (n, F), test (m, F), channels (F,), t_train (n,) and t_test (m,) in unix
    seconds. Raises KeyError where one is missing, ValueError where their lengths differ.
    """
    with np.load(path, allow_pickle=False) as file:
        train, test, channels = file["train"], file["test"], [str(c) for c in file["channels"]]
        t_train, t_test = file["t_train"], file["t_test"]
        spliced = np.zeros(len(train), np.bool_)
        if contaminate:
            key = f"{path.parent.name}/{path.name.removesuffix('.npz')}"
            train, spliced = spoil(train, test, file["label"], contaminate, seed_of(key))
    train_us, test_us, are_rows = stream_times_us(t_train, t_test)
    return Tables(
        _table(train_us, train, channels),
        _table(test_us, test, channels),
        are_rows,
        _faults(train_us, spliced),
    )


def stream_times_us(
    t_train: npt.ArrayLike, t_test: npt.ArrayLike
) -> tuple[IntArray, IntArray, bool]:
    """Times of the stream that train and then test make, in microseconds; whether they are rows.

    The detector drops a reading that is not newer than the one before it, but a score is wanted for
    every row of test. So the series' own times are used where they rise strictly through train and
    on through test; where they repeat or go back (a clock set back, a copied stretch), all of them
    are replaced by row numbers, from the first time on, at the median interval of train.
    """
    ours = np.concatenate([np.asarray(t_train, np.float64), np.asarray(t_test, np.float64)])
    rows_train = len(np.asarray(t_train))
    times_us = np.rint(ours * US_PER_S).astype(np.int64)
    steps_us = np.diff(times_us)
    are_rows = not (steps_us > 0).all()
    if are_rows:
        rising_us = steps_us[: rows_train - 1][steps_us[: rows_train - 1] > 0]
        interval_us = int(np.median(rising_us)) if len(rising_us) else US_PER_S
        times_us = times_us[0] + interval_us * np.arange(len(ours), dtype=np.int64)
    return times_us[:rows_train], times_us[rows_train:], are_rows


def _table(times_us: IntArray, values: npt.NDArray[np.floating], channels: list[str]) -> pa.Table:
    if values.shape != (len(times_us), len(channels)):
        raise ValueError(
            f"{len(times_us)} times and {len(channels)} channels, but values of {values.shape}"
        )
    columns = [pa.array(np.ascontiguousarray(column)) for column in values.T]
    return pa.Table.from_arrays([_times(times_us), *columns], ["timestamp", *channels])


def _faults(times_us: IntArray, spliced: npt.NDArray[np.bool_]) -> pa.Table:
    first, stop = stretches(spliced)
    return pa.table({"from": _times(times_us[first]), "to": _times(times_us[stop - 1])})


def _times(times_us: IntArray) -> pa.Array:
    return pa.array(times_us).cast(pa.timestamp("us", "UTC"))
