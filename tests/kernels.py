"""Small kernels, compiled in processes of their own: ``python -m tests.kernels CLUSTER...``.

Prints what each kind of argument gave, and the log on standard error.
"""

from __future__ import annotations

import logging
import sys

import numpy as np

from nncompress.machine.jit import jit


@jit
def twice(x):
    return x + x


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for kind in sys.argv[1:]:
        print(kind, twice(np.ones(3, kind)).sum())
