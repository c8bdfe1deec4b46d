"""From a trained float network to the integer network of a model file, and back to floats."""
