"""Run a SHA-RNN in integer arithmetic, so that its predictions are the same everywhere.

They depend on no machine, device, thread count or batch size; see docs/exactness.md.
"""
