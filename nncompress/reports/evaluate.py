"""``nncompress eval``: what a model makes of a file, as facts for JSON and as lines for people."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError, ModelError
from nncompress.files.output import os_failure

from . import corpora
from .measure import Meter, Progress, float_meter, measure, network_meter

if TYPE_CHECKING:
    from nncompress.network.model import SHARNN

Facts = dict[str, Any]
Bar = Callable[[str, int], AbstractContextManager[Progress]]


@dataclass(frozen=True)
class Request:
    """What to evaluate.

    part: a part of :data:`corpora.SPLIT`, for which the file must be enwik8, or None. size: no more than so many
    bytes, or None. float_weights: float weights to compare with, or a model file whose integers are turned into floats,
    or None. coded: whether to code the bytes as ``nncompress compress`` would, too.
    """

    path: Path
    options: CodingOptions
    part: str | None = None
    size: int | None = None
    float_weights: Path | None = None
    coded: bool = False


def evaluate(request: Request, bar: Bar) -> Facts:
    """Measure; see README of ``benchmarks/`` for what the facts are.

    Raises :class:`FileError`, :class:`ModelError`, :class:`ConfigError`, :class:`DeviceError`.
    """
    start, stop = _bounds(request)
    if stop == start:
        raise ConfigError(f"{request.path}: is empty, so there is nothing to measure")
    facts: Facts = {"file": str(request.path), "start": start, "bytes": stop - start}
    whole = request.part is None and request.size is None
    recognised = corpora.recognise(request.path) if request.part is None else None
    facts["part"] = request.part and f"enwik8 {request.part}"
    facts["recognised"] = recognised and recognised.describe()
    facts["corpus"] = recognised.corpus if recognised and whole else None
    facts["model"], meter = _open_network(request.options)
    facts["network"] = _measured(request, (start, stop), meter, bar("network", stop - start))
    if request.float_weights is not None:
        floats = float_meter(_load_float(request.float_weights), request.options.threads)
        facts["float"] = _measured(request, (start, stop), floats, bar("float", stop - start))
        gained = facts["network"]["bits"] / facts["float"]["bits"] - 1
        facts["integer_over_float_percent"] = 100 * gained
    if request.coded:
        facts["coded"] = _coded(request, (start, stop), bar("coding", stop - start))
    payload = facts["coded"]["bytes"] if request.coded else facts["network"]["bytes"]
    facts["totals"] = _totals(payload, facts["model"]["size"], program_size())
    return facts


def _bounds(request: Request) -> tuple[int, int]:
    if request.part is not None:
        corpora.require_enwik8(request.path)
        start, stop = corpora.SPLIT[request.part]
    else:
        try:
            start, stop = 0, request.path.stat().st_size
        except OSError as error:
            raise os_failure(request.path, error) from None
    return start, stop if request.size is None else min(stop, start + request.size)


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
    from nncompress.quantize.to_floats import load_network

    try:
        return load_network(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the weights: {error.strerror or error}") from None


def _measured(
    request: Request,
    bounds: tuple[int, int],
    meter: Meter,
    shown: AbstractContextManager[Progress],
) -> Facts:
    from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS

    level = LEVELS[request.options.level or DEFAULT_LEVEL]
    began = time.perf_counter()
    with shown as progress:
        bits = measure(corpora.read_range(request.path, *bounds), level, meter, progress)
    size = bounds[1] - bounds[0]
    return {
        "bits": bits,
        "bits_per_byte": bits / size,
        "bytes": int(-(-bits // 8)),
        "seconds": time.perf_counter() - began,
    }


class _Source:
    """Pieces of a file, for the pipeline to read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        self._rest = self._rest or next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def _coded(
    request: Request, bounds: tuple[int, int], shown: AbstractContextManager[Progress]
) -> Facts:
    from nncompress.pipeline.coder import Coder
    from nncompress.pipeline.stream import Null, compress_stream

    began = time.perf_counter()
    source = _Source(corpora.read_range(request.path, *bounds))
    with shown as progress:
        totals = compress_stream(source, Null(), Coder(request.options), progress)
    return {
        "bytes": totals.archive_size,
        "bits_per_byte": 8 * totals.archive_size / totals.raw_size,
        "seconds": time.perf_counter() - began,
    }


def program_size() -> int:
    """Bytes of this package's source, zipped, without training, reports and models.

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
