"""Detection quality on labelled series, through the command line that users have.

    python -m tests.quality --series DIR --evaluate FILE [--only SETS] [--versus STORED.csv]

Each `<set>/<series>.npz` (train, test, label, channels, t_train, t_test) is written as Parquet and
goes through `sentinel fit train` and `sentinel score --context train --input test`: one default
configuration, no options per set, one thread. A series whose times repeat or go back gets times
made from row numbers (`series.stream_times_us`). The harness FILE then compares scores and alarms
with the labels; its table is printed beside the peers' (`peers_dev.csv` beside FILE).

--contaminate .05 fits to every series three times more: with that share of its training
overwritten by pieces of its own labelled anomalies (`contaminate`), which stay in it, are sought by
`--exclude-suspicious`, or are named to `--exclude-times`, of the context, too.

Whether a GPU decides as the CPU does is told by two runs with the same models, which are fitted by
the CPU both times, for a GPU draws other noise. The second one says how many series have the very
same alarms in every row:

    python -m tests.quality --series DIR --evaluate FILE --out runs/cpu --device cpu
    python -m tests.quality --series DIR --evaluate FILE --out runs/cuda --device cuda \
        --fit-device cpu --jobs 1 --versus runs/cpu/per_series.csv

Leaves in --out: per_series.csv (for --versus), scores/ and logs/ by series, harness/.

Scores depend neither on --jobs nor on the machine's load; seconds do (compare CPU seconds), and the
first series of a run after a change of the kernels pay for compiling them. For an idea in minutes,
name small series of every kind:

    --only ECG/chfdb_chf01_275,UCR,DISCORD/TEK14,DISCORD/TEK16,SKAB/valve1_00,SKAB/valve1_08,\
NAB/realKnownCause__nyc_taxi,NAB/realAWSCloudwatch__ec2_cpu_utilization_5f5533,ASD/omi-2,SMAP/A-5
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from rich.progress import Progress

from sentinel.cli.finite_range import FiniteRange
from tests.quality.detect import Job, Outcome, detect_all
from tests.quality.harness import HarnessError, judge, read_peers
from tests.quality.report import (
    complaints,
    console,
    print_changes,
    print_losses,
    print_report,
    progress_line,
)
from tests.quality.series import keys_of, selected
from tests.quality.summary import with_seconds
from tests.quality.versus import changes, decisions, stored_metric

PEERS = "peers_dev.csv"
FAILED = 1

EPILOG = """\b
Examples:
  python -m tests.quality --series data/dev --evaluate eval/evaluate.py --out runs/today
  python -m tests.quality --series data/dev --evaluate eval/evaluate.py --only UCR,SMAP/A-5
  python -m tests.quality --series data/dev --evaluate eval/evaluate.py --out runs/new \\
      --versus runs/today/per_series.csv
  python -m tests.quality --series data/dev --evaluate eval/evaluate.py --only ECG,UCR \
      --contaminate 0.05
