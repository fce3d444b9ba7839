"""`sentinel backtest`: the episodes of `sentinel score`, judged; mistakes told of by their row."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import replace
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
COUNT = 400
SECOND_NS = 10**9
BURSTS = {"a": (100, 130), "b": (250, 260)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, two machines with a burst each, and labels of one of the bursts."""
    path = tmp_path_factory.mktemp("backtest")
    parameters = Parameters.initial(Architecture(2, 4), np.random.default_rng(0), "glorot")
    model = fitted(parameters, 4)
    store.save(replace(model, interval_ns=SECOND_NS, max_gap_ns=50 * SECOND_NS), path / "model")
    rng = np.random.default_rng(1)
    values = {name: rng.normal(scale=0.1, size=(COUNT, 2)) for name in BURSTS}
    for name, (first, stop) in BURSTS.items():
        values[name][first:stop, 1] = 6
    lines = [
        f"{T0 + n},{name},{values[name][n, 0]:.4f},{values[name][n, 1]:.4f}"
        for n in range(COUNT)
        for name in BURSTS
    ]
    (path / "input.csv").write_text("\n".join(["timestamp,entity,c0,c1", *lines]) + "\n")
    labels(path / "labels.csv", f"{T0 + 100},{T0 + 129},a", f"{T0 + 350},{T0 + 359},b")
    return path


def labels(path: Path, *rows: str, header: str = "from,to,entity") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def run(folder: Path, *options: str | Path) -> Result:
    arguments = ["--model", folder / "model", "--input", folder / "input.csv", *options]
    return CliRunner().invoke(cli, ["backtest", *map(str, arguments)])


def found(folder: Path, *options: str | Path) -> dict:
    done = run(folder, "--json", *options)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_episodes_are_those_that_score_shows(folder: Path) -> None:
    output = folder / "scores.csv"
    arguments = ["--model", folder / "model", "--input", folder / "input.csv", "--output", output]
    assert CliRunner().invoke(cli, ["score", *map(str, arguments)]).exit_code == 0
    with output.open() as file:
        rows = list(csv.DictReader(file))
    episodes = found(folder)["episodes"]
    assert [one["entity"] for one in episodes] == ["a", "b"]
    for one in episodes:
        marked = [
            int(row["timestamp"]) for row in rows
            if row["entity"] == one["entity"] and row["is_anomaly"] == "1"
        ]  # fmt: skip
        assert _seconds(one["opened"]) == marked[0]
        assert _seconds(one["resolved"]) == marked[-1] + 1
        assert one["contributions"][0]["channel"] == "c1"
        assert one["contributions"][0]["observed"] == 6
        assert one["hit"] is None


def _seconds(text: str) -> int:
    return int(np.datetime64(text.removesuffix("Z"), "s").astype(np.int64))


def test_episodes_that_were_withheld_are_counted_and_listed(folder: Path, tmp_path: Path) -> None:
    """The same two bursts twice, the second time within the cooldown."""
    header, *rows = (folder / "input.csv").read_text().splitlines()
    later = [f"{int(at) + COUNT},{rest}" for at, rest in (row.split(",", 1) for row in rows)]
    twice, config = tmp_path / "twice.csv", tmp_path / "sentinel.toml"
    twice.write_text("\n".join([header, *rows, *later]) + "\n")
    config.write_text(f"{CONFIG}[alert]\ncooldown_s = 86400\n")
    free = found(folder, "--input", twice)
    assert (len(free["episodes"]), free["suppressed"]) == (4, [])
    cool = found(folder, "--input", twice, "--config", config)
    assert cool["episodes"] == free["episodes"][:2]
    told = [
        {name: one[name] for name in ("entity", "start", "peak_ratio", "contributions")}
        | {"end": one["resolved"]}
        for one in free["episodes"][2:]
    ]
    assert cool["suppressed"] == told
    known = labels(tmp_path / "l.csv", f"{T0 + COUNT + 100},{T0 + COUNT + 129},a")
    options = ("--input", twice, "--config", config, "--labels", known)
    shown = " ".join(run(folder, *options).stdout.split())
    peaks = [one["peak_ratio"] for one in told]
    told = "2 episodes never told, withheld by the cooldown (cooldown_s): "
    assert f"{told}{max(peaks):.2f}x at most" in shown
    assert f"nothing (withheld, {peaks[0]:.2f}x)" in shown


