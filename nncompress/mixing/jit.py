"""How every kernel is compiled."""

from __future__ import annotations

from numba import njit

jit = njit(cache=True, nogil=True)
