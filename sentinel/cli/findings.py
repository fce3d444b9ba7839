"""What `sentinel check` found: one line each, for people and for grep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.text import Text

from sentinel.plural import counted

Grade = Literal["ok", "note", "warning", "problem"]

STYLES: dict[Grade, str] = {"ok": "green", "note": "dim", "warning": "yellow", "problem": "red"}
GRADE_WIDTH = max(map(len, STYLES))


@dataclass(frozen=True, slots=True)
class Finding:
    """Printed as `grade  where: what; hint`.

    where      the key's path, as in `source.topic`, or the part that was looked at
    exit_code  of a problem: what the process is to leave with
    """

    grade: Grade
    where: str
    what: str
    hint: str = ""
    exit_code: int = 0


def ok(where: str, what: str) -> Finding:
    """Something that is as it should be."""
    return Finding("ok", where, what)


def note(where: str, what: str) -> Finding:
    """Something to know."""
    return Finding("note", where, what)


def warning(where: str, what: str, hint: str) -> Finding:
    """Something that is probably not meant."""
    return Finding("warning", where, what, hint)


def exit_code(findings: Iterable[Finding]) -> int:
    """Of the problem that comes first on the way of a start: configuration, model, Kafka."""
    return min((found.exit_code for found in findings if found.grade == "problem"), default=0)


def print_findings(findings: Iterable[Finding], console: Console) -> list[Finding]:
    """Print every finding as it comes, each on one line however long, and a summary."""
    printed = []
    for found in findings:
        line = Text.assemble(
            (f"{found.grade:<{GRADE_WIDTH}}", STYLES[found.grade]),
            "  ",
            (found.where, "bold"),
            f": {found.what}",
            (f"; {found.hint}" if found.hint else "", "dim"),
        )
        console.print(line, soft_wrap=True, highlight=False)
        printed.append(found)
    grades = [found.grade for found in printed]
    summary = ", ".join(counted(grades.count(grade), grade) for grade in ("problem", "warning"))
    console.print(summary, highlight=False)
    return printed
