"""Our metrics are those of the harness that judges detectors: see make_backtest_golden.py."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.backtest.metrics import judge
from sentinel.backtest.ranking import average_precision
from sentinel.backtest.tracks import tracks_of
from sentinel.backtest.vus import vus_pr
from tests.architecture.source_tree import ROOT
from tests.backtest.made_up import episodes_where, scored

with np.load(ROOT / "tests/golden/backtest.npz") as archive:
    GOLDEN = {name: archive[name] for name in archive.files}
CASES = sorted({name.split("/")[0] for name in GOLDEN if "/" in name})


def test_the_golden_file_is_of_this_format() -> None:
    assert str(GOLDEN["format"]) == "sentinel-backtest/1"
    assert len(CASES) == 11


@pytest.mark.parametrize("case", CASES)
def test_metrics_are_the_harness_s(case: str) -> None:
    score, label = GOLDEN[f"{case}/score"].astype(np.float64), GOLDEN[f"{case}/label"]
    episodes = episodes_where(GOLDEN[f"{case}/alarm"])
    found = judge(tracks_of(scored(score), label, episodes)).metrics
    np.testing.assert_allclose(
        [getattr(found, name) for name in GOLDEN["names"]],
        GOLDEN[f"{case}/expected"],
        rtol=0,
        atol=1e-12,
    )
    assert found.vus_pr == vus_pr(label, score)
    assert found.auc_pr == average_precision(label, score)


@pytest.mark.parametrize("case", ["plain", "crowded"])
def test_only_the_order_of_scores_counts(case: str) -> None:
    score, label = GOLDEN[f"{case}/score"].astype(np.float64), GOLDEN[f"{case}/label"]
    bent = np.arctan(score) * 7 + 3
    assert vus_pr(label, bent) == vus_pr(label, score)
    assert average_precision(label, bent) == average_precision(label, score)
