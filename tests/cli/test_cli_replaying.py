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
            writer.writerow([time_ns // NS_PER_S, f"pump-{e}", *cells])
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
        found.append(detector.process(readings.slice(start, stop)).scores)
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


def test_a_stretch_of_the_context_is_left_out_as_if_it_had_been_lost(
    folder: Path, tmp_path: Path
) -> None:
    header, *rows = (folder / "input.csv").read_text().splitlines()
    before, after = rows[:250], rows[250:]
    gone = before[100:130]
    first, last = (row.split(",")[0] for row in (gone[0], gone[-1]))
    kept = [row for row in before if not int(first) <= int(row.split(",")[0]) <= int(last)]
    assert len(kept) < len(before)
    for name, lines in (("before", before), ("kept", kept), ("after", after)):
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *lines]) + "\n")
    faults = tmp_path / "faults.csv"
    faults.write_text(f"from,to\n{first},{last}\n")

    def scores(context: str, *options: object) -> bytes:
        options = ("--input", tmp_path / "after.csv", "--context", tmp_path / context, *options)
        return score(folder, tmp_path / "scores.parquet", "joint", *options)[0].tobytes()

    named = scores("before.csv", "--exclude-times", faults)
    assert named == scores("kept.csv")
    assert named != scores("before.csv")


def test_left_out_are_readings_of_a_context_and_some(folder: Path, tmp_path: Path) -> None:
    faults, context = tmp_path / "faults.csv", folder / "input.csv"
    faults.write_text("from,to\n2099-01-01,2099-01-02\n")
    done = run(folder, "backtest", "joint", "--exclude-times", faults)
    assert done.exit_code == 2
    assert "--exclude-times leaves out readings of --context: give that" in done.stderr
    later = tmp_path / "later.csv"
    header, *rows = context.read_text().splitlines()
    moved = [f"{int(at) + 10**6},{rest}" for at, rest in (row.split(",", 1) for row in rows)]
    later.write_text("\n".join([header, *moved]) + "\n")
    options = ("--input", later, "--context", context, "--exclude-times", faults)
    done = run(folder, "backtest", "joint", *options)
    assert done.exit_code == 0, done.output
    assert f"{faults}: no reading of the context lies in one of the stretches" in done.stderr
