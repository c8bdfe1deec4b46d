"""Compile parts of kernels without making machine code of them.

Nobody calls a part by itself: LLVM takes its code into that of its callers. numba would turn every
part, with all that is in it, into machine code that is never used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class _NoEnvironment:
    """Takes the place of what would tell machine code where its Python objects are."""

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: a part has no machine code."""


class _PartLibrary(JITCodeLibrary):
    """LLVM's code of a part, to be linked into others."""

    codegen = _NoEnvironment()

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0: there is none."""
        self._ensure_finalized()
        return 0


class PartCompiler(Compiler):
    """numba's compiler up to LLVM's optimised code."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        """Compile a function."""
        state = self.state
        state.library = _PartLibrary(state.targetctx.codegen(), func.__qualname__)
        state.library.enable_object_caching()
        return super().compile_extra(func)
