"""Tell which vector instructions there are on the CPU that numba compiles for.

That is the host, or what NUMBA_CPU_NAME and NUMBA_CPU_FEATURES say.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from numba.core.registry import cpu_target

_DOT_PRODUCT = """
declare i32 @llvm.vector.reduce.add.v16i32(<16 x i32>)
define i32 @dot(<16 x i8> %a, <16 x i8> %b) {
  %x = sext <16 x i8> %a to <16 x i32>
  %y = sext <16 x i8> %b to <16 x i32>
  %products = mul <16 x i32> %x, %y
  %sum = call i32 @llvm.vector.reduce.add.v16i32(<16 x i32> %products)
  ret i32 %sum
}
"""


def cpu_features(context: Any = cpu_target.target_context) -> set[str]:
    """Return the CPU's features, "+avx2" and the like; none where the CPU is no x86-64."""
    triple, _, known = context.codegen().magic_tuple()
    return set(known.split(",")) if triple.startswith("x86_64") else set()


def dot_instruction() -> str | None:
    """Return the name of the best instruction for sums of products of bytes.

    Returns:
        "vnni512", "vnni256", "avx2" or "sdot" (see :mod:`.int8`); None where there is none.
    """
    known = cpu_features()
    for feature, name in (("avx512vnni", "vnni512"), ("avxvnni", "vnni256"), ("avx2", "avx2")):
        if f"+{feature}" in known:
            return name
    return "sdot" if _has_sdot() else None


def _has_sdot() -> bool:
    """Return whether LLVM makes use of arm64's ``sdot`` for this CPU.

    What LLVM takes for granted for a CPU of that name is not among the features, and an instruction
    that it does not know to be there would end the process. So a dot product is compiled, and the
    result searched for the instruction.
    """
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    if not triple.startswith(("aarch64", "arm64")):
        return False
    target = llvmlite.binding.Target.from_triple(triple)
    machine = target.create_target_machine(cpu=cpu, features=features)
    return "sdot" in machine.emit_assembly(llvmlite.binding.parse_assembly(_DOT_PRODUCT))
