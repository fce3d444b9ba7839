"""A number that an option takes is one that its command can work with; any other is wrong usage."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from click.types import FloatParamType, IntParamType

from sentinel.cli.main import VERBS, cli
from sentinel.config.bounds import COUNT_MAX, DURATION_MAX_S


def taking(*kinds: type[click.ParamType]) -> Iterator[object]:
    """The options of all verbs that take such numbers."""
    for verb in sorted(VERBS):
        for param in import_module(f"sentinel.cli.{verb}").command.params:
            if isinstance(param.type, kinds):
                yield pytest.param(param.type, id=f"{verb} {param.opts[0]}")


@pytest.mark.parametrize("option", list(taking(FloatParamType, IntParamType)))
def test_every_number_has_a_least_and_a_largest(option: click.ParamType) -> None:
    assert isinstance(option, click.IntRange | click.FloatRange)
    assert option.min is not None
    assert option.max is not None


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
@pytest.mark.parametrize("option", list(taking(FloatParamType)))
def test_no_option_takes_what_is_not_finite(option: click.ParamType, value: str) -> None:
    with pytest.raises(click.BadParameter, match=f"^'?{value}'? is not a finite number$"):
        option.convert(value, None, None)


@pytest.mark.parametrize(
    "words",
    [
        "fit --output model --seed -1",
        "fit --output model --max-gap 1e30",
        "fit --output model --clip-norm nan",
        "fit --output model --reconstruct-every 3000000000",
        "fit --output model --model reconstruct --window-stride 3000000000",
        "fit --output model --model reconstruct --exceed-probability 1e-320",
        "tune history.csv --seed -3",
        "tune history.csv --max-gap inf",
        "tune history.csv --alerts-per-day nan",
        "tune history.csv --alerts-per-day 1e-6",
        "score --model m --input a.csv --output b.csv --reconstruct-every 3000000000",
        "check --config sentinel.toml --timeout inf",
        "check --config sentinel.toml --create-topics --partitions 3000000000",
    ],
)
def test_a_number_out_of_bounds_is_wrong_usage(words: str) -> None:
    done = CliRunner().invoke(cli, words.split())
    *_, option, _ = words.split()
    assert (done.exit_code, f"'{option}'" in done.stderr) == (2, True), done.stderr


def test_bounds_themselves_are_taken(tmp_path: Path) -> None:
    """They are no mistake: what is complained of is the history, which is read next."""
    words = f"fit none.csv --max-gap {DURATION_MAX_S} --reconstruct-every {COUNT_MAX} --output"
    done = CliRunner().invoke(cli, [*words.split(), str(tmp_path / "model")])
    assert (done.exit_code, "none.csv" in done.stderr) == (4, True), done.stderr
