"""The exception tree: every error tells the operator what failed, where, and what to do.

Exit codes are part of the command line's contract and stand beside the class they belong to:

====  ======================================================================
code  meaning
====  ======================================================================
0     success
1     an unexpected failure (a defect of sentinel: the traceback is printed)
2     wrong usage of the command line (click's own code)
3     the configuration is invalid
4     the data is invalid or too short, or scores cannot be written
5     the model file was refused, or cannot be written
6     Kafka: unreachable, not authorised, or a topic is missing
7     ``sentinel demo --exit``: no known failure was caught
8     ``sentinel backtest``: a ``--fail-if`` condition holds
9     the GPU failed amid the work, and the CPU was not to take over
130   interrupted by Ctrl-C; ``sentinel fit`` that has a model by then keeps it and ends with 0
141   the reader of the output went away, as in ``sentinel ... | head``
====  ======================================================================
"""

from __future__ import annotations


class SentinelError(Exception):
    """An operator's error: what failed, where, and what to do about it.

    Printed as ``where: what; hint``. Never carries a traceback to the operator.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.hint}" if self.hint else text


class ConfigError(SentinelError):
    """The configuration is invalid; `problems` holds everything that is wrong, one line each."""

    exit_code = 3

    def __init__(
        self, what: str, *, where: str = "", hint: str = "", problems: tuple[str, ...] = ()
    ) -> None:
        super().__init__(what, where=where, hint=hint)
        self.problems = problems


class DataError(SentinelError):
    """A history or an input cannot be used: unreadable, wrong layout, out of range, too short."""

    exit_code = 4


class ModelError(SentinelError):
    """A model file is damaged, of another version, or does not fit what it claims to be."""

    exit_code = 5


class KafkaError(SentinelError):
    """Kafka is unreachable, refuses the credentials, or lacks a topic."""

    exit_code = 6


class DeviceError(SentinelError):
    """The GPU fails amid the work: out of memory, lost, or at odds with its driver."""

    exit_code = 9


class ShapeError(ValueError):
    """Arrays handed to a kernel disagree in shape: a defect of the caller, not the operator."""
