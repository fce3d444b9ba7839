"""`sentinel tune`: what it prints can be pasted, what it writes is what that command would fit."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from sentinel import store
from sentinel.cli import tune
from sentinel.cli.main import cli
from sentinel.config.alert import AlertConfig
from sentinel.fitted import FittedModel
from sentinel.fitting import settings as fit_settings
from sentinel.tuning.grid import BUDGETS, SCALES

T0 = 1_700_000_000
COUNT = 700
HISTORY = 400
BURSTS = ((450, 460), (520, 530), (600, 610), (660, 670))


@pytest.fixture(autouse=True)
def _short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial takes a moment: of how well a model is trained nothing here depends."""
    monkeypatch.setattr(fit_settings, "STEPS", 15)
    monkeypatch.setattr("sentinel.tuning.grid.HIDDEN", (32, 64))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two machines with a history, and what came then: bursts in one channel, all labelled."""
    path = tmp_path_factory.mktemp("tune")
    values = np.random.default_rng(1).normal(scale=0.5, size=(COUNT, 2, 2))
    values += np.sin(np.arange(COUNT) / 5)[:, None, None]
    for first, stop in BURSTS:
        values[first:stop, :, 1] += 9
    lines = [
        f"{T0 + 60 * n},{name},{values[n, e, 0]:.4f},{values[n, e, 1]:.4f}"
        for n in range(COUNT)
        for e, name in enumerate(("a", "b"))
    ]
    for name, part in (("history.csv", lines[: 2 * HISTORY]), ("input.csv", lines[2 * HISTORY :])):
        (path / name).write_text("\n".join(["time,pump,c0,c1", *part]) + "\n")
    rows = [f"{T0 + 60 * first},{T0 + 60 * stop - 60}" for first, stop in BURSTS]
    (path / "labels.csv").write_text("\n".join(["from,to", *rows]) + "\n")
    return path


def run(folder: Path, *options: object) -> Result:
    arguments = ["tune", folder / "history.csv", "--entity-column", "pump", *options]
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def tuned(folder: Path, *options: object) -> str:
    done = run(folder, *options)
    assert done.exit_code == 0, done.output
    return done.stdout


def table(text: str, title: str) -> list[str]:
    """The lines of a table, without its heading."""
    lines = text.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith(title)) + 2
    return lines[first : lines.index("", first)]


def pasted(text: str) -> list[str]:
    [line] = [line for line in text.splitlines() if line.startswith("sentinel fit ")]
    return shlex.split(line)[1:]


def alert_of(text: str) -> AlertConfig:
    toml = text[text.index("[alert]") :].partition("\n")[2]
    return msgspec.toml.decode(toml, type=AlertConfig)


def labelled(folder: Path) -> tuple[object, ...]:
    return ("--input", folder / "input.csv", "--labels", folder / "labels.csv")


def test_labels_choose_a_model_and_alert_settings_and_the_newer_ones_judge(
    folder: Path, tmp_path: Path
) -> None:
    text = tuned(folder, *labelled(folder), "--trials", 3, "--output", tmp_path / "model")
    models = table(text, "models, by VUS-PR")
    assert [row.split()[0] for row in models] == ["1", "2", "3"]
    [chosen] = [row for row in models if row.endswith("chosen")]
    assert float(chosen.split()[4]) == max(float(row.split()[4]) for row in models)
    settings = table(text, "model ")
    assert len(settings) == len(SCALES)
    assert sum(row.count("(") for row in settings) == len(SCALES) * len(BUDGETS)
    assert sum(row.count("*") for row in settings) == 1
    newer = table(text, "on the newer part, from 2023-11-15 ")
    assert [row.split()[0] for row in newer[:2]] == ["defaults", "chosen"]
    # Four stretches of two machines: half of them are judged.
    assert all("of 4" in row for row in newer[:2])
    assert alert_of(text).threshold_scale > 0
    model = store.load(tmp_path / "model")
    assert str(model.window_length) == chosen.split()[1]
    assert str(model.parameters.architecture.hidden) == chosen.split()[2]
    # The command fits the very model.
    again = CliRunner().invoke(cli, [*pasted(text), "--output", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output
    assert "--entity-column" in pasted(text)
    other = store.load(tmp_path / "again")
    assert other.parameters.flat.tobytes() == model.parameters.flat.tobytes()
    assert other.scaling.method == model.scaling.method


def test_no_model_is_tried_twice(folder: Path) -> None:
    """The first one's window length is found by fit, and is one of those to come."""
    rows = table(tuned(folder, *labelled(folder), "--trials", 8), "models, by VUS-PR")
    assert len(rows) == 8
    tried = [tuple(row.split()[1:4]) for row in rows if not row.endswith("tried already")]
    assert 8 > len(set(tried)) == len(tried) > 2


