"""`sentinel explain`: the episodes of a stretch and the channels behind them."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sentinel import store
from sentinel.cli.main import cli
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from tests.cli.toy_config import CONFIG
from tests.model.fitted import fitted

T0 = 1_700_000_000
COUNT = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, and two machines; channel c1 of the second is stuck high from row 100 to 120."""
    path = tmp_path_factory.mktemp("explain")
    model = fitted(Parameters.initial(Architecture(2, 4), np.random.default_rng(0), "glorot"), 4)
    store.save(replace(model, interval_ns=10**9, max_gap_ns=50 * 10**9), path / "model")
    values = np.random.default_rng(1).normal(scale=0.1, size=(2, COUNT, 2))
    values[1, 100:120, 1] = 6
    lines = [
        f"{T0 + n},{name},{values[k, n, 0]:.4f},{values[k, n, 1]:.4f}"
        for n in range(COUNT)
        for k, name in enumerate(("a", "b"))
    ]
    (path / "input.csv").write_text("\n".join(["timestamp,entity,c0,c1", *lines]) + "\n")
    return path


def run(folder: Path, first: object, last: object, *options: object) -> Result:
    arguments = [
        "--model", folder / "model", "--input", folder / "input.csv",
        "--from", first, "--to", last, *options,
    ]  # fmt: skip
    return CliRunner().invoke(cli, ["explain", *map(str, arguments)])


def test_a_stretch_names_the_channel_that_was_stuck(folder: Path) -> None:
    done = run(folder, T0 + 90, "2023-11-14T22:15:30Z", "--entity", "b")
    assert done.exit_code == 0, done.output
    assert "b, 2023-11-14 22:14:50 to 2023-11-14 22:15:30 UTC, 41 readings" in done.stdout
    assert "#1, 2023-11-14 22:15 to 2023-11-14 22:" in done.stdout
    assert "    at worst c1 6.0, expected " in done.stdout
    assert "at the score of 2023-11-14 22:15:" in done.stdout
    rows = done.stdout.splitlines()
    assert [row.split()[0] for row in rows[-2:]] == ["c1", "c0"]


