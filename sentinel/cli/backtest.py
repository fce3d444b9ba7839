"""`sentinel backtest`: what a model's episodes are worth on readings of the past."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sentinel.backtest.labels import Labels
from sentinel.backtest.limits import Limit
from sentinel.backtest.outcome import Backtest, backtest
from sentinel.cli import logs
from sentinel.cli.backtest_report import backtest_json, print_backtest
from sentinel.cli.drawing import page_maker
from sentinel.cli.labelling import demand_fit
from sentinel.cli.replay_options import Request, how_it_is_scored, what_is_replayed
from sentinel.cli.replaying import Replay
from sentinel.config.schema import LogConfig
from sentinel.detector import Detector
from sentinel.source.labels import read_labels

LIMIT_CROSSED = 8
EPILOG = """\b
LABELS is a CSV file with the columns `from` and `to` and perhaps `entity`: one known anomaly a row.
With `failed_at`, the time at which the machine failed of it, the lead of the warning is told, too.
Exit code 8: a --fail-if condition holds (for a CI of models).

\b
Examples:
  sentinel backtest --model model --input rest.csv --context healthy.csv
  sentinel backtest --model model --input rest.csv --labels labels.csv --report report.html
  sentinel backtest --model model --input rest.csv --labels labels.csv \\
      --fail-if "episode_f1<0.5" --fail-if "false_per_10_000>3"
"""


class LimitType(click.ParamType[Limit]):
    """metric<number."""

    name = "LIMIT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Limit:
        """Wrong usage where it is none."""
        try:
            return value if isinstance(value, Limit) else Limit.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


# fmt: off
@click.command(epilog=EPILOG, short_help="Judge a model on readings of the past.")
@what_is_replayed
@click.option("--labels", "labels_path", type=click.Path(path_type=Path), metavar="LABELS",
              help="Known anomalies; without them episodes are counted, not judged.")
@click.option("--report", "report_path", type=click.Path(path_type=Path), metavar="HTML",
              help="Write a page with figures, one file (needs matplotlib, the extra `report`).")
@click.option("--fail-if", "limits", type=LimitType(), multiple=True, metavar="METRIC<NUMBER",
              help="Exit code 8 where it holds; < <= > >= and any metric (repeat for more).")
@click.option("--json", "as_json", is_flag=True,
              help="One JSON object with all episodes and metrics instead of tables.")
@how_it_is_scored
def command(
    labels_path: Path | None, report_path: Path | None, limits: tuple[Limit, ...], as_json: bool,
    **options: Any,
) -> None:
    # fmt: on
    """Run a model over readings of the past as `sentinel run` would, and judge its episodes.

    With labels: which known anomalies were found and how late, which episodes are false, and what
    the scores are worth without a threshold.
    """
    logs.set_up(LogConfig(level="warning"))
    asked = Request.of(options)
    for limit in limits:
        if limit.needs_labels and labels_path is None:
            raise click.UsageError(f"--fail-if {limit.metric} needs --labels")
    write_page = page_maker(report_path) if report_path else None
    labels = read_labels(labels_path) if labels_path else None
    model = asked.model()
    found = _run(asked.replay(model), asked.detector(model), labels)
    failures = [text for limit in limits if (text := limit.crossed(found.judgement.metrics))]
    if write_page:
        again = asked.replay(model).explained(asked.detector(model))
        write_page(found, model, asked.input_path, again)
    if as_json:
        click.echo(backtest_json(found, model, failures))
    else:
        print_backtest(found)
    for text in failures:
        click.echo(f"failed: {text}", err=True)
    if failures:
        raise SystemExit(LIMIT_CROSSED)
    if limits:
        click.echo(f"passed, as none of these holds: {', '.join(map(str, limits))}", err=True)


def _run(replay: Replay, detector: Detector, labels: Labels | None) -> Backtest:
    """Every reading through the detector; then judged. Raises DataError where labels do not fit."""
    scored, told = replay.scored_by(detector)
    entities = list(replay.source.entities)
    if labels is not None:
        rows = scored.judged()
        demand_fit(labels, scored.entity[rows], scored.time_ns[rows], entities)
    return backtest(scored, told, labels, entities)
