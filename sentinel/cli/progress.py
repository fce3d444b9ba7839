"""Progress of what takes longer than a few seconds: a bar on a terminal, now and then a line else.

Everything goes to standard error, so that standard output stays what was asked for.
"""

from __future__ import annotations

import signal
import time
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.status import Status

from sentinel.model.training import Progress as Training

LINE_EVERY_S = 10.0


class Spinner:
    """What is going on, while it cannot be said how much is left."""

    def __init__(self, text: str) -> None:
        console = Console(stderr=True)
        self._status = Status(text, console=console) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def update(self, text: str) -> None:
        """Say something newer."""
        if self._status:
            self._status.update(text)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._status:
            self._status.stop()


class TrainingProgress:
    """Epoch, losses and time left of a training; Ctrl-C asks it to stop, a second one insists.

    stage  what is trained, where that is one of several
    """

    def __init__(self) -> None:
        self.stage = ""
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.fields[place]}"),
            BarColumn(),
            TextColumn("{task.fields[losses]}"),
            TimeElapsedColumn(),
            TextColumn("at most"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("training", place="", losses="")
        self._line_s = time.monotonic()
        self._stop = False
        self._previous: signal.Handlers | object = None

    def __enter__(self) -> Self:
        self._previous = signal.signal(signal.SIGINT, self._interrupt)
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
        signal.signal(signal.SIGINT, self._previous)  # type: ignore[arg-type]

    def on_step(self, progress: Training) -> None:
        """One more minibatch is done."""
        place, losses = f"step {progress.step}/{progress.steps}", f"loss {progress.train_loss:.4f}"
        if progress.epochs_max > 1:
            place = f"epoch {progress.epoch}/{progress.epochs_max}"
            losses += f", best validation {progress.validation_loss:.4f} so far"
        place = self.stage + place
        self._bar.update(
            self._task,
            total=progress.epochs_max * progress.steps,
            completed=(progress.epoch - 1) * progress.steps + progress.step,
            place=place,
            losses=losses,
        )
        if self._bar.disable and time.monotonic() - self._line_s >= LINE_EVERY_S:
            self._line_s = time.monotonic()
            self._console.print(f"{place}, {losses}")

    def should_stop(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._stop

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._stop = True
        self._console.print("stopping; the best model so far is kept (Ctrl-C again: at once)")