def test_what_is_named_is_left_out_of_every_trial_and_of_the_command_that_is_told(
    folder: Path, tmp_path: Path
) -> None:
    faults, weights = tmp_path / "faults.csv", {}
    faults.write_text(f"from,to\n{T0 + 60 * 50},{T0 + 60 * 60}\n")
    for name, options in (("all", ()), ("some", ("--exclude-times", faults))):
        options = (*labelled(folder), "--trials", 1, "--output", tmp_path / name, *options)
        text = tuned(folder, *options)
        weights[name] = store.load(tmp_path / name).parameters.flat.tobytes()
    assert weights["some"] != weights["all"]
    again = CliRunner().invoke(cli, [*pasted(text), "--output", str(tmp_path / "again")])
    assert again.exit_code == 0, again.output
    assert store.load(tmp_path / "again").parameters.flat.tobytes() == weights["some"]


@pytest.mark.parametrize(("wanted", "lowest"), [(60, 0), (4, 1)], ids=["enough", "too-few"])
def test_without_labels_readings_are_set_aside_and_the_wanted_rate_is_the_budget(
    folder: Path, tmp_path: Path, wanted: int, lowest: int
) -> None:
    text = tuned(folder, "--trials", 2, "--alerts-per-day", wanted, "--output", tmp_path / "model")
    models = table(text, "models, by the error on readings that did not train")
    errors = [float(row.split()[4]) for row in models]
    assert [row.endswith("chosen") for row in models] == [error == min(errors) for error in errors]
    settings = table(text, "model ")
    rates = {float(row.split()[0]): row.split()[1] for row in settings}
    [star] = [scale for scale, rate in rates.items() if rate.startswith("*")]
    kept = [scale for scale, rate in rates.items() if float(rate.strip("*")) <= wanted]
    assert star == min([scale for scale in kept if scale >= lowest], default=max(rates))
    assert ("too few to lower the threshold" in text) == (lowest == 1)
    alert = alert_of(text)
    assert (alert.threshold_scale, alert.alerts_per_day) == (star, wanted)
    # All of the history fitted the model that was written.
    assert store.load(tmp_path / "model").summary["rows"] == 2 * HISTORY


def test_ctrl_c_keeps_the_best_so_far(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[FittedModel] = []
    error_of = tune.held_out_error

    def interrupted(model: FittedModel) -> float:
        seen.append(model)
        if len(seen) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return error_of(model)

    monkeypatch.setattr(tune, "held_out_error", interrupted)
    text = tuned(folder, "--trials", 9)
    assert len(seen) == len(table(text, "models, by the error")) == 2
    assert "sentinel fit" in text


def test_no_trial_begins_when_the_time_is_up(folder: Path) -> None:
    text = tuned(folder, "--minutes", 1e-6)
    assert len(table(text, "models, by the error")) == 1


def test_a_single_known_anomaly_leaves_nothing_to_judge_by(folder: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.csv"
    one.write_text("\n".join((folder / "labels.csv").read_text().splitlines()[:2]) + "\n")
    text = tuned(folder, "--input", folder / "input.csv", "--labels", one, "--trials", 1)
    assert "cannot be parted in time" in text
    assert not re.search("^defaults", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--labels", "labels.csv"), 2, "--labels goes with --input"),
        (("--input", "none.csv"), 4, "none.csv"),
        (("--window-length", 400), 4, "the history is too short"),
        (("--input", "input.csv", "--labels", "far.csv"), 4, "no label holds any of the readings"),
        (("--output", "labels.csv"), 5, "labels.csv"),
    ],
)
def test_a_mistake_is_told_of_before_the_work(
    folder: Path, options: tuple[object, ...], code: int, message: str
) -> None:
    (folder / "far.csv").write_text("from,to\n2001-01-01,2001-01-02\n")
    placed = [
        folder / one if isinstance(one, str) and not one.startswith("--") else one
        for one in options
    ]
    done = run(folder, *placed)
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr


def test_readings_that_are_too_few_to_judge_by_are_told(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "input.csv").read_text().splitlines()
    few = tmp_path / "few.csv"
    few.write_text("\n".join([lines[0], *(line.replace(",b,", ",c,") for line in lines[2:12:2])]))
    done = run(folder, "--input", few, "--trials", 1)
    assert done.exit_code == 4, done.output
    told = " ".join(done.output.split())
    assert "of 5 readings none has a score" in told
    assert "before its first: give a longer history" in told


def test_a_history_with_no_newest_quarter_is_told(tmp_path: Path) -> None:
    lines = [f"{T0 + n},a,{n}" for n in range(3)]
    (tmp_path / "history.csv").write_text("\n".join(["time,pump,c0", *lines]) + "\n")
    done = run(tmp_path, "--trials", 1)
    assert done.exit_code == 4, done.output
    assert "too short to set its newest quarter aside" in " ".join(done.output.split())


def test_the_model_on_all_of_the_history_has_the_window_length_that_is_told(
    tmp_path: Path,
) -> None:
    """The longer history would have a longer one."""
    values = np.sin(np.arange(380) / 5) + np.random.default_rng(0).normal(0, 0.1, 380)
    lines = [f"{T0 + 60 * n},a,{value:.4f}" for n, value in enumerate(values)]
    (tmp_path / "history.csv").write_text("\n".join(["time,pump,c0", *lines]) + "\n")
    text = tuned(tmp_path, "--trials", 1, "--output", tmp_path / "model")
    told = pasted(text)[pasted(text).index("--window-length") + 1]
    assert store.load(tmp_path / "model").window_length == int(told)
