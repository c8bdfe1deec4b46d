import os
import re
import subprocess
import sys

COMPILE = """
import numpy as np
from nncompress.exact.engine import Prediction
from nncompress.mixing.clusters import Clusters
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import FULL
from nncompress.mixing import kernels
predictor = Predictor(FULL, 1, 8, clusters=Clusters.none(8))
prediction = Prediction(np.ones((1, 256), np.int32), np.ones((1, 8), np.int8))
predictor.encode_step(0, 1, np.zeros(1, np.uint8), prediction, np.empty((8, 1)))
for kernel in (kernels.predict_bits, kernels.learn_bits):
    print(*kernel.inspect_llvm().values(), sep="\\n")
"""
ARITHMETIC = re.compile(r"= (f(?:add|sub|mul|div|rem|neg|cmp)|call)\b[^\n]*\bdouble\b([^\n]*)")
SCALING = re.compile(r"%[\w.]+, (?:0x3EF0+|1\.52587890625[0e+-]*5)")


def test_kernels_compute_with_integers_only(tmp_path):
    # Code that numba finds in its cache cannot be looked at, so it is compiled once more.
    llvm = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = ARITHMETIC.findall(llvm)
    assert found
    for operation, operands in found:
        # The one conversion: a 16-bit integer times 2 ** -16.
        assert operation == "fmul"
        assert SCALING.search(operands)