def test_an_episode_that_stands_untold_at_the_end_counts_as_withheld(
    folder: Path, tmp_path: Path
) -> None:
    """The second machine's burst, once it is over and once cut off within it."""
    header, *rows = (folder / "input.csv").read_text().splitlines()
    config, cut = tmp_path / "sentinel.toml", tmp_path / "cut.csv"
    config.write_text(f'{CONFIG}[alert]\nalerts_per_day = 1\nalerts_per_day_of = "fleet"\n')
    [whole] = found(folder, "--config", config)["suppressed"]
    end = _seconds(whole["start"]) + 5
    cut.write_text("\n".join([header, *(r for r in rows if int(r.split(",")[0]) <= end)]) + "\n")
    [standing] = found(folder, "--config", config, "--input", cut)["suppressed"]
    assert (standing["entity"], standing["start"]) == (whole["entity"], whole["start"])
    assert _seconds(standing["end"]) == end
    files = ["--model", folder / "model", "--input", cut, "--output", tmp_path / "scores.csv"]
    done = CliRunner().invoke(cli, ["score", *map(str, [*files, "--config", config])])
    assert "episodes never told, withheld by the alert budget (alerts_per_day): 1" in done.stderr


def test_labels_tell_hits_from_false_episodes(folder: Path) -> None:
    result = found(folder, "--labels", folder / "labels.csv")
    assert [one["hit"] for one in result["episodes"]] == [True, False]
    assert [one["episode"] for one in result["events"]] == [0, None]
    assert result["events"][0]["delay_readings"] == 2
    metrics = result["metrics"]
    assert (metrics["event_recall"], metrics["episode_precision"]) == (0.5, 0.5)
    assert metrics["readings"] == 2 * (COUNT - 3)
    assert metrics["false_per_10_000"] == pytest.approx(1e4 / metrics["readings"])
    assert result["failures"] == []
    shown = run(folder, "--labels", folder / "labels.csv").stdout
    assert "1 of 2 known anomalies found" in shown
    assert "1 of 2 episodes false" in shown


def test_what_a_known_anomaly_was_and_what_was_open_before_it_are_told(
    folder: Path, tmp_path: Path
) -> None:
    stretches = [f"{T0 + 110},{T0 + 129},a,bearing", f"{T0 + 120},{T0 + 135},,[drift]"]
    path = labels(tmp_path / "l.csv", *stretches, header="from,to,entity,what")
    events = found(folder, "--labels", path)["events"]
    told = [(one["entity"], one["what"], one["delay_readings"]) for one in events]
    assert told == [("a", "bearing, [drift]", 0), ("b", "[drift]", None)]
    shown = run(folder, "--labels", path, "--report", tmp_path / "report.html").stdout.split()
    assert {"what", "bearing,", "[drift]", "open", "since"} <= set(shown)
    opened = found(folder)["episodes"][0]["opened"].removesuffix("Z").replace("T", " ")
    page = (tmp_path / "report.html").read_text()
    assert f"<td>open since {opened}</td><td>bearing, [drift]</td>" in page
    assert "what" not in run(folder, "--labels", folder / "labels.csv").stdout.split()


def test_the_lead_before_a_known_failure_is_told(folder: Path, tmp_path: Path) -> None:
    stretch = f"{T0 + 100},{T0 + 129},a"
    path = labels(tmp_path / "l.csv", f"{stretch},{T0 + 200}", header="from,to,entity,failed_at")
    result = found(folder, "--labels", path)
    [event] = result["events"]
    assert event["lead_s"] == result["metrics"]["lead_s"] == 100 - event["delay_s"] == 98
    assert _seconds(event["failed_at"]) == T0 + 200
    shown = run(folder, "--labels", path).stdout
    assert "1 min 38 s ahead" in shown
    assert "an episode is open 1 min 38 s before the machine fails" in shown
    assert run(folder, "--labels", path, "--fail-if", "lead_s<99").exit_code == 8


def test_labels_without_a_machine_hold_for_all(folder: Path, tmp_path: Path) -> None:
    path = labels(tmp_path / "l.csv", f"{T0 + 100},{T0 + 129}", header="from,to")
    assert found(folder, "--labels", path)["metrics"]["events"] == 2


@pytest.mark.parametrize(
    ("limit", "code"), [("episode_f1<0.4", 0), ("episode_f1<0.6", 8), ("vus_pr>2", 0)]
)
def test_limits_make_the_exit_code(folder: Path, limit: str, code: int) -> None:
    done = run(folder, "--labels", folder / "labels.csv", "--fail-if", limit)
    assert done.exit_code == code
    passed = f"passed, as none of these holds: {limit}\n"
    assert done.stderr == ("failed: episode_f1<0.6: it is 0.5\n" if code else passed)


