"""`sentinel check`: configuration, model, device, Kafka topics; all that is wrong, at once."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from sentinel.cli.check_clients import check_clients
from sentinel.cli.check_endpoint import check_endpoint
from sentinel.cli.check_kernels import check_kernels
from sentinel.cli.check_sample import check_sample
from sentinel.cli.check_topics import (
    Creation,
    check_group,
    check_topics,
    kafka_problem,
    sink_topics,
    source_topics,
)
from sentinel.cli.findings import Finding, exit_code, note, ok, print_findings
from sentinel.cli.finite_range import FiniteRange
from sentinel.cli.output import OutputConsole
from sentinel.cli.progress import Spinner
from sentinel.config.kafka_client import client_options
from sentinel.config.loading import Examined, examine
from sentinel.config.problems import did_you_mean
from sentinel.config.schema import Config
from sentinel.errors import ConfigError, KafkaError, ModelError
from sentinel.fitted import FittedModel
from sentinel.plural import counted
from sentinel.records import NS_PER_S
from sentinel.source.kafka_admin import Cluster, latest_records
from sentinel.store import load

SAMPLE_MAX = 10_000
TIMEOUT_MAX_S = 3600
# As wide as Kafka's protocol has these numbers.
PARTITIONS_MAX, REPLICAS_MAX = 2**31 - 1, 2**15 - 1
KAFKA_KEYS = ("kafka.", "source.bootstrap_servers", "source.topic", "source.group_id", "sink.")

EPILOG = f"""\b
Exit codes: 0 nothing is wrong; else by the first that is: {ConfigError.exit_code} the \
configuration, {ModelError.exit_code} the model, {KafkaError.exit_code} Kafka.

\b
Examples:
  sentinel check --config sentinel.toml
  sentinel check --config sentinel.toml --sample 200
  sentinel check --config sentinel.toml --create-topics --partitions 6
"""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for beyond the checks.

    sample    so many of the newest records are looked at; 0: none
    creation  missing output topics are created so; None: they are a problem
    """

    timeout_ms: int
    sample: int = 0
    creation: Creation | None = None


@click.command(epilog=EPILOG)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="The configuration of `sentinel run`.",
)
@click.option(
    "--sample",
    type=click.IntRange(0, SAMPLE_MAX),
    default=0,
    metavar="N",
    help="Decode the topic's N newest records: what would be rejected, which channels match.",
)
@click.option(
    "--create-topics",
    is_flag=True,
    help="Create the events and dead-letter topics where they are missing.",
)
@click.option(
    "--partitions",
    type=click.IntRange(1, PARTITIONS_MAX),
    show_default="the broker's",
    help="With --create-topics: partitions of each new topic.",
)
@click.option(
    "--replication-factor",
    type=click.IntRange(1, REPLICAS_MAX),
    show_default="the broker's",
    help="With --create-topics: replicas of each new topic.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=FiniteRange(0.1, TIMEOUT_MAX_S),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for Kafka.",
)
@click.pass_context
def command(
    ctx: click.Context,
    path: Path,
    sample: int,
    create_topics: bool,
    partitions: int | None,
    replication_factor: int | None,
    timeout_s: float,
) -> None:
    """Check configuration, model and Kafka topics; say everything that is wrong.

    Nothing is consumed and nothing committed: a running daemon does not notice. Topics are created
    only with --create-topics, and never the one that is read.
    """
    creation = Creation(partitions, replication_factor) if create_topics else None
    wishes = Wishes(int(timeout_s * 1000), sample, creation)
    ctx.exit(exit_code(print_findings(run_checks(path, wishes), OutputConsole())))


def run_checks(path: Path, wishes: Wishes) -> Iterator[Finding]:
    """Everything there is to say, in the order of a start, from configuration to records.

    Raises ConfigError where there is no TOML to look at.
    """
    examined = examine(path)
    for problem in examined.problems:
        yield Finding("problem", problem.key, problem.what, problem.hint, ConfigError.exit_code)
    unknown = list(check_clients(examined.config))
    yield from unknown
    if not (examined.problems or unknown):
        yield ok("configuration", str(path))
    model = yield from _check_model(examined)
    if not _broken(examined, "kernels."):
        yield from check_kernels(examined.config.kernels)
    if not _broken(examined, "metrics."):
        yield from check_endpoint(examined.config)
    if unknown or _broken(examined, *KAFKA_KEYS):
        yield note("kafka", "not asked before the configuration says how")
        return
    reached = yield from _check_kafka(examined.config, wishes)
    if wishes.sample and reached and not _broken(examined, "source."):
        yield from _sample(examined.config, model, wishes)


def _broken(examined: Examined, *keys: str) -> bool:
    return any(problem.key.startswith(keys) for problem in examined.problems)


def _check_model(examined: Examined) -> Generator[Finding, None, FittedModel | None]:
    config = examined.config
    if _broken(examined, "model"):
        return None
    try:
        model = load(config.model)
    except ModelError as error:
        what = f"{error.where}: {error.what}" if error.where else error.what
        yield Finding("problem", "model", what, error.hint, ModelError.exit_code)
        return None
    every = f", a reading every {model.interval_ns / NS_PER_S:g} s" if model.interval_ns else ""
    yield ok(
        "model",
        f"{model.name} {model.version}: {counted(len(model.channels), 'channel')}, window_length "
        f"{model.window_length}{every}",
    )
    strangers = [name for name in config.source.channels if name not in model.channels]
    for name in strangers:
        hint = did_you_mean(name, model.channels) or f"it has {', '.join(model.channels[:20])}"
        what = f'the model has no channel "{name}"'
        yield Finding("problem", f"source.channels.{name}", what, hint, ConfigError.exit_code)
    return None if strangers else model


def _check_kafka(config: Config, wishes: Wishes) -> Generator[Finding, None, bool]:
    """Both clusters, or the one that is both; whether records can be read is the result."""
    options, sink_servers = client_options(config), config.sink.bootstrap_servers
    elsewhere = sink_servers not in ("", config.source.bootstrap_servers)
    readable = False
    try:
        with Cluster(options, wishes.timeout_ms) as cluster:
            wanted = source_topics(config) + ([] if elsewhere else sink_topics(config))
            for found in check_topics(cluster, wanted, wishes.creation):
                readable |= found.where == "source.topic" and found.grade == "ok"
                yield found
            yield from check_group(cluster, config.source.group_id)
    except KafkaError as error:
        yield kafka_problem(error, "source.bootstrap_servers")
    if elsewhere:
        try:
            options["bootstrap_servers"] = sink_servers
            with Cluster(options, wishes.timeout_ms) as cluster:
                yield from check_topics(cluster, sink_topics(config), wishes.creation)
        except KafkaError as error:
            yield kafka_problem(error, "sink.bootstrap_servers")
    return readable


def _sample(config: Config, model: FittedModel | None, wishes: Wishes) -> Iterator[Finding]:
    if model is None:
        yield note("sample", "not taken: it is read with the model's channels")
        return
    options = client_options(config) | config.source.client
    # The first time after an installation the decoder is compiled, which takes a while.
    with Spinner("reading and decoding the newest records"):
        try:
            records = latest_records(options, config.source.topic, wishes.sample, wishes.timeout_ms)
            found = list(check_sample(config, model, records))
        except KafkaError as error:
            found = [kafka_problem(error, "source.topic")]
    yield from found
