"""Print what each level would make of files: ``nncompress compress --estimate``."""

from __future__ import annotations

from collections.abc import Iterator
from math import floor, log10
from typing import TYPE_CHECKING

from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.files.names import STDIN
from nncompress.files.source import open_source
from nncompress.pipeline.remote import Place, place_of

from .console import OK, Console
from .escape import show_text
from .rate import duration

if TYPE_CHECKING:
    from nncompress.reports.estimate import Estimate


def print_estimates(names: list[str], options: CodingOptions, console: Console) -> int:
    """Estimate and print, for the level of the options or for all; return the exit status."""
    from nncompress.reports.estimate import estimate

    if STDIN in names:
        raise ConfigError("an estimate needs files, not standard input: it reads parts of them")
    paths = list[Place]()

    def check(name: str) -> None:
        with open_source(place_of(name), replaces=True) as source:
            paths.append(source.path)

    status = console.each(names, check)
    if status != OK and not paths:
        return status
    levels = list(LEVELS) if options.level is None else [options.level]
    total, found = estimate(paths, options, levels, lambda size: console.progress("samples", size))
    for line in _lines(total, len(paths), found):
        show_text(line)
    return status


def _lines(total: int, files: int, found: list[Estimate]) -> Iterator[str]:
    yield f"{files:,} {'file' if files == 1 else 'files'}, {total:,} bytes"
    yield f"{'level':<11}  {'size':>16}  {'ratio':>6}  {'off by':>6}  {'time':>10}"
    for one in found:
        level = f"-{one.level}" + (", default" if one.level == DEFAULT_LEVEL else "")
        exact = one.error == 0
        size = f"{one.size:,}" if exact else f"{_rounded(one.size):,}"
        off = "exact" if exact else f"±{one.error:.0%}"
        yield (
            f"{level:<11}  {size:>16}  {one.size / total:>6.1%}  {off:>6}  "
            f"{duration(one.seconds):>10}"
        )
    yield "Times are those of this machine as busy as it is now; to decompress takes about as long."
    if any(one.error for one in found):
        yield "Estimated from samples that were coded; times may be off by a third, or by more"
        yield "where parts of the files differ. Samples do not see repeats at long distance:"
        yield "files that repeat become smaller, and are done sooner."


def _rounded(size: int) -> int:
    """Return a number with three digits that count."""
    return round(size, 2 - floor(log10(size))) if size else 0
