"""The SHA-RNN in integer arithmetic: the same weights on every machine, device, thread count and batch size."""
