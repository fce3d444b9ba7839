"""Two devices compared on series: what they are asked for, and whether they decide alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.quality.__main__ import main
from tests.quality.detect import Job, Outcome
from tests.quality.versus import decisions


def test_alarms_of_two_runs_are_compared_row_by_row(tmp_path: Path) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    alarms = {"SKAB/a": [0, 1, 1, 0], "SKAB/b": [0, 0, 0, 0], "UCR/c": [1, 1, 0, 0]}
    for folder in (before, now):
        for key, alarm in alarms.items():
            path = folder / f"{key}.alarm.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.array(alarm, np.int8))
    keys = [*alarms, "UCR/failed"]
    same = "the alarms of all 3 series are those of the stored run"
    assert decisions(before, now, keys) == same
    np.save(now / "SKAB" / "a.alarm.npy", np.array([1, 1, 0, 0], np.int8))
    np.save(now / "UCR" / "c.alarm.npy", np.array([1, 1, 0], np.int8))
    found = decisions(before, now, keys)
    assert found == "alarms differ in 2 of 3 series (rows): SKAB/a in 2, UCR/c in 4"
    assert decisions(tmp_path, now, keys).startswith("no alarms to compare with in ")


@pytest.mark.parametrize(
    ("options", "fits", "scores"),
    [
        ((), (), ()),
        (("--device", "cuda"), ("--device", "cuda"), ("--device", "cuda")),
        (("--device", "cuda", "--fit-device", "cpu", "--reconstruct-every", "4",
          "--model", "joint"),
         ("--model", "joint", "--device", "cpu", "--reconstruct-every", "4"),
         ("--device", "cuda", "--reconstruct-every", "4")),
    ],
    ids=["none", "a device", "a device each, and others"],
)  # fmt: skip
def test_options_are_handed_on_to_both_verbs(
    options: tuple[str, ...],
    fits: tuple[str, ...],
    scores: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "SKAB").mkdir()
    (tmp_path / "SKAB" / "wave.npz").touch()
    evaluate = tmp_path / "evaluate.py"
    evaluate.write_text("")
    seen: list[Job] = []

    def detected(work: list[Job], _: int) -> list[Outcome]:
        seen.extend(work)
        return [Outcome(job.key, error="not run") for job in work]

    monkeypatch.setattr("tests.quality.__main__._detect", detected)
    words = ["--series", str(tmp_path), "--evaluate", str(evaluate), "--out", str(tmp_path / "out")]
    assert "every series failed" in CliRunner().invoke(main, [*words, *options]).output
    assert [(job.fit_options, job.score_options) for job in seen] == [(fits, scores)]
