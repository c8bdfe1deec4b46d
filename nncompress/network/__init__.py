"""Hold the SHA-RNN in floating point, as it is trained: shapes, modules, and weights on disk."""
