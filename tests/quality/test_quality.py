"""The quality command, but for the harness: two small series through fit and score, its sums."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.quality.__main__ import main
from tests.quality.detect import Job, Outcome, Seconds, detect_all, read_scores
from tests.quality.harness import (
    Judged,
    SetTable,
    read_peers,
    read_table_json,
    split_messages,
)
from tests.quality.report import complaints, print_changes, print_report, progress_line
from tests.quality.series import keys_of, read_tables, selected, stream_times_us
from tests.quality.summary import Group, groups, line, value_of, with_seconds
from tests.quality.versus import changes, stored_metric

TEST_ROWS = 200
SPIKE = 120
WAVE, SHORT = "made/wave.v1", "made/short"
PEERS_CSV = """\
dataset,method,VUS-PR,AUC-PR,n
SKAB,knn,0.9,0.5,16
SKAB,pca,0.8,0.5,16
SKAB,lstm.last,0.7,0.5,16
NAB,knn,0.2,0.5,15
NAB,pca,0.6,0.5,15
NAB,only_nab,0.65,,15
MEAN of sets,knn,0.99,0.5,31
"""
OURS = [
    {"dataset": "SKAB", "method": "sentinel", "VUS-PR": 0.5, "A_episode_F1": 0.25, "n": 16},
    {"dataset": "NAB", "method": "sentinel", "VUS-PR": 0.7, "A_episode_F1": 0.75, "n": 2},
    {"dataset": "SMAP", "method": "sentinel", "VUS-PR": 0.3, "A_delay": float("nan"), "n": 1},
    {"dataset": "MEAN of sets", "method": "sentinel", "VUS-PR": 0.5, "n": 19},
]


def write_series(folder: Path, key: str, train_rows: int, **parts: npt.ArrayLike) -> Path:
    """Two channels, a minute apart; a spike in the second at row SPIKE of test."""
    rows = np.arange(train_rows + TEST_ROWS)
    noise = np.random.default_rng(7).normal(0, 0.05, (len(rows), 2))
    values = np.stack([np.sin(rows / 5), np.cos(rows / 5)], axis=1) + noise
    values[train_rows + SPIKE, 1] += 8
    times = 1_700_000_000 + 60 * rows
    label = np.zeros(TEST_ROWS)
    label[SPIKE] = 1
    path = folder / f"{key}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    whole: dict[str, npt.ArrayLike] = {
        "train": values[:train_rows].astype(np.float32),
        "test": values[train_rows:].astype(np.float32),
        "label": label, "channels": ["sine", "cosine"],
        "t_train": times[:train_rows], "t_test": times[train_rows:],
    }  # fmt: skip
    np.savez(path, **{**whole, **parts})  # type: ignore[arg-type]
    return path


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    folder = tmp_path_factory.mktemp("series")
    out = tmp_path_factory.mktemp("out")
    write_series(folder, WAVE, 400)
    write_series(folder, SHORT, 6)
    hasty = ("--steps", "100")
    found = {key: Job(key, folder / f"{key}.npz", out, hasty) for key in keys_of(folder)}
    stale = found[SHORT].score_path
    stale.parent.mkdir(parents=True)
    np.save(stale, np.ones(TEST_ROWS))  # as of an earlier run
    return found


@pytest.fixture(scope="module")
def outcomes(jobs: dict[str, Job]) -> dict[str, Outcome]:
    """Both series, through the command line, in a process of their own: the one fit here."""
    told: list[Outcome] = []
    found = detect_all(list(jobs.values()), 1, told.append)
    assert told == found
    return {outcome.key: outcome for outcome in found}


def test_a_series_becomes_one_score_and_one_alarm_per_row_of_test(
    jobs: dict[str, Job], outcomes: dict[str, Outcome]
) -> None:
    outcome = outcomes[WAVE]
    assert outcome.error == ""
    score, alarm = np.load(jobs[WAVE].score_path), np.load(jobs[WAVE].alarm_path)
    assert score.shape == alarm.shape == (TEST_ROWS,)
    assert np.isfinite(score).all()  # train is the context: nothing warms up
    assert set(alarm.tolist()) <= {0, 1}
    assert SPIKE <= int(score.argmax()) < SPIKE + 64
    assert (outcome.rows, outcome.non_finite) == (TEST_ROWS, 0)
    assert outcome.alarm_rows == alarm.sum()
    assert min(outcome.seconds["fit"].cpu, outcome.seconds["score"].cpu) > 0


def test_a_series_that_fails_says_why_and_keeps_no_score_of_an_earlier_run(
    jobs: dict[str, Job], outcomes: dict[str, Outcome]
) -> None:
    assert "sentinel fit left with exit code 4" in outcomes[SHORT].error
    assert "too short" in outcomes[SHORT].error
    assert "too short" in jobs[SHORT].log_path.read_text()
    assert not jobs[SHORT].score_path.exists()
    assert complaints([outcomes[WAVE]]) == []
    assert complaints(list(outcomes.values()))[-1].startswith("1 of 2 series failed")


def test_a_kind_of_model_that_fit_does_not_have_is_told_of(jobs: dict[str, Job]) -> None:
    job = replace(jobs[WAVE], out=jobs[WAVE].out / "other", fit_options=("--model", "no-such"))
    (outcome,) = detect_all([job], 1, lambda _: None)
    assert outcome.error.startswith("sentinel refused its options: ")


def test_times_of_the_series_are_used_where_they_rise_and_rows_where_they_do_not() -> None:
    train_us, test_us, are_rows = stream_times_us([10, 11, 14], [15.5, 20])
    assert not are_rows
    assert (train_us.tolist(), test_us.tolist()) == (
        [10_000_000, 11_000_000, 14_000_000], [15_500_000, 20_000_000],
    )  # fmt: skip
    for train, test in (
        ([10, 15, 15, 20], [25, 30]),
        ([10, 15, 20, 25], [40, 35]),
        ([10, 15, 20, 25], [25, 30]),  # test does not follow train
    ):
        train_us, test_us, are_rows = stream_times_us(train, test)
        assert are_rows
        seconds = np.concatenate([train_us, test_us]) // 1_000_000
        assert seconds.tolist() == [10, 15, 20, 25, 30, 35]


def test_a_table_has_the_times_and_every_channel(tmp_path: Path) -> None:
    path = write_series(tmp_path, WAVE, 50)
    tables = read_tables(path)
    assert tables.test.column_names == ["timestamp", "sine", "cosine"]
    assert tables.test["timestamp"].type == pa.timestamp("us", "UTC")
    assert tables.test["timestamp"][0].as_py().timestamp() == 1_700_000_000 + 60 * 50
    np.testing.assert_array_equal(tables.test["cosine"].to_numpy(), np.load(path)["test"][:, 1])
    with pytest.raises(ValueError, match="50 times and 1 channels"):
        read_tables(write_series(tmp_path, "made/odd", 50, channels=["sine"]))


def test_scores_must_be_the_rows_of_test_and_missing_ones_are_not_finite(tmp_path: Path) -> None:
    times = pa.chunked_array([pa.array([1, 2, 3]).cast(pa.timestamp("us", "UTC"))])
    path = tmp_path / "scores.parquet"
    columns = {"anomaly_score": pa.array([None, 1.5, 2.0]), "is_anomaly": pa.array([0, 0, 1])}
    pq.write_table(pa.table({"timestamp": times.cast(pa.timestamp("ns", "UTC")), **columns}), path)
    score, alarm = read_scores(path, times)
    assert np.isfinite(score).tolist() == [False, True, True]
    assert alarm.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="3 rows of scores for 2 rows of test"):
        read_scores(path, times[:2])
    with pytest.raises(ValueError, match="are not the rows of test"):
        read_scores(path, pa.chunked_array([pa.array([1, 2, 4]).cast(times.type)]))


def test_scores_that_are_no_numbers_are_counted_and_complained_of() -> None:
    taken = {"fit": Seconds(2, 1), "score": Seconds(1, 1)}
    outcome = Outcome("a/b", rows=2_000, non_finite=1_500, seconds=taken)
    assert progress_line(3, 12, outcome).startswith("[ 3/12] a/b: fit 2.0 s, score 1.0 s; 2,000")
    assert "1,500 NOT FINITE" in progress_line(3, 12, outcome)
    assert complaints([outcome]) == [
        "a/b: 1,500 of 2,000 scores are not finite", "1,500 scores in all are not finite",
    ]  # fmt: skip


def test_only_takes_sets_series_and_files_of_them(tmp_path: Path) -> None:
    keys = ["A/1", "A/2", "B/1", "C/1"]
    names = tmp_path / "names.txt"
    names.write_text("B\n\nA/2\n")
    assert selected(keys, "A") == ["A/1", "A/2"]
    assert selected(keys, "C/1, A/2") == ["A/2", "C/1"]
    assert selected(keys, f"{names},C") == ["A/2", "B/1", "C/1"]
    with pytest.raises(ValueError, match=r"nor a file: A/3, D$"):
        selected(keys, "A,D,A/3")


def tables(tmp_path: Path) -> tuple[SetTable, SetTable]:
    ours, peers = tmp_path / "table.json", tmp_path / "peers.csv"
    ours.write_text(json.dumps(OURS))
    peers.write_text(PEERS_CSV)
    return read_table_json(ours), read_peers(peers)


def test_the_main_mean_is_of_sets_and_leaves_smap_apart(tmp_path: Path) -> None:
    ours, _ = tables(tmp_path)
    shown = groups(list(ours))
    assert [group.name for group in shown] == [
        "NAB", "SKAB", "mean of 2 sets", "SMAP", "mean of all 3",
    ]  # fmt: skip
    values = [value_of(ours, "sentinel", group, "VUS-PR") for group in shown]
    assert values == pytest.approx([0.7, 0.5, 0.6, 0.3, 0.5])
    assert np.isnan(value_of(ours, "sentinel", shown[3], "A_delay"))
    assert [group.name for group in groups(["SMAP"])] == ["SMAP"]


def test_the_best_peer_of_a_mean_is_one_peer_with_all_of_its_sets(tmp_path: Path) -> None:
    ours, peers = tables(tmp_path)
    nab = line(ours, peers, Group("NAB", ("NAB",)))
    assert nab.best is not None
    assert (nab.best.method, nab.best.value, nab.best.alike) == ("only_nab", 0.65, False)
    assert nab.plain is None
    skab = line(ours, peers, Group("SKAB", ("SKAB",)))
    assert skab.best is not None
    assert skab.plain is not None
    assert (skab.best.method, skab.best.alike, skab.plain.value) == ("knn", True, 0.7)
    both = line(ours, peers, Group("mean", ("NAB", "SKAB")))
    assert both.best is not None
    assert both.best.method == "pca"
    assert both.best.value == pytest.approx(0.7)
    assert read_peers(tmp_path / "none.csv") == {}
    assert line(ours, {}, Group("NAB", ("NAB",))).best is None


def test_the_report_shows_scores_alarms_nab_and_seconds(tmp_path: Path) -> None:
    ours, peers = tables(tmp_path)
    nab, messages = split_messages(
        "[sentinel] 1 series not clean\n"
        "[sentinel] NAB standard score on 16 series, one common threshold: -12.3\n"
    )
    assert (nab, messages) == ((-12.3, 16), ["[sentinel] 1 series not clean"])
    done = [
        Outcome("SKAB/a", seconds={"fit": Seconds(9, 4), "score": Seconds(2, 1)}),
        Outcome("NAB/b", seconds={"fit": Seconds(5, 3), "score": Seconds(1, 1)}),
        Outcome("NAB/c", error="too short", times_are_rows=True),
    ]
    out = Console(file=io.StringIO(), width=120)
    print_report(out, Judged(ours, [], nab, messages), peers, done)
    print_changes(out, changes({"A/1": 0.5}, {"A/1": 0.75}), alone=4)
    assert isinstance(out.file, io.StringIO)
    text = out.file.getvalue()
    for shown in (
        "0.650*", "NAB's own score: -12.3 (16 series", "median 7.0 (CPU 3.5), at most 9.0 (SKAB/a)",
        "from row numbers, as their own repeat or go back: NAB/c", "+0.250 1", "4 series with",
    ):  # fmt: skip
        assert shown in text


def test_what_moved_against_a_stored_run_is_counted_by_set(tmp_path: Path) -> None:
    before, now = tmp_path / "before.csv", tmp_path / "now.csv"
    old = {"A/1": 0.5, "A/2": 0.5, "A/3": 0.5, "B/1": 0.5, "B/gone": 0.5}
    new = {"A/1": 0.6, "A/2": 0.495, "A/3": 0.4, "B/1": 0.3, "B/new": 0.5}
    for path, values in ((before, old), (now, new)):
        rows = [{"dataset": k[0], "series": k[2:], "VUS-PR": str(v)} for k, v in values.items()]
        rows.append({"dataset": "A", "series": "no-events", "VUS-PR": ""})
        done = [Outcome(f"{row['dataset']}/{row['series']}") for row in rows]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0], "times", "error"])
            writer.writeheader()
            writer.writerows(with_seconds(rows, done))
    assert stored_metric(before) == old
    a, b, whole = changes(stored_metric(before), stored_metric(now))
    assert (a.name, a.better, a.worse, a.series) == ("A", 1, 1, 3)
    assert a.mean == pytest.approx(-0.005 / 3)
    assert (a.best[1], a.worst[1]) == ("A/1", "A/3")
    assert (b.name, b.better, b.worse, b.series) == ("B", 0, 1, 1)
    assert b.mean == pytest.approx(-0.2)
    assert (whole.series, whole.better, whole.worse, whole.worst[1]) == (4, 1, 2, "B/1")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("series,VUS-PR\n", "no column dataset"),
        ("dataset,series,VUS-PR\nA,1,.5\nA,1,.6\n", "A/1 is there twice"),
    ],
)
def test_a_stored_run_that_is_none_is_refused_before_anything_is_fitted(
    tmp_path: Path, text: str, problem: str
) -> None:
    write_series(tmp_path, WAVE, 50)
    stored = tmp_path / "stored.csv"
    stored.write_text(text)
    words = ["--series", str(tmp_path), "--evaluate", str(stored), "--versus", str(stored)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 2
    assert problem in done.output
    done = CliRunner().invoke(main, [*words[:4], "--only", "nothing"])
    assert done.exit_code == 2
    assert "nor a file: nothing" in done.output
