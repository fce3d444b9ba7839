"""The floors of the house: import-linter's contracts of pyproject.toml hold."""

from __future__ import annotations

import subprocess
import sys
import tomllib

from tests.architecture.source_tree import ROOT

LINT = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"


def test_imports_go_only_downward() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LINT], cwd=ROOT, capture_output=True, text=True, check=False,
        timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_every_package_has_its_floor() -> None:
    """What no contract names, no contract holds."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    [layers] = [c for c in tool["importlinter"]["contracts"] if c["type"] == "layers"]
    named = {name.strip() for layer in layers["layers"] for name in layer.split("|")}
    there = {
        entry.stem
        for entry in (ROOT / "sentinel").iterdir()
        if not entry.name.startswith("__init__")
    } - {"__pycache__"}
    assert named == there
