"""The int8 product is exact for every shape and value, on every CPU."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.exact.fixedpoint import ACTIVATION_MAX, WEIGHT_MAX
from nncompress.machine.int8 import BIAS, UNPACKED, multiply, operands, pack, panel_width

LESSER = {"arm64": [("+dotprod", "sdot True")], "aarch64": [("+dotprod", "sdot True")]}.get(
    platform.machine(), [("+avx2", "avx2 True")]
)
"""Features that fewer CPUs lack, and what they allow."""


def product(activations: np.ndarray, weight: np.ndarray) -> np.ndarray:
    out = np.full((len(activations), len(weight)), -1, np.int32)
    multiply(*operands(activations, pack(weight), out))
    return out


@given(
    st.integers(1, 11),
    st.integers(1, 12).map(lambda k: 4 * k) | st.integers(1, 50),
    st.integers(1, 9).map(lambda n: 16 * n) | st.integers(1, 150),
    st.integers(0, 1000),
)
def test_the_product_is_exact(rows, depth, columns, seed):
    generator = np.random.default_rng(seed)
    activations = generator.integers(-128, 128, (rows, depth)).astype(np.int8)
    weight = generator.integers(-WEIGHT_MAX, WEIGHT_MAX + 1, (columns, depth)).astype(np.int8)
    expected = activations.astype(np.int32) @ weight.T.astype(np.int32)
    assert np.array_equal(product(activations, weight), expected)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("depth", [1024, 1023])
def test_the_largest_sums_do_not_saturate(sign, depth):
    activations = np.full((5, depth), ACTIVATION_MAX, np.int8)
    weight = np.full((64, depth), sign * WEIGHT_MAX, np.int8)
    assert (product(activations, weight) == sign * depth * ACTIVATION_MAX * WEIGHT_MAX).all()


@pytest.mark.parametrize("shape", [(64, 12), (64, 11), (65, 12)])
def test_packing_loses_no_weight(shape):
    weight = np.random.default_rng(1).integers(-63, 64, shape).astype(np.int8)
    bias = 0 if panel_width(*shape) == UNPACKED else BIAS
    assert sorted(pack(weight).tolist()) == sorted(
        ((weight.reshape(-1).astype(np.int16) + bias) % 256).tolist()
    )


@pytest.mark.parametrize(("features", "expected"), [*LESSER, ("", "None True")])
def test_an_older_cpu_is_not_asked_for_more(features, expected, tmp_path):
    code = """
import numpy as np
from nncompress.machine.int8 import INSTRUCTIONS
from tests.machine.test_int8 import product
generator = np.random.default_rng(2)
activations = generator.integers(-128, 128, (6, 384)).astype(np.int8)
weight = generator.integers(-63, 64, (80, 384)).astype(np.int8)
right = activations.astype(np.int32) @ weight.T.astype(np.int32)
print(INSTRUCTIONS, np.array_equal(product(activations, weight), right))
"""
    older = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": features}
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | older | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.rstrip("\n") == expected
