"""What the demo prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from sentinel.cli.output import OutputConsole
from sentinel.cli.wiring import Running
from sentinel.config.schema import Config
from sentinel.demo.events import Event
from sentinel.demo.verdict import Caught, DemoEpisode
from sentinel.fitted import FittedModel


class DemoReport:
    """The story of one demo, told in order."""

    def __init__(self) -> None:
        self._console = OutputConsole(highlight=False, soft_wrap=True)

    def begin(self, history: int, future: int) -> None:
        """What is about to happen."""
        self._console.print(
            "[bold]NAB machine_temperature_system_failure[/]: a large machine's temperature, every "
            f"five minutes.\nFitting on the first {history:,} readings (one week); the other "
            f"{future:,} (eleven weeks, four known anomalies) are replayed."
        )

    def fitted(self, model: FittedModel) -> None:
        """The model is there."""
        found = model.summary
        self._console.print(
            f"Fitted in {found['epochs']} epochs: validation loss {found['loss_validation']:.3g}, "
            f"test loss {found['loss_test']:.3g}, threshold {model.threshold:.3g}."
        )

    def river(self, config: Config, broker: str, started: Running) -> None:
        """Where everything flows."""
        self._console.print(
            f"{broker} at {config.source.bootstrap_servers}: {config.source.topic} -> sentinel -> "
            f"{config.sink.events_topic}\nmetrics at {started.metrics_url}"
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
        """An episode opened or closed."""
        data = event.data
        if data.state == "updated":
            return
        leading = data.contributions[0] if data.contributions else None
        what = (
            f", {leading['channel']} {leading['observed']:.1f}, expected {leading['expected']:.1f}"
            if leading and leading["observed"] is not None
            else ""
        )
        when = f"{event.time:%Y-%m-%d %H:%M}"
        if data.state == "opened":
            self._console.print(
                f"{when}  [red]opened  [/]  {event.subject}  score ratio "
                f"{data.score_ratio:5.2f}{what}"
            )
        else:
            self._console.print(
                f"{when}  [green]resolved[/]  {event.subject}  peak ratio  {data.peak_ratio:5.2f}"
            )

    def verdict(
        self, caught: Sequence[Caught], false: Sequence[DemoEpisode], count: int, seconds: float
    ) -> None:
        """Known failures against episodes."""
        table = Table(title="known anomalies", title_justify="left")
        for column in ("time (UTC)", "what", "caught", "lead time"):
            table.add_column(column)
        for one in caught:
            table.add_row(
                f"{one.failure.at:%Y-%m-%d %H:%M}",
                one.failure.what,
                f"[green]yes[/], opened {one.episode.opened:%m-%d %H:%M}"
                if one.episode
                else "[red]no[/]",
                _lead(one.lead) if one.lead is not None else "",
            )
        self._console.print(table)
        number = sum(1 for one in caught if one.episode)
        self._console.print(
            f"caught {number} of {len(caught)} known anomalies; {len(false)} false episodes in "
            f"{count:,} readings ({len(false) / count * 10_000:.1f} per 10,000); "
            f"{count / seconds:,.0f} readings/s"
        )

    def wait(self, url: str) -> None:
        """The end, but for the endpoint."""
        self._console.print(f"metrics stay up at {url}/metrics until Ctrl-C")


def _lead(lead: timedelta) -> str:
    hours = lead.total_seconds() / 3600
    return f"{hours:.1f} h ahead" if hours >= 0 else f"{-hours:.1f} h late"
