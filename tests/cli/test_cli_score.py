"""`sentinel score`: a row per reading, in the order of the file, and mistakes told of at once."""

from __future__ import annotations

import csv
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sentinel import store
from sentinel.cli.main import cli
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.plural import counted
from tests.model.fitted import fitted, plain_scorer

T0 = 1_700_000_000
WINDOW_LENGTH = 4
CHANNELS = ("c0", "c1")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("score") / "model"
    parameters = Parameters.initial(Architecture(2, 4), np.random.default_rng(0), "glorot")
    second = 10**9
    of_seconds = replace(
        fitted(parameters, WINDOW_LENGTH), interval_ns=second, max_gap_ns=50 * second
    )
    store.save(of_seconds, path)
    return path


def long_rows(readings: int) -> list[str]:
    rng = np.random.default_rng(1)
    return [
        f"{T0 + n},pump,{channel},{value:.3f}"
        for n in range(readings)
        for channel, value in zip(CHANNELS, rng.normal(size=2), strict=True)
    ]


def write_long(path: Path, rows: list[str]) -> Path:
    path.write_text("\n".join(["timestamp,entity,channel,value", *rows]) + "\n")
    return path


def score(model: Path, source: Path, output: Path | str, *options: str) -> Result:
    arguments = ["score", "--model", str(model), "--input", str(source), "--output", str(output)]
    return CliRunner().invoke(cli, [*arguments, *options])


def scores(model: Path, source: Path, *options: str) -> list[dict[str, str]]:
    output = source.with_suffix(".scores.csv")
    done = score(model, source, output, *options)
    assert done.exit_code == 0, done.output
    with output.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("in_order", [True, False])
def test_scores_of_a_prefix_of_a_long_file_are_the_prefix_of_its_scores(
    model: Path, tmp_path: Path, in_order: bool
) -> None:
    rows = long_rows(30)
    if not in_order:
        random.Random(3).shuffle(rows)
    whole = scores(model, write_long(tmp_path / "whole.csv", rows), "--layout", "long")
    for cut in (1, 17, 40):
        part = scores(model, write_long(tmp_path / "part.csv", rows[:cut]), "--layout", "long")
        # The last reading may be one that the cut left unfinished.
        assert part[:-1] == whole[: len(part) - 1]
    assert sum(row["status"] == "ok" for row in whole) > 2


def test_values_that_come_late_are_dropped_as_in_a_stream(model: Path, tmp_path: Path) -> None:
    rows = long_rows(12)
    sorted_by_channel = sorted(rows, key=lambda row: row.split(",")[2])
    path = write_long(tmp_path / "by-channel.csv", sorted_by_channel)
    told = score(model, path, "-", "--layout", "long").output
    assert "out of order or repeated: 11 of 23 readings" in told
    statuses = [row["status"] for row in scores(model, path, "--layout", "long")]
    assert (statuses.count("late"), statuses.count("duplicate")) == (10, 1)
    late = write_long(tmp_path / "late.csv", [*rows, rows[0]])
    found = scores(model, late, "--layout", "long")
    assert [row["status"] for row in found[-2:]] == ["ok", "late"]
    assert found[-1]["anomaly_score"] == found[-2]["anomaly_score"]


def test_a_forecast_is_what_the_model_expected_of_each_reading(model: Path, tmp_path: Path) -> None:
    path = write_long(tmp_path / "whole.csv", long_rows(30))
    plain = scores(model, path, "--layout", "long")
    told = scores(model, path, "--layout", "long", "--forecast")
    names = [f"expected_{channel}" for channel in CHANNELS]
    assert [{k: v for k, v in row.items() if k not in names} for row in told] == plain
    for row in told:
        assert all((row[name] != "") == (row["status"] == "ok") for name in names)
    readings = np.array([float(row.split(",")[3]) for row in long_rows(30)]).reshape(-1, 2)
    loaded = store.load(model)
    last = loaded.scaling.apply(readings[-WINDOW_LENGTH:])
    found = plain_scorer(loaded).score_windows(last, np.array([0]), np.array([WINDOW_LENGTH]))
    expected = loaded.scaling.invert(found.expected[0])
    assert [float(told[-1][name]) for name in names] == pytest.approx(expected, abs=1e-5)


