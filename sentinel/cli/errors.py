"""What the operator sees of an error, and the exit code that belongs to it."""

from __future__ import annotations

import os
import select
import sys
import traceback

import click

from sentinel.errors import ConfigError, SentinelError

INTERRUPTED = 130
OUTPUT_CLOSED = 141  # as a shell reports a process that SIGPIPE ended
DEFECT = 1


def exit_code_of(error: BaseException, *, debug: bool) -> int:
    """Tell the operator of `error` on standard error; the process is to leave with the result.

    An operator's mistake is one line, with the traceback only where `debug` asks for it; anything
    that was not foreseen is a defect and always shows its traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        click.echo("sentinel: interrupted", err=True)
        return INTERRUPTED
    if isinstance(error, BrokenPipeError) and _output_is_closed():
        return OUTPUT_CLOSED
    if isinstance(error, SentinelError):
        if debug:
            _print_traceback(error)
        click.echo(told(error), err=True)
        return error.exit_code
    _print_traceback(error)
    click.echo(
        "sentinel: the failure above is a defect of sentinel; please report it with these lines",
        err=True,
    )
    return DEFECT


def told(error: SentinelError) -> str:
    """`sentinel: error: where: what; hint`, and below it each problem of a configuration."""
    problems = error.problems if isinstance(error, ConfigError) else ()
    return "\n  ".join([f"sentinel: error: {error}", *problems])


def _print_traceback(error: BaseException) -> None:
    click.echo("".join(traceback.format_exception(error)), err=True, nl=False)


def _output_is_closed() -> bool:
    """Whether it was our output (`sentinel ... | head`) that broke, and not some socket."""
    try:
        output = sys.stdout.fileno()
    except (OSError, ValueError):
        return False  # not a file: a buffer of a test, or closed
    watch = select.poll()
    watch.register(output, 0)
    if not any(event & select.POLLERR for _, event in watch.poll(0)):
        return False
    # What is still buffered has no reader: let the interpreter's last flush go nowhere.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, output)
    os.close(nowhere)
    return True
