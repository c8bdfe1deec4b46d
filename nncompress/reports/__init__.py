"""Measure and report: published figures, bits per byte, comparison with other compressors.

Importing any module of it imports neither torch nor numba, but for :mod:`.explain`, which needs
numba.
"""
