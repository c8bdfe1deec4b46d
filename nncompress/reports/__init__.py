"""Measure and report: published figures, bits per byte, comparison with other compressors.

Importing any module of it imports neither torch nor numba, but for :mod:`.explain`, which needs
numba.
"""

SHOWN_BYTES = 100_000
"""Bytes of a file that a surprise map has room for."""

EXPLAINED_BYTES = 1_000_000
"""Bytes of a file that ``nncompress explain`` takes where it is not told otherwise."""
