"""Compare Triton's kernels with the reference, in a process of its own; prints JSON.

    TRITON_INTERPRET=1 python -m tests.exact.gpu_cases cpu     by Triton's interpreter
    python -m tests.exact.gpu_cases cuda                       on a GPU
    python -m tests.exact.gpu_cases compiled                   what a GPU would run; needs none

The variable counts when Triton is imported: other tests of the same process would feel it.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from nncompress.exact.config import SHARNNConfig
from nncompress.exact.engine import Network
from nncompress.exact.fixedpoint import STREAM_MAX, norm_eps
from nncompress.exact.stages import NormSplit
from tests.exact.extremes import Extremes, steps
from tests.models import DEEP, parameters, text

SHAPES = {
    # dim, boom, layers, attention, window; rows. Boom's chunks are boom / dim.
    "one row": (SHARNNConfig(8, 8, 1, (0,), window=1), 1),
    "odd width": (SHARNNConfig(33, 99, 2, (1,), window=5), 3),
    "64 rows": (SHARNNConfig(16, 32, 2, (), window=4), 64),
    "two tiles of rows": (SHARNNConfig(8, 16, 1, (), window=4), 70),
    "rows with memories": (SHARNNConfig(24, 24, 1, (0,), window=7), 16),
    "window over a power of two": (SHARNNConfig(40, 40, 1, (0,), window=33), 2),
    "several chunks of columns": (SHARNNConfig(200, 200, 1, (0,), window=3), 2),
}

SPREADS = (1.0, 0.02)

MANY = 16
"""With more rows there is one step of one network: Triton's interpreter takes 20 ms a row."""


def equal_to_reference(device: str, shape: str) -> None:
    """Take steps with the reference and with Triton's kernels, which must end alike."""
    config, rows = SHAPES[shape]
    many = rows > MANY
    for seed, spread in enumerate(SPREADS[many:]):
        network = Extremes(seed, spread).parameters(config)
        reference, triton = (
            steps(Network(network, device, kernels), seed, rows, 1 if many else 2)
            for kernels in ("torch", "triton")
        )
        for expected, found in zip(reference, triton, strict=True):
            np.testing.assert_array_equal(found, expected)


def norms_are_equal(device: str) -> None:
    """Split streams of all sizes, with norms that show a row's numbers before they are rounded."""
    import torch

    from nncompress.exact.gpu import program
    from nncompress.exact.kernels import reference

    d, generator = 24, np.random.default_rng(0)
    rows = [generator.integers(-reach, reach + 1, d) for reach in (1, 4, 100, 1 << 12, 1 << 19)]
    rows += [np.full(d, value) for value in (0, 1, -1, STREAM_MAX, -STREAM_MAX)]
    rows += [np.where(np.arange(d) % 2, STREAM_MAX, -STREAM_MAX), np.eye(1, d)[0] * -STREAM_MAX]
    stream = torch.from_numpy(np.array(rows).astype(np.int32)).to(device)
    ones, nothing = torch.ones_like(stream[0]), torch.zeros_like(stream[0])

    def norm(stream: Any) -> Any:
        out = torch.zeros_like(stream, dtype=torch.int8)
        return NormSplit(stream, norm_eps(d, 12), ones, nothing, 0, ones, ones, 8, out)

    expected, found = norm(stream.clone()), norm(stream.clone())
    reference.norm_split(*expected)
    lstm = SimpleNamespace(hidden=torch.zeros_like(found.out), hidden_multiplier=1)
    program._split(lstm, found).run(nothing, nothing)
    assert torch.equal(found.stream, expected.stream)
    assert torch.equal(found.out, expected.out)


def weights_of_text(device: str, kernels: str) -> list[int]:
    """Weights that lanes get for the first bytes of some text."""
    lanes = Network(parameters(DEEP), device, kernels).lanes(2)
    found = [lanes.start().weights.copy()]
    for symbols in np.frombuffer(text(4), np.uint8).reshape(-1, 2):
        found.append(lanes.step(symbols).weights.copy())
    return np.stack(found).ravel().tolist()


def float_instructions(kernel: str) -> list[str]:
    """Instructions on floats in what a kernel is compiled to for a GPU of NVIDIA's."""
    code = COMPILED[kernel]()
    return sorted(set(re.findall(r"\b\w+(?:\.\w+)*\.(?:b?f16|tf32|f32|f64)\w*\b", code)))


def _compile(launch: Any) -> str:
    """Compile the kernel of a launch for compute capability 8.0; return the assembly, PTX."""
    import torch
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kinds = {"uint8": "*u8", "int8": "*i8", "int16": "*i16", "int32": "*i32", "int64": "*i64"}
    arguments = launch.arguments | {
        name: torch.zeros(1, dtype=torch.int64 if name == "slot" else torch.int32)
        for name in launch.of_step
    }
    signature, constants = {}, {}
    for place, parameter in enumerate(launch.kernel.params):
        value = arguments[parameter.name]
        if parameter.is_constexpr:
            signature[parameter.name], constants[(place,)] = "constexpr", value
        elif isinstance(value, torch.Tensor):
            signature[parameter.name] = kinds[str(value.dtype).removeprefix("torch.")]
        else:
            signature[parameter.name] = "i32"
    source = ASTSource(launch.kernel, signature, constants)
    options = {"enable_fp_fusion": False}
    return triton.compile(source, target=GPUTarget("cuda", 80, 32), options=options).asm["ptx"]


def _launches() -> dict[str, Callable[[], str]]:
    from unittest.mock import patch

    from nncompress.exact import engine

    config = SHARNNConfig(32, 32, 2, (1,), window=4)
    with patch.object(engine, "require_triton"):
        network = Network(Extremes(0, 1.0).parameters(config), "cpu", "triton")
    advance: Any = network.lanes(2).advance
    program = advance._stages
    return {
        launch.kernel.__name__: lambda launch=launch: _compile(launch)  # type: ignore[misc]
        for launch in program.launches
        if launch.grid
    }


COMPILED: dict[str, Callable[[], str]] = {}


def main(mode: str) -> dict[str, Any]:
    """Run all cases of a mode; what one raises is its result."""
    cases: dict[str, Callable[[], Any]]
    if mode == "compiled":
        COMPILED.update(_launches())
        cases = {name: lambda name=name: float_instructions(name) for name in COMPILED}  # type: ignore[misc]
    else:
        cases = {shape: lambda shape=shape: equal_to_reference(mode, shape) for shape in SHAPES}  # type: ignore[misc]
        cases["norms"] = lambda: norms_are_equal(mode)
        cases["text"] = lambda: weights_of_text(mode, "triton")
    found: dict[str, Any] = {}
    for name, case in cases.items():
        try:
            found[name] = case()
        except Exception:
            found[name] = traceback.format_exc()
    return found


if __name__ == "__main__":
    json.dump(main(sys.argv[1]), sys.stdout)
