"""Train the float network: corpora, optimizers, the loop and its checkpoints."""
