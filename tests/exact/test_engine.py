"""What a lane predicts depends on its own bytes and on nothing else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nncompress.errors import ConfigError, DeviceError
from nncompress.exact.config import START_SYMBOL
from nncompress.exact.engine import Network
from nncompress.exact.modelfile import known_answer
from nncompress.machine import int8, int8_torch
from tests.children import environment
from tests.models import DEEP, SINGLE, TINY, float_network, parameters, text

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
CONFIGS = pytest.mark.parametrize("config", [TINY, DEEP, SINGLE], ids=["tiny", "deep", "single"])


def run(network: Network, symbols: np.ndarray) -> np.ndarray:
    """Weights after each step, int32 [steps + 1, lanes, 256]."""
    lanes = network.lanes(symbols.shape[1])
    first = lanes.start().weights.copy()
    return np.stack([first, *(lanes.step(row).weights.copy() for row in symbols)])


def some_symbols(steps: int, lanes: int, seed: int = 0) -> np.ndarray:
    data = np.frombuffer(text(steps * lanes, seed), np.uint8)
    return np.ascontiguousarray(data.reshape(lanes, steps).T)


@CONFIGS
def test_numba_and_torch_kernels_agree_past_the_window(config):
    symbols = some_symbols(30, 3)
    expected = run(Network(parameters(config), kernels="torch"), symbols)
    assert np.array_equal(run(Network(parameters(config), kernels="numba"), symbols), expected)
    assert len(np.unique(expected.argmax(axis=2))) > 1  # the lanes do not all predict the same


@CONFIGS
@pytest.mark.parametrize("kernels", ["numba", "torch"])
def test_a_lane_does_not_depend_on_the_other_lanes(config, kernels):
    symbols = some_symbols(20, 33)
    network = Network(parameters(config), kernels=kernels)
    together = run(network, symbols)
    for lane in (0, 17, 32):
        alone = run(network, symbols[:, lane : lane + 1])
        assert np.array_equal(alone[:, 0], together[:, lane])


def test_threads_change_nothing():
    symbols = some_symbols(12, 40)
    one, two = (run(Network(parameters(DEEP), threads=n), symbols) for n in (1, 2))
    assert np.array_equal(one, two)


def test_all_kinds_of_products_are_equal(monkeypatch):
    symbols = some_symbols(12, 5)
    expected = run(Network(parameters(DEEP)), symbols)
    for answer in (True, False):
        monkeypatch.setattr(int8_torch, "has_int8", lambda device, answer=answer: answer)
        through_torch = Network(parameters(DEEP), kernels="torch")
        assert np.array_equal(run(through_torch, symbols), expected)
    monkeypatch.setattr(int8, "panel_width", lambda rows, columns: int8.UNPACKED)
    assert np.array_equal(run(Network(parameters(DEEP)), symbols), expected)


@CONFIGS
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_lanes_may_start_at_any_step_beside_others(config, device):
    symbols, starts, window = some_symbols(20, 4), [0, 3, 3, 11], config.window
    lanes = Network(parameters(config), device, "torch").lanes(4)
    host, filled = lanes.exchange.host, np.zeros(4, np.int32)
    found: list[list[np.ndarray]] = [[], [], [], []]
    for step in range(20):
        for lane, start in enumerate(starts):
            if step == start:
                lanes.restart(lane, lane + 1)
                host.symbols[lane], filled[lane] = START_SYMBOL, 0
            elif step > start:
                host.symbols[lane] = symbols[step - start - 1, lane]
        filled = np.minimum(filled + 1, window)
        host.slot[0], host.filled[:4] = step % window, filled
        lanes.advance.launch()
        lanes.advance.wait()
        for lane, start in enumerate(starts):
            if step >= start:
                found[lane].append(host.weights[lane].copy())
    for lane, start in enumerate(starts):
        alone = run(Network(parameters(config)), symbols[: 19 - start, lane : lane + 1])
        assert np.array_equal(np.stack(found[lane]), alone[:, 0])


@needs_cuda
@CONFIGS
def test_cuda_agrees_with_the_cpu(config):
    symbols = some_symbols(20, 70)
    expected = run(Network(parameters(config)), symbols)
    assert np.array_equal(run(Network(parameters(config), "cuda"), symbols), expected)


class OnlyIntegers(TorchDispatchMode):
    """Fails on any operation that makes floating-point numbers, but for the exact products."""

    # Attention's products of whole numbers below 2**24 are exact in float32, and so are the copies
    # that bring int8 operands there and take whole sums back.
    ALLOWED = (
        "aten.bmm",
        "aten.to",
        "aten._to_copy",
        "aten.slice",
        "aten.select",
        "aten.unsqueeze",
    )

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        inexact = isinstance(result, torch.Tensor) and result.is_floating_point()
        views = ("aten.view", "aten.expand", "aten.transpose", "aten._unsafe_view")
        if inexact and not str(function).startswith(self.ALLOWED + views):
            raise AssertionError(f"{function} makes {result.dtype}")
        return result


@CONFIGS
def test_a_step_has_no_floating_point_arithmetic(config, monkeypatch):
    monkeypatch.setattr(int8_torch, "has_int8", lambda device: True)
    lanes = Network(parameters(config), kernels="torch").lanes(2)
    lanes.start()
    with OnlyIntegers():
        lanes.step(np.array([3, 200], np.uint8))
    with pytest.raises(AssertionError, match="makes"), OnlyIntegers():
        torch.ones(2).exp()


def test_integers_predict_nearly_as_well_as_floats():
    data = text(4096)
    symbols = np.frombuffer(data, np.uint8).reshape(64, 64)
    network, model = Network(parameters(TINY)), float_network(TINY)
    weights = run(network, np.ascontiguousarray(symbols[:, :-1].T)).transpose(1, 0, 2)
    own = weights / weights.sum(axis=2, keepdims=True)
    start = np.full((64, 1), START_SYMBOL, np.uint8)
    inputs = np.concatenate([start, symbols[:, :-1]], axis=1)
    with torch.no_grad():
        expected = torch.softmax(model(torch.from_numpy(inputs))[0], dim=-1).numpy()
    excess = (expected * np.log2(expected / own)).sum(axis=2)
    entropy = -(expected * np.log2(expected)).sum(axis=2)
    assert excess.mean() < 0.03 * entropy.mean()


def test_wrong_devices_and_kernels_are_refused():
    with pytest.raises(ConfigError, match="unknown device"):
        Network(parameters(), device="toaster")
    with pytest.raises(ConfigError, match="kernels"):
        Network(parameters(), kernels="fortran")
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="use --device cpu"):
            Network(parameters(), device="cuda")


ANSWER = """
from nncompress.exact.engine import Network
from nncompress.exact.modelfile import known_answer, load_model
from pathlib import Path
import sys, torch
model = load_model(Path(sys.argv[1]))
print(known_answer(Network(model.parameters, kernels=sys.argv[2], threads=int(sys.argv[3]))))
"""


@pytest.mark.parametrize(
    ("variables", "kernels", "threads"),
    [
        ({"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"}, "numba", 1),
        ({"ONEDNN_MAX_CPU_ISA": "SSE41"}, "torch", 2),
        ({"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}, "torch", 1),
        ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, "numba", 2),
        ({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}, "numba", 1),
        ({"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+avx2,+fma"}, "numba", 2),
    ],
)
def test_older_instruction_sets_give_the_same_answer(tmp_path, variables, kernels, threads):
    from tests.models import write_model

    path = write_model(tmp_path / "deep.nncmodel", DEEP)
    arguments = [sys.executable, "-c", ANSWER, str(path), kernels, str(threads)]
    done = subprocess.run(
        arguments, env=environment(**variables), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == known_answer(Network(parameters(DEEP)))
