"""The frame of the command line: the verbs, imported only when called for, and its exit codes."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

import click

from sentinel import __version__
from sentinel.cli.errors import exit_code_of
from sentinel.runtime.garbage import collector_paused


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb before it is imported: what `sentinel --help` says of it, and whether it computes."""

    summary: str
    kernels: bool = True


VERBS = {
    "fit": Verb("Fit a model to a history of readings."),
    "run": Verb("Run the daemon: readings from Kafka, anomaly events to Kafka."),
    "score": Verb("Score a file of readings, as the daemon would."),
    "backtest": Verb("Judge a model on readings of the past, against known anomalies."),
    "tune": Verb("Find settings that suit a history, by trying them."),
    "explain": Verb("Say which channels made a stretch of a file look odd."),
    "check": Verb("Check configuration, model and Kafka topics; say everything that is wrong."),
    "info": Verb("Show what this machine has, and which kernels run on it."),
    "config": Verb("Print a commented example, or the effective configuration.", kernels=False),
    "demo": Verb("Watch it work on real data, with a broker of its own."),
}

EPILOG = """\b
Exit codes:
  0    success
  1    an unexpected failure: a defect of sentinel
  2    wrong usage of the command line
  3    the configuration is invalid
  4    the data is invalid or too short, or scores cannot be written
  5    the model file was refused, or cannot be written
  6    Kafka: unreachable, not authorised, or a topic is missing
  7    demo --exit: no known failure was caught
  8    backtest: a --fail-if condition holds
  9    the GPU failed amid the work, and the CPU was not to take over
  130  interrupted by Ctrl-C (fit that has a model by then keeps it: 0)
  141  the reader of the output went away

\b
Examples:
  sentinel demo
  sentinel fit history.csv --output model
  sentinel config > sentinel.toml
  sentinel check --config sentinel.toml
  sentinel run --config sentinel.toml
"""


class Verbs(click.Group):
    """A group whose commands are imported on demand, and whose errors become exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every verb, without importing any."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in VERBS:
            return None
        with collector_paused():
            if VERBS[cmd_name].kernels:
                # Numba reads the cache directory when it is imported, that is: with the verb.
                import_module("sentinel.runtime.jit_cache").prepare()
            return cast(click.Command, import_module(f"sentinel.cli.{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table above: `--help` imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in VERBS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; whatever it raises is told on standard error and becomes an exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException):
            raise
        except (Exception, KeyboardInterrupt) as error:
            ctx.exit(exit_code_of(error, debug=ctx.params["debug"]))


@click.command(
    cls=Verbs,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--debug",
    is_flag=True,
    envvar="SENTINEL_DEBUG",
    help="Show the traceback of every error (also: SENTINEL_DEBUG=1).",
)
def cli(debug: bool) -> None:
    """Streaming anomaly detection for sensor readings in Kafka."""