"""
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


# fmt: off
@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--series", required=True, metavar="DIR",
              type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of <set>/<series>.npz.")
@click.option("--evaluate", required=True, type=EXISTING_FILE, metavar="FILE",
              help=f"The harness; the peers' table is {PEERS} beside it.")
@click.option("--only", metavar="SETS",
              help="Sets and set/series, separated by commas, or a file with one a line.")
@click.option("--versus", type=EXISTING_FILE, metavar="STORED.csv",
              help="per_series.csv of an earlier run to compare with.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Where results stay.  [default: a new directory, named at the end]")
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Series at a time, one thread each.  [default: one for each CPU]")
@click.option("--model", metavar="KIND", help="Handed to `sentinel fit` as it is.")
@click.option("--contaminate", type=FiniteRange(0, 0.5, min_open=True), metavar="SHARE",
              help="Fit to spoilt histories, too: what this share of a series' own anomalies in "
              "its training costs, left in, sought by --exclude-suspicious, named to "
              "--exclude-times.")
@click.option("--device", metavar="DEVICE",
              help="Handed to `sentinel fit` and `sentinel score` as it is.")
@click.option("--fit-device", metavar="DEVICE",
              help="Handed to `sentinel fit` instead of --device.")
@click.option("--reconstruct-every", type=click.IntRange(1), metavar="N",
              help="Handed to `sentinel fit` and `sentinel score` as it is.")
def main(
    series: Path, evaluate: Path, only: str | None, versus: Path | None, out: Path | None,
    jobs: int | None, model: str | None, contaminate: float | None,
    device: str | None, fit_device: str | None, reconstruct_every: int | None,
) -> None:
    # fmt: on
    """Measure detection quality: fit and score labelled series, and have them judged.

    Exit code 1 where a series failed or has scores that are not finite.
    """
    processes = jobs or len(os.sched_getaffinity(0))
    keys = _keys(series, only)
    before = _before(versus)  # an hour of work must not end in an error that was foreseeable
    out = out or Path(tempfile.mkdtemp(prefix="sentinel-quality-"))
    every = option("--reconstruct-every", reconstruct_every)
    work = [
        Job(
            key, series / f"{key}.npz", out,
            (*option("--model", model), *option("--device", fit_device or device), *every),
            (*option("--device", device), *every),
        )
        for key in keys
    ]  # fmt: skip
    spoilt = spoilt_jobs(work, contaminate) if contaminate else {}
    outcomes = _detect(work, processes)
    others = [outcome for jobs in spoilt.values() for outcome in _detect(jobs, processes)]
    if all(outcome.error for outcome in outcomes):
        raise click.ClickException(f"every series failed, see {out / 'logs'}: {outcomes[0].error}")
    try:
        judged = judge(evaluate, series, keys, out, processes)
        tables = {
            how: judge(evaluate, series, keys, jobs[0].out, processes).sets
            for how, jobs in spoilt.items()
        }
    except HarnessError as error:
        raise click.ClickException(f"the harness failed: {error}") from None
    stored = out / "per_series.csv"
    _write(stored, with_seconds(judged.per_series, outcomes))
    report = console()
    print_report(report, judged, read_peers(evaluate.with_name(PEERS)), outcomes)
    if contaminate:
        print_losses(report, contaminate, judged.sets, tables)
    if versus:
        now = stored_metric(stored)
        print_changes(report, changes(before, now), len(before.keys() ^ now.keys()))
        report.print(decisions(versus.parent / "scores", out / "scores", keys))
    report.print(f"results are in {out}", soft_wrap=True)
    for message in judged.messages:
        click.echo(message, err=True)
    wrong = complaints([*outcomes, *others])
    for complaint in wrong:
        click.echo(f"error: {complaint}", err=True)
    raise SystemExit(FAILED if wrong else 0)


def option(name: str, value: object) -> tuple[str, ...]:
    """Words of a command line; None: nothing."""
    return () if value is None else (name, str(value))


def spoilt_jobs(work: Sequence[Job], share: float) -> dict[str, list[Job]]:
    """The same jobs with spoilt histories, by what becomes of what is spoilt."""

    def jobs(how: str, *options: str, named: bool = False) -> list[Job]:
        return [
            replace(
                job, out=job.out / how, fit_options=(*job.fit_options, *options),
                contaminate=share, named=named,
            )
            for job in work
        ]  # fmt: skip

    return {
        "left in": jobs("left-in"),
        "suspicious": jobs("suspicious", "--exclude-suspicious"),
        "by name": jobs("by-name", named=True),
    }


def _keys(series: Path, only: str | None) -> list[str]:
    keys = keys_of(series)
    if not keys:
        raise click.BadParameter(f"no <set>/<series>.npz in {series}", param_hint="--series")
    try:
        return keys if only is None else selected(keys, only)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--only") from None


def _before(versus: Path | None) -> dict[str, float]:
    try:
        return stored_metric(versus) if versus else {}
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--versus") from None


def _detect(work: Sequence[Job], processes: int) -> list[Outcome]:
    told = console(stderr=True)
    with Progress(console=told, disable=not told.is_terminal) as progress:
        task = progress.add_task("series", total=len(work))
        done = 0

        def tell(outcome: Outcome) -> None:
            nonlocal done
            done += 1
            told.print(progress_line(done, len(work), outcome), markup=False, soft_wrap=True)
            progress.advance(task)

        return detect_all(work, processes, tell)


def _write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(prog_name="python -m tests.quality")
