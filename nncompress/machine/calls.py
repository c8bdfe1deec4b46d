"""Call one compiled function from another by its address.

numba compiles what a kernel calls again as a part of that kernel. A large function that several
kernels need is called by its address instead: it is compiled once. Its machine code may be another
in each process, so an address is handed over as an argument, and never kept.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_WORD = ir.IntType(64)


def address_of(kernel: Any, count: int) -> int:
    """Return the address of a compiled function, which :func:`call` takes.

    Args:
        kernel: made with :func:`nncompress.machine.jit.jit`; its arguments and what it returns are
            int64, and it must not raise.
        count: how many arguments it has.
    """
    arguments = (types.int64,) * count
    kernel.compile(arguments)
    compiled = kernel.overloads[arguments]
    if compiled.signature.return_type != types.int64:
        raise TypeError(f"{kernel.__name__} does not return an int64")
    name = compiled.fndesc.llvm_cfunc_wrapper_name
    return int(compiled.library.get_pointer_to_function(name))


def _call(typing_context: Any, address: Any, arguments: Any) -> Any:
    """Call the function at an address with a tuple of int64; it returns an int64."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        count = len(signature.args[1])
        kind = ir.FunctionType(_WORD, [_WORD] * count)
        function = builder.inttoptr(given[0], kind.as_pointer())
        values = [builder.extract_value(given[1], index) for index in range(count)]
        return builder.call(function, values)

    if not isinstance(arguments, types.UniTuple) or arguments.dtype != types.int64:
        return None
    return types.int64(types.int64, arguments), generate


call: Any = intrinsic(_call)
