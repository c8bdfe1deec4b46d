"""Measure what a model makes of files, as facts for JSON: the work of ``nncompress eval``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
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
from .paired import difference, paired_statistics
from .provenance import machine_facts
from .published import choose_published, left_out_stated, training_stated
from .sizes import counted_sizes, program_size

if TYPE_CHECKING:
    from nncompress.network.model import SHARNN

Facts = dict[str, Any]
Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows progress over so many bytes under a label."""

TEST_PART = "enwik8 test"
"""The part of enwik8 that the paper has figures of."""


@dataclass(frozen=True)
class Evaluation:
    """Say what to evaluate.

    Attributes:
        paths: the files, at least one.
        options: model, level, device and threads; their method counts for ``coded`` alone.
        against: another model, to be measured on the same bytes; None for none.
        part: a part of :data:`.corpora.SPLIT`, for which each file must be enwik8; None for all.
        size: most bytes to take of each file; None for all.
        float_weights: float weights to compare with, or a model file whose integers are turned into
            floats; None for no comparison.
        coded: whether to code the bytes, too, as ``nncompress compress`` would.
    """

    paths: Sequence[Path]
    options: CodingOptions
    against: str | Path | None = None
    part: str | None = None
    size: int | None = None
    float_weights: Path | None = None
    coded: bool = False


@dataclass(frozen=True)
class _Contestant:
    """Hold one of the networks that are measured, and how its bytes are coded."""

    facts: Facts
    meter: Meter
    options: CodingOptions


def evaluate(evaluation: Evaluation, bar: Bar) -> Facts:
    """Measure the bits per byte of a model's network on files, or of two models side by side.

    Args:
        evaluation: what to measure.
        bar: called with a label and the bytes of each measurement to show its progress.

    Returns:
        The facts; ``docs/json.md`` says what they mean.

    Raises:
        FileError: a file cannot be read, or is not enwik8 where it must be.
        ModelError: model or weights are missing or damaged.
        ConfigError: there is nothing to measure.
        DeviceError: the device is missing, or does not compute exactly.
    """
    from nncompress.coding.levels import DEFAULT_LEVEL

    bounds = [_bounds(evaluation, path) for path in evaluation.paths]
    own = _open_network(evaluation.options)
    other = None
    if evaluation.against is not None:
        other = _open_network(replace(evaluation.options, model=evaluation.against))
    floats = None
    if evaluation.float_weights is not None:
        floats = float_meter(_load_float(evaluation.float_weights), evaluation.options.threads)
    files = []
    for path, span in zip(evaluation.paths, bounds, strict=True):
        facts = _about(evaluation, path, span) | _measured(evaluation, path, span, own, bar)
        if floats is not None:
            facts["float"] = _bits(evaluation, path, span, floats, bar("float", span[1] - span[0]))
        if other is not None:
            facts["against"] = _measured(evaluation, path, span, other, bar)
        files.append(_with_comparisons(facts))
    total = _total(files)
    program = program_size()
    against: Facts | None = None
    if other is not None:
        counted = counted_sizes(_payload(total["against"]), other.facts["size"], program)
        against = other.facts | {"counted": counted}
    sizes = counted_sizes(_payload(total), own.facts["size"], program)
    return {
        "machine": machine_facts(),
        "level": evaluation.options.level or DEFAULT_LEVEL,
        "model": own.facts | {"counted": sizes},
        "against": against,
        "files": files,
        "total": total,
        "published": _published(files, own.facts, program),
    }


def _bounds(evaluation: Evaluation, path: Path) -> tuple[int, int]:
    """Return the first byte to measure and one past the last."""
    if evaluation.part is not None:
        corpora.require_enwik8(path)
        start, stop = corpora.SPLIT[evaluation.part]
    else:
        try:
            start, stop = 0, path.stat().st_size
        except OSError as error:
            raise os_failure(path, error) from None
    stop = stop if evaluation.size is None else min(stop, start + evaluation.size)
    if stop == start:
        raise ConfigError(f"{path}: is empty, so there is nothing to measure")
    return start, stop


def _about(evaluation: Evaluation, path: Path, span: tuple[int, int]) -> Facts:
    """Return which bytes are measured, and what is known of them."""
    whole = evaluation.part is None and evaluation.size is None
    recognised = corpora.recognise(path) if evaluation.part is None else None
    return {
        "file": str(path),
        "start": span[0],
        "bytes": span[1] - span[0],
        "part": evaluation.part and f"enwik8 {evaluation.part}",
        "recognised": recognised and recognised.describe(),
        "corpus": recognised.corpus if recognised and whole else None,
    }


