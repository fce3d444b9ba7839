"""What every command that replays a file asks for: a model, the readings, and what scores them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from sentinel import store
from sentinel.cli.device_option import SCORES, device_option
from sentinel.cli.exclusion import exclude_times_option
from sentinel.cli.layout_options import file_layout, layout_options
from sentinel.cli.option_group import option_group
from sentinel.cli.replaying import Replay, configured_detector
from sentinel.config.bounds import COUNT_MAX
from sentinel.detector import Detector
from sentinel.fitted import FittedModel
from sentinel.runtime.device import Asked
from sentinel.source.files import FileLayout
from sentinel.source.labels import read_labels

# The model and the readings.
what_is_replayed = option_group(
    click.option("--model", "model_path", required=True, type=click.Path(path_type=Path),
                 metavar="MODEL", help="What `sentinel fit` wrote."),
    click.option("--input", "input_path", required=True, type=click.Path(path_type=Path),
                 metavar="FILE", help="CSV or Parquet, or a directory of them."),
    click.option("--context", "context_path", type=click.Path(path_type=Path), metavar="FILE",
                 help="Readings right before the input; their end fills the first windows."),
    exclude_times_option("Stretches of the context to leave out: columns from, to, perhaps "
                         "entity."),
)  # fmt: skip

# The detector, and the columns of the files.
how_it_is_scored = option_group(
    click.option("--config", "config_path", type=click.Path(path_type=Path), metavar="FILE",
                 help="Take [alert], [window] and [kernels] from a daemon's configuration, or a "
                 "file that has no more than these."),
    click.option("--reconstruct-every", type=click.IntRange(1, COUNT_MAX), metavar="N",
                 help="Readings from one rebuilt window to the next, instead of the model's."),
    device_option(SCORES),
    click.option("--threads", type=click.IntRange(0, 256), default=0, show_default=True,
                 help="0: one for each CPU. Never changes a score."),
    layout_options,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """The values of all these options."""

    model_path: Path
    input_path: Path
    context_path: Path | None
    left_out_path: Path | None
    config_path: Path | None
    reconstruct_every: int | None
    device: Asked | None
    threads: int
    layout: FileLayout

    @classmethod
    def of(cls, options: dict[str, Any]) -> Request:
        """From all keyword arguments of a command that are not its own.

        Raises UsageError where one goes without another.
        """
        if options["left_out_path"] and not options["context_path"]:
            raise click.UsageError("--exclude-times leaves out readings of --context: give that")
        return cls(layout=file_layout(options), **options)

    def model(self) -> FittedModel:
        """Load the model."""
        return store.load(self.model_path)

    def replay(self, model: FittedModel) -> Replay:
        """Open the files, anew each time. Raises DataError where one does not fit."""
        left_out = read_labels(self.left_out_path) if self.left_out_path else None
        return Replay.open(self.input_path, self.context_path, self.layout, model, left_out)

    def detector(self, model: FittedModel) -> Detector:
        """A detector that has seen nothing yet."""
        return configured_detector(
            model, self.config_path, self.threads, self.reconstruct_every, self.device
        )
