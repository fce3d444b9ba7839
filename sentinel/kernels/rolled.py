"""How a kernel of tiles is compiled: its loops stay loops.

A turn of its inner loops is a whole tile already, many operations for each that a loop costs. LLVM
unrolls them all the same, which gains nothing and takes a third of its time.
"""

# Numba's and LLVM's own classes, which have no types.
# mypy: allow-untyped-defs, allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

from llvmlite import binding
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

from sentinel.kernels.typed_once import TypedOnce

SPEED_LEVEL = 3


class _Library(JITCodeLibrary):
    """Numba's, but for the unrolling."""

    def _optimize_final_module(self):
        options = binding.create_pipeline_tuning_options(speed_level=SPEED_LEVEL)
        options.loop_vectorization, options.loop_unrolling = True, False
        builder = binding.create_pass_builder(self._codegen._tm, options)
        builder.getModulePassManager().run(self._final_module, builder)


class Rolled(TypedOnce, Compiler):
    """Numba's own passes, into such a library."""

    def define_pipelines(self):
        """As Numba's."""
        library = _Library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        library.enable_object_caching()
        self.state.library = library
        return super().define_pipelines()
