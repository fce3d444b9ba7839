"""Limits for a CI of models: what is said is what fails, and what cannot be told fails too."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from sentinel.backtest.limits import Limit
from sentinel.backtest.metrics import Metrics

METRICS = replace(Metrics(100, 4, 400.0, 0.25), episode_f1=0.5, false_per_10_000=3.0)


@pytest.mark.parametrize(
    ("text", "crossed"),
    [
        ("episode_f1<0.5", ""),
        ("episode_f1<=0.5", "episode_f1<=0.5: it is 0.5"),
        (" episode_f1 < .6 ", "episode_f1<0.6: it is 0.5"),
        ("false_per_10_000>3", ""),
        ("false_per_10_000>=3e0", "false_per_10_000>=3: it is 3"),
        ("episodes>3", "episodes>3: it is 4"),
        ("delay_s>3600", "delay_s>3600: cannot be told, there is nothing to measure"),
    ],
)
def test_a_limit_is_crossed_where_it_holds_or_cannot_be_told(text: str, crossed: str) -> None:
    assert Limit.parse(text).crossed(METRICS) == crossed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("episode_f1", "is not of the form metric<number"),
        ("episode_f1=0.5", "is not of the form metric<number"),
        ("f1<0.5", "there is no metric 'f1'; metrics are readings, episodes, "),
        ("episode_f1<high", "'high' is not a number"),
        ("episode_f1<nan", "'nan' is not a number"),
    ],
)
def test_what_is_no_limit_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Limit.parse(text)


def test_counting_needs_no_labels() -> None:
    assert not Limit.parse("episodes_per_10_000>5").needs_labels
    assert Limit.parse("vus_pr<0.3").needs_labels
