"""fastmath stays off: it is inherited by callees, and removes the detection of NaN."""

from __future__ import annotations

import ast

from tests.architecture.source_tree import ROOT, SOURCES, parsed

# Lane values, their tiles and gates, and an atomic counter are new types and intrinsics of the
# compiler's; the options of a compilation are chosen in kernels/jit.py alone.
COMPILES = "kernels/jit.py"
COMPILES_FOR_CUDA = "kernels/cuda/jit.py"
EXTENDS = {
    "kernels/amx.py": {"numba", "numba.core", "numba.extending"},
    "kernels/cuda/memory.py": {"numba", "numba.extending"},
    "kernels/inlined.py": {
        "numba.core.compiler",
        "numba.core.compiler_machinery",
        "numba.core.typed_passes",
    },
    "kernels/passes.py": {
        "numba.core.codegen",
        "numba.core.compiler_machinery",
        "numba.core.typed_passes",
        "numba.core.untyped_passes",
    },
    "kernels/gates.py": {"numba", "numba.extending"},
    "kernels/avx512.py": {"numba.core"},
    "kernels/lanes.py": {"numba", "numba.extending"},
    "kernels/rolled.py": {"numba.core.compiler", "numba.core.compiler_machinery"},
    "kernels/squares.py": {"numba", "numba.extending"},
    "kernels/tables.py": {"numba", "numba.core.typing.templates", "numba.extending"},
    "kernels/tiles.py": {"numba", "numba.extending"},
    "kernels/typed_once.py": {"numba.core.base", "numba.core.types", "numba.core.typing"},
    "kernels/watching.py": {"numba", "numba.extending"},
    "kernels/work_queue.py": {"numba", "numba.extending"},
}
# What those may take from the package itself: names of types.
FROM_NUMBA = {"types"}
# The CUDA twins speak of threads, streams and arrays of the device.
CUDA_FOLDERS = ("kernels/cuda/", "model/cuda/", "runtime/gpu.py")
FROM_NUMBA_FOR_CUDA = {
    ("numba", "cuda"),
    ("numba", "float32"),
    ("numba", "float64"),
    ("numba", "int32"),
    ("numba.cuda.cudadrv.driver", "driver"),
}
# LLVM's name for what its `fast` is made of, on one operation.
FLAGS = {"fast", "nnan", "ninf", "nsz", "arcp", "contract", "afn", "reassoc"}


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


def test_no_operation_is_given_a_fast_flag() -> None:
    """An intrinsic writes its own LLVM instructions, past the options of the compiler."""
    found = []
    for source in SOURCES:
        for node in ast.walk(parsed(source)):
            given = isinstance(node, ast.keyword) and node.arg in ("flags", "fastmath_flags")
            named = isinstance(node, ast.Constant) and node.value in FLAGS
            if (given or named) and "kernels" in source.parts:
                found.append(f"{source.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def imports_of(module: str) -> dict[str, set[tuple[str, str]]]:
    """Source file to what it imports of a package: (module, name), name "" where all of it."""
    found: dict[str, set[tuple[str, str]]] = {}
    for source in SOURCES:
        names: set[tuple[str, str]] = set()
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.Import):
                names |= {(alias.name, "") for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {(node.module or "", alias.name) for alias in node.names}
        if mine := {pair for pair in names if pair[0].split(".")[0] == module}:
            found[source.relative_to(ROOT / "sentinel").as_posix()] = mine
    return found


def test_only_one_module_asks_numba_to_compile() -> None:
    """So that there is one place where options of the JIT compiler are chosen."""
    importers = imports_of("numba")
    for name in [name for name in importers if name.startswith(CUDA_FOLDERS)]:
        if name not in EXTENDS:
            imported = importers.pop(name)
            assert imported <= FROM_NUMBA_FOR_CUDA or name == COMPILES_FOR_CUDA
    assert importers.keys() == {COMPILES} | EXTENDS.keys()
    for name, allowed in EXTENDS.items():
        assert {module for module, _ in importers[name]} <= allowed
        assert {what for module, what in importers[name] if module == "numba"} <= FROM_NUMBA


def test_only_the_lane_types_and_the_probing_know_of_llvm() -> None:
    assert imports_of("llvmlite").keys() <= EXTENDS.keys() | {"runtime/kernels.py"}


def test_only_one_module_asks_numba_to_compile_for_cuda() -> None:
    asking = {
        source.relative_to(ROOT / "sentinel").as_posix()
        for source in SOURCES
        for node in ast.walk(parsed(source))
        if isinstance(node, ast.Attribute)
        and node.attr in ("jit", "declare_device")
        and isinstance(node.value, ast.Name)
        and node.value.id == "cuda"
    }
    assert asking == {COMPILES_FOR_CUDA}
