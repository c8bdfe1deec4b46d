"""Training: data, optimizers, the loop and its checkpoints."""
