"""The passes of Numba's compiler that a kernel needs, and none of the others.

Kernels have no closures, no array expressions, no Python objects; nor does anything in them profit
from LLVM's passes over single functions, since all of them are optimised as one in the end.
"""

# Numba's own classes, which have no types.
# mypy: allow-untyped-defs, allow-subclassing-any

from __future__ import annotations

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager
from numba.core.typed_passes import (
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import (
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    ReconstructSSA,
    TranslateByteCode,
)


class Library(JITCodeLibrary):
    """LLVM code of which no function is optimised by itself."""

    def _optimize_functions(self, ll_module):
        # Another library can link only what is laid out as it is.
        ll_module.data_layout = self._codegen._data_layout


def passes(name: str, lowering: type[NativeLowering] = NativeLowering) -> PassManager:
    """From Python's bytecode to LLVM code.  lowering  the pass that makes it"""
    manager = PassManager(name)
    for one in (
        TranslateByteCode, FixupArgs, IRProcessing, GenericRewrites, ReconstructSSA,
        NopythonTypeInference, PreLowerStripPhis, IRLegalization, lowering, NoPythonBackend,
    ):  # fmt: skip
        manager.add_pass(one, one.__name__)
    manager.finalize()
    # After each of them Numba would look at all variables anew, for what none of them changes.
    manager._ENFORCING = False
    return manager
