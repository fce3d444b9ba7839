"""Three made-up pumps, one of which fails: `python -m sentinel.demo.pumps DIRECTORY [SEED]`.

Synthetic and seeded, because no series of many channels may ship; shaped as such pumps behave.
Their speed follows the shifts; flow is proportional to it, pressure to its square, power to its
cube (the affinity laws). A bearing warms by friction, hours behind the load, above a hall that
follows day and weather. In pump-2 one wears from a moment on, slowly, then fast: vibration grows,
its temperature follows, flow and pressure sag and the motor draws more, until the pump trips.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from sentinel.records import FloatArray

PUMPS = ("pump-1", "pump-2", "pump-3")
WEARS = 1  # which of them
CHANNELS = ("vibration_mm_s", "bearing_c", "flow_m3_h", "pressure_bar", "current_a")
DECIMALS = (2, 1, 1, 2, 1)
SEED = 1

INTERVAL = timedelta(minutes=10)
BEGIN = datetime(2025, 3, 3)  # a Monday; UTC, as all times
HISTORY_END = BEGIN + timedelta(weeks=5)
ONSET = HISTORY_END + timedelta(days=11, hours=4)
FAILURE = ONSET + timedelta(days=12, hours=10, minutes=20)
END = HISTORY_END + timedelta(weeks=4)

HOUR = 6  # readings
DAY = 24 * HOUR
EARLY, LATE, NIGHT, WEEKEND = 0.93, 0.86, 0.62, 0.55  # of full speed
GROWTH = 3  # power of time: a bearing takes most of its harm in its last days


def sensors(seed: int = SEED) -> FloatArray:
    """What every pump shows, (T, 3, 5), from BEGIN to END."""
    rng = np.random.default_rng(seed)
    T = (END - BEGIN) // INTERVAL
    speed = _speed(rng, T)
    wear = _wear(T)

    def noise(size: float) -> FloatArray:
        return size * rng.normal(size=speed.shape)

    hour = np.arange(T)[:, None] / HOUR
    hall = 19 + 2.5 * np.sin(2 * np.pi * (hour - 9) / 24) + _wander(rng, (T, 1), 2.0, 2 * DAY)
    friction = 26 * speed**2 + 16 * wear
    # No two pumps stand on the same foundation, nor feed the same pipe.
    mounting, pipe = np.array([1.0, 1.08, 0.94]), np.array([1.0, 0.98, 1.03])
    vibration = mounting * (0.7 + 1.3 * speed**2) + 6.5 * wear
    vibration *= 1 + noise(0.05) + _wander(rng, speed.shape, 0.03, 4 * HOUR)
    return np.stack(
        [
            vibration,
            _lagged(hall + friction, 2 * HOUR, (hall + friction)[0]) + noise(0.25),
            82 * pipe * speed * (1 - 0.07 * wear) + noise(0.6),
            5.2 * speed**2 * (1 - 0.05 * wear) + noise(0.03),
            (9 + 38 * speed**3) * (1 + 0.06 * wear) + noise(0.4),
        ],
        axis=-1,
    )


def _speed(rng: np.random.Generator, T: int) -> FloatArray:
    """Share of full speed, (T, 3): by shift, never twice quite the same, and never at once."""
    reading = np.arange(T)
    hour, day = reading // HOUR % 24, reading // DAY
    night = (hour < 6) | (hour >= 22)
    asked = np.select([night, hour < 14], [NIGHT, EARLY], LATE)
    asked = np.where(day % 7 >= 5, WEEKEND, asked)
    shift = (reading + 2 * HOUR) // (8 * HOUR)
    mood = 0.025 * rng.normal(size=(shift[-1] + 1, len(PUMPS)))[shift]
    wander = _wander(rng, (T, len(PUMPS)), 0.012, 2 * HOUR)
    wanted = asked[:, None] + mood
    return _lagged(wanted, HOUR, wanted[0]) + wander


def _wear(T: int) -> FloatArray:
    """How far each bearing is gone, (T, 3): 0 in health, 1 at the failure."""
    since = np.arange(T) - (ONSET - BEGIN) / INTERVAL
    wear = np.zeros((T, len(PUMPS)))
    wear[:, WEARS] = np.clip(since / ((FAILURE - ONSET) / INTERVAL), 0, 1) ** GROWTH
    return wear


def _lagged(target: FloatArray, readings: float, at: FloatArray) -> FloatArray:
    """What follows `target`, (T, P), from `at` on, as heat or a drive does: a first-order lag."""
    followed = np.empty_like(target)
    for t, wanted in enumerate(target):
        at = at + (wanted - at) / readings
        followed[t] = at
    return followed


def _wander(
    rng: np.random.Generator, shape: tuple[int, ...], size: float, readings: float
) -> FloatArray:
    """Noise with a memory of so many readings, and `size` as its standard deviation."""
    noise = size * rng.normal(size=shape)
    return _lagged(noise * math.sqrt(2 * readings - 1), readings, noise[0])


def write(directory: Path, seed: int = SEED) -> None:
    """healthy.csv until HISTORY_END, rest.csv from there on, labels.csv: what is known of it."""
    values = sensors(seed)
    split = (HISTORY_END - BEGIN) // INTERVAL
    directory.mkdir(parents=True, exist_ok=True)
    _table(directory / "healthy.csv", ("timestamp", "entity", *CHANNELS), _rows(values, 0, split))
    rest = _rows(values, split, len(values))
    _table(directory / "rest.csv", ("timestamp", "entity", *CHANNELS), rest)
    known = (PUMPS[WEARS], _text(ONSET), _text(FAILURE), _text(FAILURE), "bearing")
    _table(directory / "labels.csv", ("entity", "from", "to", "failed_at", "what"), [known])


def _rows(values: FloatArray, first: int, stop: int) -> Iterator[Sequence[str]]:
    for t in range(first, stop):
        time = BEGIN + t * INTERVAL
        for pump, shown in zip(PUMPS, values[t].tolist(), strict=True):
            if pump == PUMPS[WEARS] and time > FAILURE:
                continue  # it stands still, and tells nothing
            numbers = zip(shown, DECIMALS, strict=True)
            yield _text(time), pump, *(f"{number:.{digits}f}" for number, digits in numbers)


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _table(path: Path, names: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        table.writerows(rows)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not all(text.isdigit() for text in sys.argv[2:]):
        sys.exit("usage: python -m sentinel.demo.pumps DIRECTORY [SEED]")
    write(Path(sys.argv[1]), *map(int, sys.argv[2:]))