def test_what_was_written_is_told_in_one_line_beside_the_scores(
    model: Path, tmp_path: Path
) -> None:
    far_off = [f"{T0 + n},pump,{channel},99" for n in range(30, 33) for channel in CHANNELS]
    path = write_long(tmp_path / "whole.csv", long_rows(30) + far_off)
    output = tmp_path / "scores.csv"
    done = score(model, path, output, "--layout", "long")
    with output.open() as file:
        rows = list(csv.DictReader(file))
    scored = sum(row["status"] == "ok" for row in rows)
    opened = sum(now["is_anomaly"] > before["is_anomaly"] for before, now in pairwise(rows))
    told = f"33 rows written to {{}}: {scored} scored, {counted(opened, 'episode')}"
    assert opened > 0
    assert done.stderr.splitlines()[-1] == told.format(output)
    assert done.stdout == ""
    piped = score(model, path, "-", "--layout", "long")
    assert piped.stderr.splitlines()[-1] == told.format("standard output")
    assert piped.stdout == output.read_text()


@pytest.mark.parametrize("name", ["nowhere/scores.csv", ""])
def test_an_output_that_cannot_be_written_is_told_of_before_anything_is_read(
    tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    done = score(tmp_path / "no-model", tmp_path / "no.csv", output)
    assert done.exit_code == 4
    assert f"{output}: scores cannot be written: " in done.output
    assert "; name a file in a directory that can be written to" in done.output
    assert list(tmp_path.iterdir()) == []


def wide(path: Path, *, interval_s: int = 1, names: str = "c0,c1", readings: int = 60) -> Path:
    values = np.random.default_rng(1).normal(size=(readings, names.count(",") + 1))
    rows = [
        ",".join([str(T0 + n * interval_s), *(f"{value:.3f}" for value in row)])
        for n, row in enumerate(values)
    ]
    path.write_text("\n".join([f"timestamp,{names}", *rows]) + "\n")
    return path


def test_the_input_s_interval_is_looked_at_and_not_its_context_s(
    model: Path, tmp_path: Path
) -> None:
    before = wide(tmp_path / "before.csv")
    after = wide(tmp_path / "after.csv", interval_s=5)
    for context, odd in ((before, after), (after, before)):
        options = ("--context", str(context))
        done = score(model, odd, tmp_path / "out.csv", *options)
        assert done.exit_code == 0, done.output
        assert ("the readings are 5 s apart" in done.stderr) == (odd == after)


@pytest.mark.parametrize(
    ("made", "options", "told"),
    [
        ({}, (), ""),
        ({"interval_s": 2}, (), ""),
        ({"interval_s": 5}, (), "the readings are 5 s apart, the model's history 1 s: more than 2 "
                                "times apart: is it a model of this machine?"),
        ({"names": "c0,vib"}, (), "channels of the model that the input lacks: 'c1'; it has 'vib' "
                                  "instead"),
        ({"names": "c0"}, (), "channels of the model that the input lacks: 'c1'"),
        ({"names": "c0,c1,c2"}, (), "columns that the model does not know: 'c2'"),
        ({"names": "c0,c1,c2"}, ("--exclude", "c2"), ""),
    ],
    ids=["fits", "twice", "slow", "renamed", "one less", "one more", "left out"],
)  # fmt: skip
def test_an_input_that_is_unlike_the_history_is_scored_and_told_of(
    model: Path, tmp_path: Path, made: dict, options: tuple[str, ...], told: str
) -> None:
    done = score(model, wide(tmp_path / "in.csv", **made), tmp_path / "out.csv", *options)
    assert done.exit_code == 0, done.output
    [*warnings] = [row for row in done.stderr.splitlines() if "WARNING" in row]
    assert len(warnings) == bool(told)
    assert told in " ".join(warnings)
