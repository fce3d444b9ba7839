"""fastmath stays off: it is inherited by callees, and removes the detection of NaN."""

from __future__ import annotations

import ast

from tests.architecture.source_tree import ROOT, SOURCES, parsed


def test_fastmath_is_set_nowhere() -> None:
    """As a keyword, a key of a dictionary or the name of an environment variable."""
    found = []
    for source in SOURCES:
        tree = parsed(source)
        documented = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            named = (
                (isinstance(node, ast.keyword) and node.arg == "fastmath")
                or (isinstance(node, ast.Name) and "fastmath" in node.id.lower())
                or (
                    isinstance(node, ast.Constant)
                    and isinstance(node.value, str)
                    and "fastmath" in node.value.lower()
                    and id(node) not in documented
                )
            )
            if named:
                found.append(f"{source.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}")
    assert found == []


def test_only_one_module_asks_numba_to_compile() -> None:
    """So that there is one place where options of the JIT compiler are chosen."""
    importers = {
        source.relative_to(ROOT / "sentinel").as_posix()
        for source in SOURCES
        for node in ast.walk(parsed(source))
        if (isinstance(node, ast.Import) and any(a.name.startswith("numba") for a in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("numba"))
    }
    assert importers == {"kernels/jit.py"}