def _open_network(options: CodingOptions) -> _Contestant:
    from nncompress.coding.opening import model_file, open_block_coder

    coder = open_block_coder(replace(options, method="network"))
    path = model_file(options)
    assert coder.model is not None
    summary = dict(coder.model.summary)
    facts = {
        "name": path.stem,
        "identity": coder.model.identity.hex(),
        "size": path.stat().st_size,
        "parameters": coder.model.parameters.config.parameter_count(),
        "trained_on": training_stated(summary),
        "left_out": left_out_stated(summary),
        "summary": summary,
    }
    return _Contestant(facts, network_meter(coder.network, options.threads), options)


def _load_float(path: Path) -> SHARNN:
    require_torch("a comparison with float weights")
    from nncompress.quantize.to_floats import load_network

    try:
        return load_network(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the weights: {error.strerror or error}") from None


def _measured(
    evaluation: Evaluation, path: Path, span: tuple[int, int], whose: _Contestant, bar: Bar
) -> Facts:
    size, name = span[1] - span[0], whose.facts["name"]
    shown = bar(f"{name} on {path.name}", size)
    facts = {"network": _bits(evaluation, path, span, whose.meter, shown)}
    if evaluation.coded:
        facts["coded"] = _coded(path, span, whose.options, bar(f"coding {path.name}", size))
    return facts


def _bits(
    evaluation: Evaluation,
    path: Path,
    span: tuple[int, int],
    meter: Meter,
    shown: AbstractContextManager[Progress],
) -> Facts:
    from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS

    level = LEVELS[evaluation.options.level or DEFAULT_LEVEL]
    began = time.perf_counter()
    with shown as progress:
        bits = ideal_bits(corpora.read_range(path, *span), level, meter, progress)
    return _cost(bits, span[1] - span[0], time.perf_counter() - began)


def _cost(bits: float, size: int, seconds: float) -> Facts:
    return {
        "bits": bits,
        "bits_per_byte": bits / size,
        "bytes": int(-(-bits // 8)),
        "seconds": seconds,
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
    path: Path,
    span: tuple[int, int],
    options: CodingOptions,
    shown: AbstractContextManager[Progress],
) -> Facts:
    from nncompress.pipeline.coder import Coder
    from nncompress.pipeline.stream import Null, compress_stream

    began = time.perf_counter()
    source = _Source(corpora.read_range(path, *span))
    with shown as progress:
        totals = compress_stream(source, Null(), Coder(options), progress)
    return _cost(8 * totals.archive_size, totals.raw_size, time.perf_counter() - began)


def _with_comparisons(facts: Facts) -> Facts:
    """Add what floats and the other model differ by."""
    bits, size = facts["network"]["bits"], facts["bytes"]
    if "float" in facts:
        facts["integer_over_float_percent"] = 100 * (bits / facts["float"]["bits"] - 1)
    if "against" in facts:
        other = facts["against"]
        facts["difference"] = {"network": difference(bits, other["network"]["bits"], size)}
        if "coded" in facts:
            own = facts["coded"]["bits"]
            facts["difference"]["coded"] = difference(own, other["coded"]["bits"], size)
    return facts


def _total(files: list[Facts]) -> Facts:
    """Return the sums over all files, and the paired differences."""
    size = sum(facts["bytes"] for facts in files)
    found: Facts = {"files": len(files), "bytes": size} | _sums(files, size)
    if "against" in files[0]:
        found["against"] = _sums([facts["against"] for facts in files], size)
    found = _with_comparisons(found)
    if "against" in files[0]:
        found["paired"] = {
            what: paired_statistics([facts["difference"][what]["bits_per_byte"] for facts in files])
            for what in files[0]["difference"]
        }
    return found


def _sums(files: list[Facts], size: int) -> Facts:
    """Return the costs of all files together; each file's bytes are whole, so are their sum."""
    found = {}
    for what in ("network", "float", "coded"):
        costs = [facts[what] for facts in files if what in facts]
        if costs:
            bits, seconds = (sum(cost[key] for cost in costs) for key in ("bits", "seconds"))
            whole = sum(cost["bytes"] for cost in costs)
            found[what] = _cost(bits, size, seconds) | {"bytes": whole}
    return found


def _payload(facts: Facts) -> int:
    size: int = facts["coded" if "coded" in facts else "network"]["bytes"]
    return size


def _published(files: list[Facts], model: Facts, program: int) -> Facts | None:
    """Return published figures where one file was measured that there are some of."""
    if len(files) > 1:
        return None
    (facts,) = files
    start, stop = corpora.SPLIT["test"]
    part = TEST_PART if facts["part"] == TEST_PART and facts["bytes"] == stop - start else None
    what = "archive" if "coded" in facts else "ideal"
    payload = {"bytes": _payload(facts), "is": what, "program": program}
    found = choose_published(part, facts["corpus"], model, payload)
    return found.facts() if found else None
