"""Archives made once must decode for ever, and the same bytes must give the same archives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from tests.children import ROOT
from tests.golden.cases import CASES, Case, made, restored

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@EACH
@pytest.mark.parametrize(("threads", "kernels"), [(1, "numba"), (2, "numba"), (2, "torch")])
def test_decodes(case: Case, threads, kernels):
    assert restored(case, threads, kernels) == case.data


@EACH
@pytest.mark.parametrize(("threads", "kernels"), [(1, "numba"), (2, "numba"), (1, "torch")])
def test_is_made_again_to_the_byte(case: Case, threads, kernels):
    assert made(case, threads, kernels) == case.path.read_bytes()


# oneDNN's sums must be exact even where the product is forced through its int8 kernels.
OLDER = {
    "sse41": ("torch", {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"}),
    "avx2": ("torch", {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}),
    "avx512 without vnni": ("torch", {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}),
    "generic numba": ("numba", {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}),
}


@pytest.mark.parametrize(("kernels", "variables"), OLDER.values(), ids=OLDER.keys())
def test_holds_on_older_instruction_sets(kernels, variables, tmp_path):
    environment = {**os.environ, **variables}
    if kernels == "numba":  # compiled anew
        environment["NUMBA_CACHE_DIR"] = str(tmp_path)
    arguments = [sys.executable, "-m", "tests.golden.cases", "2", kernels]
    done = subprocess.run(arguments, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@EACH
def test_decodes_on_cuda(case: Case):
    codecs = case.codecs(kernels="torch")
    for codec in codecs:
        codec.device = "cuda"
    block = case.data[: case.level.block_size]
    assert any(codec.encode(block)[1] in case.path.read_bytes() for codec in codecs)
