"""Measuring: published figures, bits per byte, comparison with other compressors, and their reports.

Importing any of it imports neither torch nor numba.
"""
