"""Turn a trained float network into the integer network of a model file, and back to floats."""
