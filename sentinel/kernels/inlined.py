"""How a function is compiled that only ever becomes part of the kernels that call it.

Numba compiles a function that compiled code calls as if it were wanted for itself: it wraps it for
Python and for C, optimises it, translates it to machine code and writes all that to the disk, only
to link its LLVM code into the caller and to optimise it there once more. Of a kernel's cold start
that is half. `Inlined` types and lowers a function, and leaves the rest to its callers.
"""

# Numba's own classes, which have no types.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators, allow-subclassing-any

from __future__ import annotations

from typing import Any

from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering

from sentinel.kernels.passes import Library, passes
from sentinel.kernels.typed_once import TypedOnce


class _Library(Library):
    """LLVM code for its callers to link, never machine code."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    """Numba IR to LLVM IR, made known to the callers."""

    _name = "lowering_for_callers"

    def run_pass(self, state: Any) -> bool:
        state.library = _Library(state.targetctx.codegen(), state.func_id.func_qualname)
        super().run_pass(state)
        # By what the callers know it; Numba asks for a built-in function, and this one is new. It
        # is what a call from Python would run: one that refuses whatever it is given.
        name = object().__format__
        state.targetctx.insert_user_function(name, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=name)
        return True


class Inlined(TypedOnce, CompilerBase):
    """The passes that such a function needs."""

    def define_pipelines(self) -> list[PassManager]:
        """One pipeline."""
        self.state.flags.no_compile = True
        return [passes("inlined", _Lowering)]
