"""Triton's kernels give the integers of the reference: interpreted on a CPU, and on a GPU."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
import torch

from nncompress.errors import ConfigError, DeviceError, MissingLibraryError
from nncompress.exact import opening, triton_backend
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.engine import Network
from nncompress.exact.opening import open_network
from tests.children import environment
from tests.exact.extremes import Extremes
from tests.exact.gpu_cases import SHAPES, weights_of_text
from tests.models import model, parameters

KERNELS = (
    "first_gates_kernel",
    "later_gates_kernel",
    "input_norm_kernel",
    "split_kernel",
    "remember_kernel",
    "attend_kernel",
    "boom_kernel",
    "output_kernel",
)

DEVICES = pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ),
    ],
)


@cache
def results(mode: str) -> dict[str, Any]:
    """What ``tests.exact.gpu_cases`` finds in a process of its own."""
    pytest.importorskip("triton", reason="needs Triton")
    variables = {"TRITON_INTERPRET": "1"} if mode == "cpu" else {}
    done = subprocess.run(
        [sys.executable, "-m", "tests.exact.gpu_cases", mode],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def skip_on_cuda(device: str, shape: str) -> None:
    if device == "cuda" and SHAPES[shape][0].dim % 8:
        pytest.skip("torch's int8 product on CUDA wants widths that are multiples of 8")


@DEVICES
@pytest.mark.parametrize("shape", SHAPES)
def test_a_step_equals_the_reference(device, shape):
    skip_on_cuda(device, shape)
    assert results(device)[shape] is None


@DEVICES
def test_norms_equal_the_reference(device):
    assert results(device)["norms"] is None


@DEVICES
def test_a_network_predicts_what_it_does_on_a_cpu(device):
    assert results(device)["text"] == weights_of_text("cpu", "numba")


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_a_gpu_runs_has_no_floating_point_arithmetic(kernel):
    assert results("compiled")[kernel] == []


def test_all_kernels_are_compiled():
    assert sorted(results("compiled")) == sorted(KERNELS)


def test_triton_is_refused_where_it_cannot_be(monkeypatch):
    if triton_backend.find_spec("triton") is not None:
        with pytest.raises(ConfigError, match="for CUDA devices"):
            Network(parameters(), kernels="triton")
    wide = SHARNNConfig(8, 8, 1, (0,), window=triton_backend.MOST_PLACES + 1)
    monkeypatch.setattr(triton_backend, "find_spec", lambda name: True)
    with pytest.raises(ConfigError, match="model's has 1025"):
        Network(Extremes(0, 1.0).parameters(wide), kernels="triton")
    monkeypatch.setattr(triton_backend, "find_spec", lambda name: None)
    with pytest.raises(MissingLibraryError, match=r"nncompress\[gpu\]"):
        Network(parameters(), kernels="triton")


class _Failing(Network):
    """A network that a device takes for the best, whose kernels fail or compute something else."""

    failure: Exception | None = None

    def __init__(self, numbers, device="cpu", kernels="auto", threads=1):  # type: ignore[no-untyped-def]
        super().__init__(numbers, device, "torch", threads)
        self.kernels = "triton" if kernels in ("auto", "triton") else kernels

    def lanes(self, count):  # type: ignore[no-untyped-def]
        if self.kernels == "triton" and self.failure is not None:
            raise self.failure
        lanes = super().lanes(count)
        if self.kernels == "triton":
            lanes.state[0] += 1 << 15
        return lanes


@pytest.mark.parametrize(
    ("failure", "reason"),
    [(RuntimeError("no C\ncompiler"), "no C compiler"), (None, "not compute this model exactly")],
)
def test_the_reference_takes_the_place_of_kernels_that_fail(
    tmp_path, monkeypatch, caplog, failure, reason
):
    known = model(tmp_path)
    monkeypatch.setattr(opening, "Network", _Failing)
    monkeypatch.setattr(_Failing, "failure", failure)
    with caplog.at_level(logging.WARNING, "nncompress"):
        network = open_network(known)
    assert network.kernels == "torch"
    (record,) = caplog.records
    assert reason in record.getMessage()
    assert "\n" not in record.getMessage()


def test_kernels_that_were_asked_for_must_compute_exactly(tmp_path, monkeypatch):
    known = model(tmp_path)
    monkeypatch.setattr(opening, "Network", _Failing)
    with pytest.raises(DeviceError, match="does not compute this model exactly"):
        open_network(known, kernels="triton")
