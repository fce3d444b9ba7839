"""Histories spoilt on purpose: how much, with what, and where."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.quality import detect as detecting
from tests.quality.__main__ import main, spoilt_jobs
from tests.quality.contaminate import PIECE_ROWS, seed_of, spoil
from tests.quality.detect import Job
from tests.quality.report import print_losses
from tests.quality.series import read_tables
from tests.quality.test_quality import SPIKE, write_series

TEST = np.arange(1000.0, 2000.0)[:, None]  # each row is known by its value
LABEL = np.zeros(1000)
LABEL[100:103] = LABEL[500:700] = 1


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), st.floats(0.01, 0.3), st.integers(0, 5))
def test_so_many_rows_are_pieces_of_labelled_events_and_the_others_are_untouched(
    rows: int, share: float, seed: int
) -> None:
    train = np.zeros((rows, 1))
    spoilt, spliced = spoil(train, TEST, LABEL, share, seed)
    assert not train.any()
    assert (spoilt[spliced, 0] > 0).all()
    assert not spoilt[~spliced].any()
    sources = (spoilt[spliced, 0] - 1000).astype(int)
    assert LABEL[sources].all()
    assert spliced.sum() == round(share * rows)
    pieces = np.split(sources, np.flatnonzero(np.diff(np.flatnonzero(spliced)) > 1) + 1)
    for piece in pieces:
        assert (np.diff(piece) == 1).all()
        assert len(piece) <= min(PIECE_ROWS, -(-len(sources) // 4))


def test_a_series_without_events_or_a_share_stays_as_it_is() -> None:
    train = np.zeros((100, 1))
    assert not spoil(train, TEST, np.zeros(1000), 0.05, 0)[1].any()
    assert not spoil(train, TEST, LABEL, 0.001, 0)[1].any()


def test_the_places_are_the_series_own_whatever_runs_with_it(tmp_path: Path) -> None:
    path = write_series(tmp_path, "made/wave", 400)
    clean, one, two = (read_tables(path, share) for share in (0.0, 0.05, 0.05))
    assert one.train.equals(two.train)
    assert one.test.equals(clean.test)
    assert one.train["timestamp"].equals(clean.train["timestamp"])
    changed = np.flatnonzero(one.train["sine"].to_numpy() != clean.train["sine"].to_numpy())
    assert len(changed) == 20
    spike = clean.test["cosine"][SPIKE].as_py()
    assert set(one.train["cosine"].to_numpy()[changed].tolist()) == {spike}
    assert seed_of("made/wave") != seed_of("made/other")


def test_what_is_spoilt_can_be_named(tmp_path: Path) -> None:
    path = write_series(tmp_path, "made/wave", 400)
    clean, spoilt = read_tables(path), read_tables(path, 0.05)
    assert len(clean.faults) == 0
    times = spoilt.train["timestamp"].to_numpy()
    named = np.zeros(len(times), np.bool_)
    for first, last in zip(*(spoilt.faults[end].to_numpy() for end in ("from", "to")), strict=True):
        named |= (times >= first) & (times <= last)
    changed = spoilt.train["cosine"].to_numpy() != clean.train["cosine"].to_numpy()
    assert named.tolist() == changed.tolist()


def test_spoilt_histories_are_fitted_as_they_are_and_without_what_is_odd_or_named() -> None:
    job = Job("a/b", Path("b.npz"), Path("out"), ("--model", "joint"))
    found = spoilt_jobs([job], 0.05)
    left_in = replace(job, out=Path("out/left-in"), contaminate=0.05)
    assert found["left in"] == [left_in]
    assert found["by name"] == [replace(left_in, out=Path("out/by-name"), named=True)]
    [suspicious] = found["suspicious"]
    assert suspicious.fit_options == ("--model", "joint", "--exclude-suspicious")
    assert suspicious.out == Path("out/suspicious")


def test_what_is_named_is_left_out_of_the_history_and_of_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, tuple[str, ...]] = {}

    def run(verb: str, *words: str) -> None:
        told[verb] = words
        if verb == "score":
            raise detecting.VerbFailedError(verb)

    monkeypatch.setattr(detecting, "_run", run)
    job = Job("made/wave", write_series(tmp_path, "made/wave", 400), tmp_path, contaminate=0.05)
    for named in (False, True):
        detecting.detect(replace(job, named=named))
        assert sorted(told) == ["fit", "score"]
        for words in told.values():
            assert ("--exclude-times" in words) == named
            assert not named or words[words.index("--exclude-times") + 1].endswith("faults.parquet")


def test_the_loss_is_told_by_set_and_in_the_mean() -> None:
    def table(a: float, b: float) -> dict[str, dict[str, dict[str, float]]]:
        return {
            "A": {"sentinel": {"VUS-PR": a, "n": 2}}, "B": {"sentinel": {"VUS-PR": b, "n": 1}},
        }  # fmt: skip

    out = Console(file=io.StringIO(), width=120)
    spoilt = {"left in": table(0.4, 0.7), "by name": table(0.5, 0.7)}
    print_losses(out, 0.05, table(0.5, 0.75), spoilt)
    assert isinstance(out.file, io.StringIO)
    [mean] = [row for row in out.file.getvalue().splitlines() if "mean of 2 sets" in row]
    assert [cell.strip() for cell in mean.split("│")[2:-1]] == [
        "3", "0.625", "0.550", "0.075", "0.600", "0.025",
    ]  # fmt: skip
    assert "5% of every training history" in out.file.getvalue()


@pytest.mark.parametrize("share", ["0", "0.6", "much"])
def test_a_share_that_is_none_is_wrong_usage(share: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main, ["--series", str(tmp_path), "--evaluate", __file__, "--contaminate", share]
    )
    assert done.exit_code == 2
    assert "--contaminate" in done.output