def test_a_limit_on_episodes_needs_no_labels(folder: Path) -> None:
    assert run(folder, "--fail-if", "episodes>1").exit_code == 8
    done = run(folder, "--fail-if", "episode_f1<0.6")
    assert done.exit_code == 2
    assert "--fail-if episode_f1 needs --labels" in done.stderr
    assert run(folder, "--fail-if", "nothing<0.6").exit_code == 2


def test_without_an_episode_the_highest_score_is_told(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "sentinel.toml"
    config.write_text("[alert]\nthreshold_scale = 100\n")
    shown = run(folder, "--config", config).stdout.splitlines()[0]
    told, ratio = shown.removesuffix("x the threshold").rsplit(" ", 1)
    assert told == "no episode: the highest score is"
    peaks = [one["peak_ratio"] for one in found(folder)["episodes"]]
    assert float(ratio) == pytest.approx(max(peaks) / 100, abs=0.01)


def test_labels_that_do_not_fit_are_told_of(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    labels(path, f"{T0 + 1},{T0 + 2},a", f"{T0 + 1},{T0 + 2},c")
    done = run(folder, "--labels", path)
    assert done.exit_code == 4
    assert f"{path}, data row 2: the input has no machine 'c'; it has 'a', 'b'" in done.stderr
    labels(path, f"{T0 + 5000},{T0 + 5001},a")
    done = run(folder, "--labels", path)
    assert done.exit_code == 4
    assert f"{path}: no label holds any of the readings, which are from 2023-11-14T22:13:23Z" in (
        done.stderr
    )
    labels(path, f"{T0 + 100},{T0 + 110},a", f"{T0 + 5000},{T0 + 5001},a")
    done = run(folder, "--labels", path)
    assert done.exit_code == 0
    assert "no reading with a score in 1 of 2 labels, the first is data row 2" in done.stderr
    assert "begin" not in done.stderr
    labels(path, f"{T0 + 100},{T0 + 110},a", f"{T0 - 100},{T0 + 110},a")
    done = run(folder, "--labels", path)
    assert done.exit_code == 0
    assert (
        "1 of 2 labels begin before the first reading with a score, the first is data row 2: "
        "judged from that reading on"
    ) in done.stderr


def test_an_input_shorter_than_a_window_is_told_of(folder: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.csv"
    short.write_text(f"timestamp,c0,c1\n{T0},1,1\n{T0 + 1},1,1\n")
    done = run(folder, "--input", short)
    assert done.exit_code == 4
    assert "of 2 readings none has a score" in done.stderr


def test_context_fills_windows_and_is_not_judged(folder: Path, tmp_path: Path) -> None:
    header, *rows = (folder / "input.csv").read_text().splitlines()
    before, after = tmp_path / "before.csv", tmp_path / "after.csv"
    before.write_text("\n".join([header, *rows[: len(rows) // 2]]) + "\n")
    after.write_text("\n".join([header, *rows[len(rows) // 2 :]]) + "\n")
    result = found(folder, "--input", after, "--context", before)
    assert result["metrics"]["readings"] == COUNT
    assert [one["entity"] for one in result["episodes"]] == ["b"]


def test_a_report_is_written_whole_or_refused_before_the_work(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report = tmp_path / "report.html"
    done = run(folder, "--labels", folder / "labels.csv", "--report", report)
    assert done.exit_code == 0, done.output
    text = report.read_text()
    assert text.startswith("<!doctype html>")
    assert text.endswith("</html>")
    assert "<b>1 of 2</b><span>known anomalies found" in text
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]
    done = run(tmp_path / "no-model", "--report", tmp_path / "nowhere" / "report.html")
    assert done.exit_code == 4
    assert "report.html: the file cannot be written: " in done.stderr


@pytest.fixture
def without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is not installed."""
    for name in list(sys.modules):
        if name.split(".")[0] == "matplotlib" or name.startswith("sentinel.report."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)


@pytest.mark.usefixtures("without_matplotlib")
def test_only_a_report_needs_matplotlib(folder: Path, tmp_path: Path) -> None:
    assert run(folder, "--labels", folder / "labels.csv").exit_code == 0
    done = run(folder, "--report", tmp_path / "report.html")
    assert done.exit_code == 2
    assert "which is not installed: pip install matplotlib (the extra `report` of" in done.stderr
    assert list(tmp_path.iterdir()) == []
