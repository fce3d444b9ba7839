"""How a kernel of tiles is compiled: its loops stay loops.

A turn of its inner loops is a whole tile already, many operations for each that a loop costs. LLVM
unrolls them all the same, which gains nothing and takes a third of its time.
"""

# Numba's and LLVM's own classes, which have no types.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

from llvmlite import binding
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager

from sentinel.kernels.passes import Library, passes
from sentinel.kernels.typed_once import TypedOnce

SPEED_LEVEL = 3


class _Library(Library):
    """Numba's, but for the unrolling."""

    def _optimize_final_module(self):
        options = binding.create_pipeline_tuning_options(speed_level=SPEED_LEVEL)
        options.loop_vectorization, options.loop_unrolling = True, False
        builder = binding.create_pass_builder(self._codegen._tm, options)
        builder.getModulePassManager().run(self._final_module, builder)


class Rolled(TypedOnce, CompilerBase):
    """The passes that a kernel needs, into such a library."""

    def define_pipelines(self) -> list[PassManager]:
        """One pipeline."""
        library = _Library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        library.enable_object_caching()
        self.state.library = library
        return [passes("rolled")]
