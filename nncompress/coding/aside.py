"""Compile the steps of the network in another process, while this one compiles the mixer.

numba compiles one function at a time. At the first run on a machine both together take some time,
and a second core takes its part of it.
"""

from __future__ import annotations

from functools import cache
from subprocess import Popen

from nncompress.exact.kernels.program import address_of_run_program, run_program
from nncompress.machine.calls import address_of
from nncompress.machine.child import start_child
from nncompress.machine.jit import waits_to_be_kept
from nncompress.machine.resources import cpus, memory

from .compiled_steps import code_steps

ENOUGH_MEMORY = 2 << 30
"""Bytes of memory from which on a second process may take half a gigabyte of it."""


@cache
def compile_network() -> Popen[bytes] | None:
    """Start the process, once; None where it would be of no use."""
    if cpus() < 2 or memory() < ENOUGH_MEMORY or not waits_to_be_kept(run_program):
        return None
    return start_child(f"{address_of_run_program.__module__}:{address_of_run_program.__name__}")


def wait_for_network(process: Popen[bytes]) -> None:
    """Compile the mixer, and wait for the process; what it did not do is done when it is needed."""
    if process.poll() is None:
        address_of(code_steps, 5)
        process.wait()
