"""SHA-RNN in floating point: its shape, its modules, and its weights on disk."""
