"""Count what a step of many rows takes of a GPU: launches, and bytes read and written.

    python benchmarks/step_traffic.py [--rows N] [-m MODEL] [--json FILE]

It needs no GPU, only Triton, and measures no time. Beside Triton's kernels it counts the operations
of the reference, each of which is a launch at least, by taking a step with it on the CPU.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch
from folder import RESULTS, write_results
from readme import step_traffic_table
from torch.utils._python_dispatch import TorchDispatchMode

from nncompress.exact.config import SYMBOLS
from nncompress.exact.engine import Network
from nncompress.exact.gpu.traffic import step_traffic
from nncompress.exact.modelfile import load_model
from nncompress.exact.parameters import Parameters
from nncompress.exact.store import resolve_model


class Operations(TorchDispatchMode):
    """Counts torch's operations that compute, with the bytes of what they are given and make.

    Attributes:
        launches: how many there were.
        read: bytes of the tensors that they took.
        written: bytes of those that they made.
    """

    launches = read = written = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), keywords: Any = None
    ) -> Any:
        """Run an operation, and count it unless it is a view."""
        result = function(*arguments, **(keywords or {}))
        returned = [value.alias_info for value in function._schema.returns]
        if all(alias is None or alias.is_write for alias in returned):
            self.launches += 1
            self.read += _bytes([*arguments, *(keywords or {}).values()])
            self.written += _bytes(result)
        return result


def _bytes(value: Any) -> int:
    if isinstance(value, torch.Tensor):
        return value.numel() * value.element_size()
    return sum(map(_bytes, value)) if isinstance(value, list | tuple) else 0


def reference_traffic(parameters: Parameters, rows: int) -> dict[str, Any]:
    """Count a step of the reference."""
    advance: Any = Network(parameters, "cpu", "torch").lanes(rows).advance
    with Operations() as counted:
        advance._run()
    return {
        "kernel": "the reference, all together",
        "launches": counted.launches,
        "read": counted.read,
        "written": counted.written,
    }


@click.command()
@click.option("--rows", type=click.IntRange(1, 1 << 14), default=1024)
@click.option("-m", "--model", "name", default="default")
@click.option(
    "--json", "target", type=click.Path(path_type=Path), default=RESULTS / "step_traffic.json"
)
def main(rows: int, name: str, target: Path) -> None:
    """Count a step of a model."""
    parameters = load_model(resolve_model(name)).parameters
    launches = [
        {"kernel": one.kernel, "launches": 1, "read": one.read, "written": one.written}
        for one in step_traffic(parameters, rows)
    ]
    facts = {
        "launches": launches,
        "reference": reference_traffic(parameters, rows),
        "copied": {"in": 8 + 5 * rows, "out": rows * (4 * SYMBOLS + parameters.config.dim)},
    }
    write_results(target, model=name, rows=rows, **facts)
    click.echo(step_traffic_table(facts))


if __name__ == "__main__":
    main()
