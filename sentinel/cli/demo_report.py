"""What the demo prints: lines of at most 80 columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from textwrap import wrap

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from sentinel.cli.output import OutputConsole
from sentinel.cli.wiring import Running
from sentinel.config.schema import Config
from sentinel.demo.dataset import MICROSECOND
from sentinel.demo.events import Event
from sentinel.demo.verdict import Caught, Replayed, Verdict
from sentinel.fitted import FittedModel
from sentinel.plural import counted
from sentinel.report.wording import ahead

WEEK = timedelta(weeks=1)
COLUMNS = 80
INDENT = "    "

BEGIN = """\
[bold]NAB machine_temperature_system_failure[/]: temperature in a large
industrial machine, every five minutes; four anomalies are labelled in it.
Fitting on the first month ({history:,} readings) but for the two that are
labelled there, then replaying the other {weeks:.0f} weeks ({readings:,} readings).
Times are UTC."""

RIVER = """\
broker   {broker}
topics   {run}.readings, .events, .dead-letter{fate}
metrics  {metrics}
"""

RULES = """\
caught   an episode opens inside NAB's labelled window (two days around the time
         above); the lead time is from its opening to that time
false    an episode that shares no moment with any labelled window
"""

VERDICT = """\
[bold]{caught} of {known} known anomalies caught, {ahead} of them ahead; {false}[/]
({per_week:.1f} per machine-week, {per_10_000:.1f} per 10,000 readings), of {episodes} in all.
By chance: {by_chance} opened at random times would catch {chance:.1f} of {known}.
An episode was open {open_share:.0%} of the time; {speed:,.0f} readings/s.

What is usual was learnt from one month: what that does not hold is told{unseen}.
[bold]alert.alerts_per_day[/] sets a budget, and a larger [bold]alert.threshold_scale[/] makes
all of it calmer; both let it miss more."""
UNSEEN = """
({unseen} of the {false} {reaches} temperatures outside it, and {says} so)"""


class DemoReport:
    """The story of one demo, told in order."""

    def __init__(self) -> None:
        self._console = OutputConsole(highlight=False, soft_wrap=True)
        self._severities: dict[str, str] = {}

    def begin(self, history: int, replayed: Replayed) -> None:
        """What is about to happen."""
        weeks = (replayed.last - replayed.first) / WEEK
        self._console.print(BEGIN.format(history=history, weeks=weeks, readings=replayed.readings))

    def fitted(self, model: FittedModel) -> None:
        """The model is there."""
        found = model.summary
        self._console.print(
            f"Fitted in {found['steps']:,} steps: loss {found['loss_train']:.3g}; "
            f"an episode opens at a score of {model.threshold:.3g}.\n"
        )

    def river(self, config: Config, broker: str, started: Running, *, deleted: bool) -> None:
        """Where everything flows."""
        self._console.print(
            RIVER.format(
                broker=f"{config.source.bootstrap_servers} ({broker})",
                run=config.source.group_id,
                fate="\n         (they and the consumer group are deleted at the end)"
                if deleted
                else "",
                metrics=f"{started.metrics_url}/metrics",
            )
        )

    @contextmanager
    def replaying(self, count: int) -> Iterator[Callable[[int], None]]:
        """A bar while readings flow; call what is yielded with the number read."""
        bar = Progress(
            TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TextColumn("readings"),
            console=self._console, disable=not self._console.is_terminal, transient=True,
        )  # fmt: skip
        task = bar.add_task("replaying", total=count)
        with bar:
            yield lambda done: bar.update(task, completed=done)

    def event(self, event: Event) -> None:
        """An episode opened, became graver or closed."""
        data = event.data
        graver = data.severity != self._severities.get(data.episode_id, data.severity)
        self._severities[data.episode_id] = data.severity
        if data.state == "updated" and not graver:
            return
        when = f"{event.time:%Y-%m-%d %H:%M}"
        now = f"{data.score_ratio:.2f}x the threshold"
        if data.state == "updated":
            self._console.print(f"{when}  [red]{data.severity:<8}[/]  now {now}")
            return
        if data.state == "opened":
            told = f"[red]opened[/]    {escape(event.subject)}, {data.severity}, {now}"
        else:
            peak = f"{data.peak_ratio:.2f}x the threshold at its peak"
            told = f"[green]resolved[/]  {data.severity}, {peak}"
        self._console.print(f"{when}  {told}")
        for line in wrap(data.summary, COLUMNS - len(INDENT)):
            self._console.print(f"{INDENT}{escape(line)}")

    def verdict(self, verdict: Verdict, seconds: float) -> None:
        """Known failures against episodes, by what rule, and what it cost."""
        table = Table(title="\nknown anomalies", title_justify="left")
        for column in ("time (UTC)", "what", "caught by", "lead time"):
            table.add_column(column)
        for one in verdict.failures:
            table.add_row(
                f"{one.failure.at:%Y-%m-%d %H:%M}",
                one.failure.what,
                f"[green]{one.episode.opened:%m-%d %H:%M}[/]" if one.episode else "[red]nothing[/]",
                _lead(one),
            )
        self._console.print(table)
        self._console.print(RULES)
        self._console.print(
            VERDICT.format(
                caught=verdict.caught,
                known=len(verdict.failures),
                ahead=sum(
                    one.lead is not None and one.lead >= timedelta() for one in verdict.failures
                ),
                false=counted(verdict.false, "false episode"),
                per_week=verdict.false_per_week,
                per_10_000=verdict.false_per_10_000,
                unseen=_unseen(verdict),
                episodes=verdict.episodes,
                by_chance=counted(verdict.episodes, "episode"),
                chance=verdict.caught_by_chance,
                open_share=verdict.open_share,
                speed=verdict.replayed.readings / seconds,
            )
        )

    def wait(self, url: str) -> None:
        """The end, but for the endpoint."""
        self._console.print(f"\nThe daemon and {url}/metrics stay up until Ctrl-C.")


def _unseen(verdict: Verdict) -> str:
    if not verdict.false_unseen:
        return ""
    false, one = counted(verdict.false, "false episode"), verdict.false_unseen == 1
    return UNSEEN.format(
        unseen=verdict.false_unseen, false=false,
        reaches="reaches" if one else "reach", says="says" if one else "say",
    )  # fmt: skip


def _lead(one: Caught) -> str:
    return ahead(None if one.lead is None else one.lead // MICROSECOND * 1_000)
