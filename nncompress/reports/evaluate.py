"""Measure what a model makes of a file, as facts for JSON: the work of ``nncompress eval``."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncompress.archive.codec import Progress
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError, ModelError
from nncompress.files.output import os_failure
from nncompress.machine.device import require_torch

from . import corpora
from .measure import Meter, float_meter, ideal_bits, network_meter

if TYPE_CHECKING:
    from nncompress.network.model import SHARNN

Facts = dict[str, Any]
Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows progress over so many bytes under a label."""


@dataclass(frozen=True)
class Evaluation:
    """Say what to evaluate.

    Attributes:
        path: the file.
        options: model, level, device and threads; their method counts for ``coded`` alone.
        part: a part of :data:`.corpora.SPLIT`, for which the file must be enwik8; None for all.
        size: most bytes to take; None for all.
        float_weights: float weights to compare with, or a model file whose integers are turned into
            floats; None for no comparison.
        coded: whether to code the bytes, too, as ``nncompress compress`` would.
    """

    path: Path
    options: CodingOptions
    part: str | None = None
    size: int | None = None
    float_weights: Path | None = None
    coded: bool = False


def evaluate(evaluation: Evaluation, bar: Bar) -> Facts:
    """Measure the bits per byte of a model's network on a file.

    Args:
        evaluation: what to measure.
        bar: called with a label and the bytes of each measurement to show its progress.

    Returns:
        The facts; the README in ``benchmarks/`` says how to read them.

    Raises:
        FileError: the file cannot be read, or is not enwik8 where it must be.
        ModelError: model or weights are missing or damaged.
        ConfigError: there is nothing to measure.
        DeviceError: the device is missing, or does not compute exactly.
    """
    start, stop = _bounds(evaluation)
    if stop == start:
        raise ConfigError(f"{evaluation.path}: is empty, so there is nothing to measure")
    facts: Facts = {"file": str(evaluation.path), "start": start, "bytes": stop - start}
    whole = evaluation.part is None and evaluation.size is None
    recognised = corpora.recognise(evaluation.path) if evaluation.part is None else None
    facts["part"] = evaluation.part and f"enwik8 {evaluation.part}"
    facts["recognised"] = recognised and recognised.describe()
    facts["corpus"] = recognised.corpus if recognised and whole else None
    facts["model"], meter = _open_network(evaluation.options)
    facts["network"] = _measured(evaluation, (start, stop), meter, bar("network", stop - start))
    if evaluation.float_weights is not None:
        floats = float_meter(_load_float(evaluation.float_weights), evaluation.options.threads)
        facts["float"] = _measured(evaluation, (start, stop), floats, bar("float", stop - start))
        gained = facts["network"]["bits"] / facts["float"]["bits"] - 1
        facts["integer_over_float_percent"] = 100 * gained
    if evaluation.coded:
        facts["coded"] = _coded(evaluation, (start, stop), bar("coding", stop - start))
    payload = facts["coded"]["bytes"] if evaluation.coded else facts["network"]["bytes"]
    facts["totals"] = _totals(payload, facts["model"]["size"], program_size())
    return facts


def _bounds(evaluation: Evaluation) -> tuple[int, int]:
    if evaluation.part is not None:
        corpora.require_enwik8(evaluation.path)
        start, stop = corpora.SPLIT[evaluation.part]
    else:
        try:
            start, stop = 0, evaluation.path.stat().st_size
        except OSError as error:
            raise os_failure(evaluation.path, error) from None
    return start, stop if evaluation.size is None else min(stop, start + evaluation.size)


def _open_network(options: CodingOptions) -> tuple[Facts, Meter]:
    from nncompress.coding.block import model_file, open_block_coder

    coder = open_block_coder(replace(options, method="network"))
    path = model_file(options)
    assert coder.model is not None
    facts = {
        "name": path.stem,
        "identity": coder.model.identity.hex(),
        "size": path.stat().st_size,
        "parameters": coder.model.parameters.config.parameter_count(),
        "summary": dict(coder.model.summary),
    }
    return facts, network_meter(coder.network)


def _load_float(path: Path) -> SHARNN:
    require_torch("a comparison with float weights")
    from nncompress.quantize.to_floats import load_network

    try:
        return load_network(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the weights: {error.strerror or error}") from None


def _measured(
    evaluation: Evaluation,
    bounds: tuple[int, int],
    meter: Meter,
    shown: AbstractContextManager[Progress],
) -> Facts:
    from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS

    level = LEVELS[evaluation.options.level or DEFAULT_LEVEL]
    began = time.perf_counter()
    with shown as progress:
        bits = ideal_bits(corpora.read_range(evaluation.path, *bounds), level, meter, progress)
    size = bounds[1] - bounds[0]
    return {
        "bits": bits,
        "bits_per_byte": bits / size,
        "bytes": int(-(-bits // 8)),
        "seconds": time.perf_counter() - began,
    }


class _Source:
    """Read pieces as if they were a file, for the pipeline."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _coded(
    evaluation: Evaluation, bounds: tuple[int, int], shown: AbstractContextManager[Progress]
) -> Facts:
    from nncompress.pipeline.coder import Coder
    from nncompress.pipeline.stream import Null, compress_stream

    began = time.perf_counter()
    source = _Source(corpora.read_range(evaluation.path, *bounds))
    with shown as progress:
        totals = compress_stream(source, Null(), Coder(evaluation.options), progress)
    return {
        "bytes": totals.archive_size,
        "bits_per_byte": 8 * totals.archive_size / totals.raw_size,
        "seconds": time.perf_counter() - began,
    }


def program_size() -> int:
    """Return the bytes of this package's source, zipped, without training, reports and models.

    Python and the libraries are not counted.
    """
    package = Path(__file__).parents[1]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(package.rglob("*.py")):
            name = path.relative_to(package).as_posix()
            if not name.startswith(("network/", "quantize/", "reports/", "training/")):
                archive.write(path, name)
    return len(zipped.getvalue())


def _totals(payload: int, model: int, program: int) -> Facts:
    return {
        "payload": payload,
        "payload_and_model": payload + model,
        "payload_model_and_program": payload + model + program,
    }
