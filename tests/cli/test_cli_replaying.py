"""What verbs that replay a file have in common: it is scored as a stream, however that is run."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from sentinel import store
from sentinel.cli.main import cli
from sentinel.cli.replaying import configured_detector
from sentinel.records import NS_PER_S, Readings
from tests.detector.joint import NAMES, joint_model
from tests.detector.toy import toy_model, toy_readings

COUNT, ENTITIES = 400, 3
PUMPS = [f"pump-{e}" for e in range(ENTITIES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, and a file with holes, gaps, duplicates and late readings, some of them far off."""
    path = tmp_path_factory.mktemp("replaying")
    for kind in ("joint", "forecast"):
        store.save(joint_model(kind), path / kind)
    store.save(toy_model(len(NAMES)), path / "reconstruct")
    with (path / "input.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        readings = stream()
        names = [f"channel-{f}" for f in range(len(NAMES))]
        writer.writerow(["timestamp", "entity", *names])
        for e, time_ns, values in zip(
            readings.entity.tolist(), readings.time_ns.tolist(), readings.values.tolist(),
            strict=True,
        ):  # fmt: skip
            cells = ["" if np.isnan(value) else repr(value) for value in values]
            writer.writerow([time_ns // NS_PER_S, PUMPS[e], *cells])
    return path


def stream() -> Readings:
    return toy_readings(COUNT, entities=ENTITIES, channels=len(NAMES), seed=3)


def run(folder: Path, verb: str, model: str, *options: object) -> Result:
    arguments = [verb, "--model", folder / model, "--input", folder / "input.csv", *options]
    return CliRunner().invoke(cli, [*map(str, arguments)])


def score(
    folder: Path, output: Path, model: str, *options: object
) -> tuple[np.ndarray, np.ndarray]:
    done = run(folder, "score", model, "--output", output, *options)
    assert done.exit_code == 0, done.output
    table = pq.read_table(output)
    return table.column("anomaly_score").to_numpy(), table.column("is_anomaly").to_numpy() != 0


@pytest.mark.parametrize("kind", ["joint", "forecast", "reconstruct"])
@pytest.mark.parametrize("cuts", [(), (1, 7, 100, 101, 250)], ids=["at-once", "restarted"])
def test_score_of_a_file_is_the_stream_to_the_last_bit_restarts_and_all(
    folder: Path, tmp_path: Path, kind: str, cuts: tuple[int, ...]
) -> None:
    anomaly_score, is_anomaly = score(folder, tmp_path / "scores.parquet", kind)
    model, readings = store.load(folder / kind), stream()
    detector = configured_detector(model, None, 1)
    found = []
    for start, stop in pairwise([0, *cuts, COUNT]):
        restarted = configured_detector(model, None, 1)
        restarted.restore(detector.snapshot())
        detector = restarted
        found.append(detector.process(readings.slice(start, stop), PUMPS).scores)
    together = np.concatenate([part.anomaly_score for part in found])
    assert np.nan_to_num(anomaly_score, nan=-1).tobytes() == (
        np.nan_to_num(together, nan=-1).tobytes()
    )
    assert is_anomaly.tolist() == [flag for part in found for flag in part.is_anomaly.tolist()]
    assert any(is_anomaly)


def test_every_verb_rebuilds_as_often_as_it_is_told(folder: Path, tmp_path: Path) -> None:
    own, _ = score(folder, tmp_path / "own.parquet", "joint")
    every, is_anomaly = score(
        folder, tmp_path / "every.parquet", "joint", "--reconstruct-every", 1
    )  # fmt: skip
    assert (own != every)[np.isfinite(own)].any()
    done = run(folder, "backtest", "joint", "--reconstruct-every", 1, "--json")
    told = json.loads(done.stdout)
    other = json.loads(run(folder, "backtest", "joint", "--json").stdout)
    peaks = [sorted(one["peak_ratio"] for one in found["episodes"]) for found in (told, other)]
    assert peaks[0] != peaks[1]
    ratio = every / joint_model().threshold
    assert max(peaks[0]) == ratio[is_anomaly].max()
    explain = ("--from", "2000-01-02", "--to", "2099-01-01", "--entity", "pump-0")
    shown = [
        run(folder, "explain", "joint", *explain, *options).stdout
        for options in ((), ("--reconstruct-every", 1))
    ]
    assert shown[0] != shown[1]


@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("score", ("--output", "-")),
        ("backtest", ()),
        ("explain", ("--from", "2024-01-01", "--to", "2025-01-01")),
    ],
)
def test_a_model_that_rebuilds_every_window_has_no_schedule(
    folder: Path, verb: str, options: tuple[str, ...]
) -> None:
    done = run(folder, verb, "reconstruct", "--reconstruct-every", 4, *options)
    assert done.exit_code == 2
    assert "--reconstruct-every does not go with a reconstruct model" in done.stderr


def write_rows(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize("pump", ["", "pump-2"], ids=["all", "one"])
def test_a_stretch_of_the_context_is_left_out_as_if_it_had_been_lost(
    folder: Path, tmp_path: Path, pump: str
) -> None:
    header, *rows = (folder / "input.csv").read_text().splitlines()
    before, after = rows[:250], rows[250:]
    # Into the input, of which nothing is left out.
    first, last = (int(row.split(",")[0]) for row in (before[200], after[20]))
    kept = [row for row in before if not first <= int(row.split(",")[0]) <= last or pump not in row]
    assert len(kept) < len(before)
    faults = tmp_path / "faults.csv"
    label = ("from,to,entity", f"{first},{last},{pump}") if pump else ("from,to", f"{first},{last}")
    write_rows(faults, label[0], [label[1]])
    after_path = write_rows(tmp_path / "after.csv", header, after)
    contexts = {
        name: write_rows(tmp_path / f"{name}.csv", header, lines)
        for name, lines in (("before", before), ("kept", kept))
    }

    def scores(context: str, *options: object) -> bytes:
        options = ("--input", after_path, "--context", contexts[context], *options)
        return score(folder, tmp_path / "scores.parquet", "joint", *options)[0].tobytes()

    named = scores("before", "--exclude-times", faults)
    assert named == scores("kept")
    assert named != scores("before")
    options = ("--input", after_path, "--context", contexts["before"], "--exclude-times", faults)
    done = run(folder, "backtest", "joint", *options)
    assert done.exit_code == 0, done.output
    assert "faults.csv" not in done.stderr


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("2099-01-01,2099-01-02,pump-1", "no reading of the context lies in a stretch; are both"),
        ("2000-01-02,2099-01-02,pump-9", "no machine 'pump-9'; there are 'pump-"),
        ("2000-01-02,2099-01-02,", "all of the context lies in the stretches: there is none left"),
    ],
)
def test_what_is_not_there_to_be_left_out_is_told_once(
    folder: Path, tmp_path: Path, label: str, message: str
) -> None:
    pytest.importorskip("matplotlib")
    faults, context = tmp_path / "faults.csv", folder / "input.csv"
    header = "from,to" if label.endswith(",") else "from,to,entity"
    write_rows(faults, header, [label.removesuffix(",")])
    header, *rows = context.read_text().splitlines()
    moved = [f"{int(at) + 10**6},{rest}" for at, rest in (row.split(",", 1) for row in rows)]
    later = write_rows(tmp_path / "later.csv", header, moved)
    options = ("--input", later, "--context", context, "--exclude-times", faults)
    done = run(folder, "backtest", "joint", *options, "--report", tmp_path / "report.html")
    assert done.exit_code == 0, done.output
    assert done.stderr.count(f"{faults}: {message}") == 1


def test_without_a_context_there_is_nothing_to_leave_out(folder: Path, tmp_path: Path) -> None:
    done = run(folder, "backtest", "joint", "--exclude-times", tmp_path / "faults.csv")
    assert done.exit_code == 2
    assert "--exclude-times leaves out readings of --context: give that" in done.stderr


def test_a_context_that_comes_after_the_input_is_suspected(folder: Path) -> None:
    done = run(folder, "score", "joint", "--context", folder / "input.csv", "--output", "-")
    assert "does --context come before it" in done.stderr
