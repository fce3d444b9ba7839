"""`sentinel fit`: what it says, and mistakes that are told of before any work is done."""

from __future__ import annotations

import io
import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sentinel import store
from sentinel.cli import fit as module
from sentinel.cli import progress as progress_module
from sentinel.cli import summary
from sentinel.cli.main import cli
from sentinel.cli.output import OutputConsole
from sentinel.cli.suspicious import print_suspicious, suspicious_summary
from sentinel.fitting import fit
from sentinel.fitting.review import Review, Suspicious
from sentinel.fitting.settings import FitSettings
from sentinel.model.training import Progress, TrainingSettings
from sentinel.records import Readings
from sentinel.window.segments import find_segments

T0 = 1_700_000_000


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["fit", *map(str, arguments)])


def history(path: Path, rows: int = 200, header: str = "timestamp,temp") -> Path:
    lines = [f"{T0 + n},{np.sin(n / 3):.4f}" for n in range(rows)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_a_model_that_cannot_be_written_is_told_of_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / "model"
    done = run(tmp_path / "no-history.csv", "--output", output)
    assert done.exit_code == 5
    assert f"{output}: cannot write the model: " in done.output
    assert "; name a directory that can be written to" in done.output


def test_a_history_that_is_refused_leaves_no_model_behind(tmp_path: Path) -> None:
    path = history(tmp_path / "short.csv", rows=59)
    done = run(path, "--output", tmp_path / "model")
    assert done.exit_code == 4
    assert "the history is too short: 59 usable rows" in done.output
    assert [entry.name for entry in tmp_path.iterdir()] == ["short.csv"]


@pytest.mark.parametrize(
    ("header", "options", "said"),
    [
        ("when,temp", (), "name the column that holds the time with --timestamp-column"),
        ("ts,temp", ("--timestamp-column", "when"), "'ts', 'temp'; --timestamp-column takes one"),
        (
            "ts,temp",
            ("--entity-column", "pump"),
            "'ts', 'temp'; --entity-column takes one",
        ),
        ("ts,temp", ("--entity-column", "Temps"), "'ts', 'temp'; did you mean \"temp\"?"),
        ("ts,temp", ("--timestamp-unit", "ms"), "data row 1: .* this one looks like s); set --tim"),
    ],
)
def test_messages_name_the_option_to_use(
    tmp_path: Path, header: str, options: tuple[str, ...], said: str
) -> None:
    path = history(tmp_path / "a.csv", header=header)
    done = run(path, "--output", tmp_path / "model", *options)
    assert done.exit_code == 4
    first, _, last = said.partition(" .* ")
    assert first in done.output
    assert last in done.output


@pytest.mark.parametrize(
    ("kind", "option", "kinds"),
    [
        ("light", "--reconstruct-every", "joint"),
        ("forecast", "--reconstruct-every", "joint"),
        ("light", "--decoder-layers", "joint or forecast or reconstruct"),
        ("joint", "--window-stride", "reconstruct"),
        ("reconstruct", "--steps", "joint or light or forecast"),
    ],
)
def test_an_option_that_a_kind_of_model_has_no_use_for_is_refused(
    tmp_path: Path, kind: str, option: str, kinds: str
) -> None:
    path = history(tmp_path / "a.csv")
    done = run(path, "--output", tmp_path / "model", "--model", kind, option, 1)
    assert done.exit_code == 2
    assert f"{option} only goes with --model {kinds}" in " ".join(done.output.split())


def test_the_summary_fits_a_terminal_of_80_columns_and_has_one_of_each_in_the_singular(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = 300
    readings = Readings(
        np.zeros(rows, np.int32), (T0 + np.arange(rows)) * 10**9, np.zeros(rows, np.int32),
        np.arange(rows), np.sin(np.arange(rows) / 5)[:, None],
    )  # fmt: skip
    settings = FitSettings("reconstruct", hidden=1, training=TrainingSettings(epochs_max=1))
    model = fit(readings, ["temp"], settings)
    model = replace(model, threshold=1234.5678, version="0123456789ab")
    out = io.StringIO()
    monkeypatch.setattr(summary, "OutputConsole", lambda: OutputConsole(file=out, width=80))
    summary.print_summary(model, Counter(), Path("model"), 12.3)
    lines = out.getvalue().splitlines()
    assert [line.split("  ")[0].strip() for line in lines[:-1]] == [
        "rows", "entities", "covers", "channels", "interval", "model", "windows", "epochs", "loss",
        "threshold", "reached by", "gradient norm", "seconds",
    ]  # fmt: skip
    assert "1 in 1 segment without a gap" in out.getvalue()
    assert "1 hidden unit," in out.getvalue()
    assert "5 min of a machine: what changes by the day is not in it" in lines[2]


def sigint_when(
    monkeypatch: pytest.MonkeyPatch, reached: Callable[[Sequence[Progress]], bool]
) -> list[Progress]:
    """Press Ctrl-C at that point of what training tells of its steps, all of which comes back."""
    told: list[Progress] = []

    class Interrupted(module.TrainingProgress):
        def on_step(self, progress: Progress) -> None:
            super().on_step(progress)
            told.append(progress)
            if reached(told):
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(module, "TrainingProgress", Interrupted)
    return told


def test_ctrl_c_keeps_the_best_model_and_is_a_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = sigint_when(monkeypatch, lambda told: len(told) == 3)
    monkeypatch.setattr(progress_module, "LINE_EVERY_S", 0.0)
    path, model = history(tmp_path / "a.csv"), tmp_path / "model"
    done = run(path, "--output", model, "--model", "reconstruct", "--hidden", 2, "--batch-size", 8)
    assert done.exit_code == 0, done.output
    assert len(told) == 3
    assert "interrupted; 3 steps" in " ".join(done.output.split())
    assert (model / "manifest.json").exists()
    line = f"loss {told[0].train_loss:.4f}, best validation {told[0].validation_loss:.4f} so far"
    assert f"epoch 1/40, {line}" in " ".join(done.output.split())


def test_ctrl_c_after_the_training_keeps_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "review", interrupted)
    path, model = history(tmp_path / "a.csv", rows=300), tmp_path / "model"
    done = run(path, "--output", model, "--hidden", 2, "--steps", 2)
    assert done.exit_code == 0, done.output
    assert store.load(model).summary["steps"] == 2
    assert "not looked through to the end" in " ".join(done.output.split())


# Stretches to leave out.


def labels(path: Path, *rows: str, header: str = "from,to") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_stretches_of_a_file_are_left_out_and_counted(tmp_path: Path) -> None:
    path = history(tmp_path / "a.csv", rows=300)
    faults = labels(tmp_path / "faults.csv", f"{T0 + 50},{T0 + 59}", f"{T0 + 55},{T0 + 64}")
    done = run(
        path, "--output", tmp_path / "model", "--exclude-times", faults,
        "--hidden", 2, "--steps", 2, "--window-length", 8,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "300 (left out: 15 excluded)" in done.output
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["summary"]["rows_excluded"] == 15


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("from,to", f"{T0 + 900},{T0 + 910}", "faults.csv, data row 2: no reading lies from "
         "2023-11-14T22:28:20Z to 2023-11-14T22:28:30Z; the history is from 2023-11-14T22:13:20Z"),
        ("from,to", f"{T0},{T0 + 200}", "faults.csv: every reading of the history lies in a"),
        ("from,to,entity", f"{T0},{T0},pump-9", "faults.csv, data row 2: the history has no "
         "machine 'pump-9'"),
    ],
)  # fmt: skip
def test_stretches_that_hold_nothing_or_everything_are_refused(
    tmp_path: Path, header: str, row: str, said: str
) -> None:
    path = history(tmp_path / "a.csv")
    known = f"{T0 + 5},{T0 + 9}" + (",default" if "entity" in header else "")
    faults = labels(tmp_path / "faults.csv", known, row, header=header)
    done = run(path, "--output", tmp_path / "model", "--exclude-times", faults)
    assert done.exit_code == 4
    assert said in done.output
    assert not (tmp_path / "model").exists()


