"""Measure what lanes cost: one block of a file in 1, 8, 16, 32, 64 and 256 lanes, by each method.

    python benchmarks/lanes.py FILE [--method METHOD ...] [--resume] [--json FILE]

One lane is the slowest: every byte is predicted from all that stand before it. Sizes are what is
measured; the network in one lane takes some minutes for 1 MB.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from folder import RESULTS, kept_results, resume, write_results
from readme import lanes_table

from nncompress.coding.block import BlockCoder
from nncompress.coding.levels import Level
from nncompress.coding.opening import open_block_coder
from nncompress.coding.options import CodingOptions

LANES_BITS = (8, 6, 5, 4, 3, 0)
MEASURED_METHODS = ("network", "network+mixing")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--method",
    "methods",
    type=click.Choice(MEASURED_METHODS),
    multiple=True,
    default=MEASURED_METHODS,
)
@resume
@click.option("--json", "target", type=click.Path(path_type=Path), default=RESULTS / "lanes.json")
def main(file: Path, methods: tuple[str, ...], resume: bool, target: Path) -> None:
    """Measure lanes on FILE."""
    rows: list[dict[str, Any]] = kept_results(target, resume, file=file.name).get("rows", [])
    data, done = file.read_bytes(), {(row["method"], row["lanes"]) for row in rows}
    for bits in LANES_BITS:
        for method in methods:
            if (method, 1 << bits) in done:
                continue
            level = Level(True, max_lanes_bits=bits, block_size=len(data), bytes_per_lane=1)
            model = open_block_coder(CodingOptions(method=method)).model
            coder = BlockCoder(model, level=level, method=method)
            size = len(coder.encode(data)[1])
            rows.append({"method": method, "lanes": 1 << bits, "bytes": size})
            write_results(target, file=file.name, size=len(data), rows=rows)
    click.echo(lanes_table({"rows": rows}))


if __name__ == "__main__":
    main()
