"""Hold the constants of the float network's activation and layer norms."""

from __future__ import annotations

LAYER_NORM_EPS = 1e-5
"""What every layer norm adds to the variance."""

GELU_SCALE = 1.702
"""The activation of Boom is ``x * sigmoid(GELU_SCALE * x)``."""