# What looks anomalous.


def faulty(path: Path, rows: int = 900) -> Path:
    """Two channels, with a fault in each of two hours."""
    noise = np.random.default_rng(0).normal(0, 0.05, (rows, 2))
    values = np.stack([np.sin(np.arange(rows) / 3), np.cos(np.arange(rows) / 5)], axis=1) + noise
    values[300:306, 1] += 40
    values[820:824, 0] -= 40
    lines = [f"{T0 + n},{a:.4f},{b:.4f}" for n, (a, b) in enumerate(values)]
    path.write_text("\n".join(["timestamp,temp,flow", *lines]) + "\n")
    return path


SMALL = ("--hidden", 4, "--steps", 10, "--window-length", 8)


def test_stretches_that_look_anomalous_are_told_and_kept_in_the_manifest(tmp_path: Path) -> None:
    done = run(faulty(tmp_path / "a.csv"), "--output", tmp_path / "model", *SMALL)
    assert done.exit_code == 0, done.output
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    found = manifest["summary"]["suspicious"]
    assert (found["stretches"], found["stretches_left_out"]) == (2, 0)
    assert {next(iter(one["channels"])) for one in found["worst"]} == {"temp", "flow"}
    assert {one["entity"] for one in found["worst"]} == {"default"}
    assert f"2 stretches of the history, {found['readings']} readings, look anom" in done.output
    assert "2023-11-14 22:18:20" in done.output
    assert "--exclude-suspicious" in done.output
    assert manifest["summary"]["rows_excluded"] == 0


