"""The options that say how the columns of a file are to be read, of every verb that reads one."""

from __future__ import annotations

from typing import Any, get_args

import click
from click.core import ParameterSource

from sentinel.cli.option_group import option_group
from sentinel.config.schema import TimestampUnit
from sentinel.source.files import FileLayout

# `file_layout` makes a FileLayout of their values.
layout_options = option_group(
    click.option("--layout", type=click.Choice(["wide", "long"]), default="wide", show_default=True,
                 help="wide: a column per channel; long: a row per channel and value."),
    click.option("--timestamp-column", default="timestamp", show_default=True, metavar="NAME",
                 help="Column of the time; a usual name (ts, time, ...) is found by itself."),
    click.option("--timestamp-unit", type=click.Choice(get_args(TimestampUnit)), default="auto",
                 show_default=True, help="auto tells them apart by size; naive times are UTC."),
    click.option("--entity-column", metavar="NAME", default=None,
                 help="Column of the machine's name.  [default: entity, where there is one]"),
    click.option("--entity-from-file-name", is_flag=True,
                 help="Each file is an entity, called as its file."),
    click.option("--channel-column", default="channel", show_default=True, metavar="NAME",
                 help="Layout long: column of the channel's name."),
    click.option("--value-column", default="value", show_default=True, metavar="NAME",
                 help="Layout long: column of the value."),
    click.option("--exclude", multiple=True, metavar="NAME",
                 help="A column that is no channel (repeat for more)."),
)  # fmt: skip

NAMES = (
    "layout", "timestamp_column", "timestamp_unit", "entity_column", "entity_from_file_name",
    "channel_column", "value_column", "exclude",
)  # fmt: skip


def file_layout(options: dict[str, Any]) -> FileLayout:
    """Take the layout's options out of a command's keyword arguments."""
    return FileLayout(**{name: options.pop(name) for name in NAMES})


def given_layout(ctx: click.Context) -> list[str]:
    """Those of these options that the command line named, as words of another command line."""
    words: list[str] = []
    for param in ctx.command.params:
        name = param.name or ""
        given = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if name not in NAMES or not given:
            continue
        value = ctx.params[name]
        if isinstance(value, bool):
            words.append(param.opts[0])
            continue
        for one in value if isinstance(value, tuple) else (value,):
            words += [param.opts[0], str(one)]
    return words
