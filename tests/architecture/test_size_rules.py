"""One idea per file, and files and functions that fit into a head."""

from __future__ import annotations

import ast
import subprocess

import pytest

from tests.architecture.source_tree import ROOT, SOURCES, parsed

FILE_LINES_MAX = 330
FUNCTION_LINES_MAX = 75
TOP_LEVEL = {
    "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "requirements.lock",
    "sentinel", "deploy", "tests", "systemd",
}  # fmt: skip


def test_no_file_is_too_long() -> None:
    lines = {source: source.read_text(encoding="utf-8").count("\n") for source in SOURCES}
    assert len(lines) > 50
    assert {str(s.relative_to(ROOT)): n for s, n in lines.items() if n > FILE_LINES_MAX} == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement to the last; neither signature nor docstring count."""
    first = function.body[1 if ast.get_docstring(function) and len(function.body) > 1 else 0]
    return (function.end_lineno or first.lineno) - first.lineno + 1


def test_no_function_is_too_long() -> None:
    lines = {
        f"{source.relative_to(ROOT)}:{node.lineno} {node.name}": body_lines(node)
        for source in SOURCES
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(lines) > 200
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES_MAX} == {}


def test_the_top_level_holds_what_is_prescribed_and_nothing_else() -> None:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        pytest.skip("not a git checkout: what is ours cannot be told from what was built here")
    there = {path.split("/")[0] for path in done.stdout.splitlines()}
    assert {name for name in there if not name.startswith(".")} - TOP_LEVEL == set()