def test_what_looks_anomalous_is_left_out_when_that_is_asked_for(tmp_path: Path) -> None:
    path = faulty(tmp_path / "a.csv")
    done = run(path, "--output", tmp_path / "model", "--exclude-suspicious", *SMALL)
    assert done.exit_code == 0, done.output
    summary = json.loads((tmp_path / "model" / "manifest.json").read_text())["summary"]
    found = summary["suspicious"]
    assert found["stretches_left_out"] == 2
    assert summary["rows_excluded"] == found["readings_left_out"] == found["readings"]
    assert f"left out: 2, {found['readings']} readings" in done.output
    assert f"{found['readings']} excluded" in done.output


def test_ctrl_c_in_a_second_training_keeps_the_first_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = sigint_when(monkeypatch, lambda told: len(told) == told[0].steps + 2)
    path, model = faulty(tmp_path / "a.csv"), tmp_path / "model"
    done = run(path, "--output", model, "--exclude-suspicious", *SMALL)
    assert done.exit_code == 0, done.output
    summary = store.load(model).summary
    assert summary["steps"] == steps[0].steps == len(steps) - 2
    assert summary["rows_excluded"] == 0
    said = " ".join(done.output.split())
    assert "the model that learnt the suspicious stretches, too, is kept" in said
    assert "not looked through" not in said
    assert "none was left out" not in said


def test_no_more_than_a_tenth_is_left_out_and_the_rest_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXCLUDED_SHARE_MAX", 0.0)
    path = faulty(tmp_path / "a.csv")
    done = run(path, "--output", tmp_path / "model", "--exclude-suspicious", *SMALL)
    assert done.exit_code == 0, done.output
    assert "warning: none was left out" in done.output


def test_exclude_suspicious_is_refused_where_there_is_no_such_judgement(tmp_path: Path) -> None:
    done = run(
        history(tmp_path / "a.csv"), "--output", tmp_path / "model", "--exclude-suspicious",
        "--model", "reconstruct",
    )  # fmt: skip
    assert done.exit_code == 2
    assert "--exclude-suspicious does not go with --model reconstruct" in done.output


def test_of_many_stretches_ten_are_shown_and_all_are_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    segments = find_segments(Readings.empty(1), 1)
    segments = replace(segments, rows=np.arange(5000))
    found = tuple(
        Suspicious(n % 2, 100 * n, 100 * n + 4, n * 10**9, (n + 3) * 10**9, 40.0 - n, ((0, 1.0),))
        for n in range(30)
    )
    told = suspicious_summary(Review(segments, 4000, found), found[:2], ["temp"], ["a", "b"])
    assert (told["stretches"], told["readings"], len(told["worst"])) == (30, 120, 10)
    assert [one["left_out"] for one in told["worst"]] == [True, True] + [False] * 8
    print_suspicious(told, 2, asked=True)
    out = capsys.readouterr().out
    assert "30 stretches of the history, 120 readings, look anomalous, the worst 10:" in out
    assert "left out: 2, 8 readings" in out
    assert "28 more would make it more than 10%" in " ".join(out.split())
    assert out.count("1970-01-01 ") == 20
    print_suspicious(
        suspicious_summary(Review(segments, 1000, ()), (), ["temp"], ["a"]), 1, asked=False
    )
    assert "no stretch of the history looks anomalous (of 1,000 that" in capsys.readouterr().out
