"""Adaptive context mixing in integer arithmetic, in the manner of PAQ; see docs/mixing.md."""
