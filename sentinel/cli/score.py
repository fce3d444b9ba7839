"""`sentinel score`: the daemon's own detector over a file."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import click

from sentinel.cli import logs
from sentinel.cli.progress import Spinner
from sentinel.cli.replay_options import Request, how_it_is_scored, what_is_replayed
from sentinel.cli.replaying import count_dropped
from sentinel.config.schema import LogConfig
from sentinel.plural import counted
from sentinel.sink import scores as scores_file
from sentinel.sink.scores import ScoresWriter

log = logging.getLogger(__name__)

EPILOG = """\b
Columns: timestamp, entity, anomaly_score, score_ratio (1 = at the threshold), is_anomaly (inside
an open episode), status (ok, warming n/N, between strides, duplicate, late, rejected); with
--forecast also expected_<channel>, in the channel's own unit: the model's forecast of the reading
(--model reconstruct: its reconstruction), empty where the reading has no score of its own.

\b
Examples:
  sentinel score --model model --input today.csv --output scores.csv
  sentinel score --model model --input test.csv --context train.csv --output scores.csv \\
      --forecast
"""


# fmt: off
@click.command(epilog=EPILOG, short_help="Score a file of readings.")
@what_is_replayed
@click.option("--output", required=True, metavar="FILE",
              help="One row per reading: CSV, Parquet where it ends so; - is standard output.")
@click.option("--forecast", is_flag=True,
              help="Write what was expected of each channel, too: expected_<channel>.")
@how_it_is_scored
def command(output: str, forecast: bool, **options: Any) -> None:
    # fmt: on
    """Score readings as `sentinel run` would: each score uses this reading and earlier ones only.

    A reading without a window of its own repeats its entity's last score; its status says why.
    """
    logs.set_up(LogConfig())
    asked = Request.of(options)
    scores_file.prepare(output)
    model = asked.model()
    replay, detector = asked.replay(model), asked.detector(model)
    source = replay.source
    with (
        Spinner("scoring") as spinner,
        ScoresWriter(
            output, source.entities, model.window_length, replay.time_unit,
            model.channels if forecast else (),
        ) as writer,
    ):
        seen: Counter[str] = Counter()
        for readings, detection in replay.through(detector, reasons=forecast):
            expected = detection.reasons.expected if detection.reasons else None
            writer.write(readings, detection.scores, expected)
            seen.update(
                readings=len(readings),
                scored=detection.windows,
                dropped=count_dropped(detection.scores),
                episodes=sum(event.state == "opened" for event in detection.events),
                suppressed=len(detection.suppressed),
            )
            spinner.update(f"scoring: {counted(seen['readings'], 'reading')}")
    replay.warn(seen["readings"], seen["dropped"])
    seen["suppressed"] += detector.episodes_withheld()
    if seen["suppressed"]:
        why = detector.episodes.rules.withheld_by
        log.info("episodes never told, withheld by %s: %d", why, seen["suppressed"])
    place = "standard output" if output == "-" else output
    click.echo(
        f"{counted(seen['readings'], 'row')} written to {place}: {seen['scored']:,} scored, "
        f"{counted(seen['episodes'], 'episode')}",
        err=True,  # standard output may carry the scores
    )