def test_the_table_is_of_the_stretch_s_highest_score_wherever_the_episode_s_is(
    folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "scores.csv"
    files = ["--model", folder / "model", "--input", folder / "input.csv", "--output", output]
    assert CliRunner().invoke(cli, ["score", *map(str, files)]).exit_code == 0
    with output.open() as file:
        ratio = {
            int(row["timestamp"]): float(row["score_ratio"]) for row in csv.DictReader(file)
            if row["entity"] == "b" and row["score_ratio"]
        }  # fmt: skip
    # Before the worst reading, amid the episode, and where nothing is odd.
    for first, last in ((T0 + 90, T0 + 103), (T0 + 105, T0 + 106), (T0 + 10, T0 + 90)):
        done = run(folder, first, last, "--entity", "b")
        assert done.exit_code == 0, done.output
        highest = max(range(first, last + 1), key=lambda at: ratio[at])
        when = f"{datetime.fromtimestamp(highest, UTC):%Y-%m-%d %H:%M}"
        title = f"at the score of {when}"
        [told] = [row for row in done.stdout.splitlines() if row.startswith(title)]
        assert f"{ratio[highest]:.2f}x the threshold" in told
        assert {row.split()[0] for row in done.stdout.splitlines()[-2:]} == {"c0", "c1"}


def test_a_quiet_stretch_has_nothing_to_explain(folder: Path) -> None:
    for stretch in ((T0 + 10, T0 + 90, "b"), (T0 + 90, T0 + 130, "a")):
        done = run(folder, *stretch[:2], "--entity", stretch[2])
        assert done.exit_code == 0, done.output
        assert "no episode was open: no score reached the threshold" in done.stdout


def test_a_window_that_fills_anew_after_a_gap_has_nothing_to_explain(folder: Path) -> None:
    """The old score holds there; it was high, and is no score of these readings."""
    header, *rows = (folder / "input.csv").read_text().splitlines()
    cells = [row.split(",", 1) for row in rows]
    at = [int(one) + (1000 if int(one) > T0 + 103 else 0) for one, _ in cells]
    later = [f"{time},{rest}" for time, (_, rest) in zip(at, cells, strict=True)]
    gap = folder / "gap.csv"
    gap.write_text("\n".join([header, *later]) + "\n")
    plot = folder / "gap.svg"
    options = ("--entity", "b", "--input", gap)
    done = run(folder, T0 + 1104, T0 + 1105, *options, "--plot", plot)
    assert done.exit_code == 0, done.output
    assert "no reading has a score of its own: a gap came before" in done.stdout
    assert "the threshold" not in done.stdout
    assert plot.stat().st_size > 1000
    done = run(folder, T0 + 200, T0 + 300, *options)
    assert done.exit_code == 4
    assert "but none between 2023-11-14T22:15:03Z and 2023-11-14T22:31:44Z" in done.stderr


def test_a_stretch_between_two_windows_tells_of_its_episode(folder: Path) -> None:
    (folder / "stride.toml").write_text(
        CONFIG + "[window]\nwindow_stride = 4\n[alert]\nopen_count = 1\nopen_window = 1\n"
    )
    told = []
    for at in range(T0 + 108, T0 + 112):
        done = run(folder, at, at, "--entity", "b", "--config", folder / "stride.toml")
        assert done.exit_code == 0, done.output
        assert "#1, " in done.stdout
        told.append("the windows of this model end with others" in done.stdout)
    assert sum(told) == 3


def test_a_score_above_the_threshold_without_an_episode_has_its_reason(folder: Path) -> None:
    (folder / "strict.toml").write_text(CONFIG + "[alert]\nopen_count = 60\nopen_window = 64\n")
    done = run(folder, T0 + 90, T0 + 130, "--entity", "b", "--config", folder / "strict.toml")
    assert done.exit_code == 0, done.output
    assert "x the threshold" in done.stdout
    assert "no episode was open: what began here faded from one that had ended" in done.stdout


def test_an_episode_that_was_withheld_is_named_with_what_withheld_it(folder: Path) -> None:
    """Within the cooldown after the first burst; the second is as high."""
    (folder / "cool.toml").write_text(CONFIG + "[alert]\ncooldown_s = 86400\n")
    header, *rows = (folder / "input.csv").read_text().splitlines()
    later = [f"{int(at) + COUNT},{rest}" for at, rest in (row.split(",", 1) for row in rows)]
    twice = folder / "twice.csv"
    twice.write_text("\n".join([header, *rows, *later]) + "\n")
    options = ("--entity", "b", "--input", twice, "--config", folder / "cool.toml")
    done = run(folder, T0 + COUNT + 10, T0 + 2 * COUNT, *options)
    assert done.exit_code == 0, done.output
    assert "x the threshold at most, was withheld by the cooldown (cooldown_s)" in done.stdout
    assert "at worst c" in done.stdout


def test_a_date_alone_as_the_end_is_that_whole_day(folder: Path) -> None:
    days = [
        run(folder, "2023-11-14", end, "--entity", "a").stdout
        for end in ("2023-11-14", "2023-11-14 23:59:59")
    ]
    assert days[0] == days[1]
    assert "readings" in days[0]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((T0, T0 + 9), 2, "the input has several machines: --entity 'a', 'b'?"),
        ((T0 + 9, T0, "--entity", "a"), 2, "--from is after --to"),
        (("soon", T0, "--entity", "a"), 2, "'soon' is neither ISO 8601 nor a unix time"),
        ((T0, T0 + 9, "--plot", "plot.pdf"), 2, "--plot writes .png or .svg"),
        ((T0, T0 + 9, "--entity", "c"), 4, "no machine 'c' has a score; the input has 'a', 'b'"),
        ((T0 + 900, T0 + 990, "--entity", "a"), 4, "there are some from 2023-11-14T22:13:23Z to "
                                                   "2023-11-14T22:18:19Z"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_of(folder: Path, options: tuple, code: int, message: str) -> None:
    done = run(folder, *options)
    assert done.exit_code == code
    assert message in done.stderr


@pytest.mark.parametrize(("name", "begin"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml")])
@pytest.mark.parametrize("last", [T0 + 50, T0 + 130])
def test_a_plot_is_drawn_with_and_without_an_episode(
    folder: Path, tmp_path: Path, name: str, begin: bytes, last: int
) -> None:
    done = run(folder, T0 + 10, last, "--entity", "b", "--plot", tmp_path / name)
    assert done.exit_code == 0, done.output
    assert (tmp_path / name).read_bytes().startswith(begin)
