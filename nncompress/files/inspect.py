"""What an archive holds, without decoding it; and ranges of its contents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, BinaryIO, cast

from nncompress.archive.access import read_block_header, read_map
from nncompress.errors import ConfigError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.stream import READ_SIZE

from .convert import Reporter, Request, Stdout, decompress_one, named
from .names import STDIN
from .source import open_source


def describe(name: str) -> dict[str, Any]:
    """Return the facts about the archive ``name``, ready for JSON.

    Keys: name, raw_size, archive_size, ratio (archive/raw, None for no contents), bits_per_byte,
    members, models (identities in hexadecimal), methods, complete, and blocks: a list with start,
    raw_size, archive_size, method and crc32 of each. Raises ArchiveError if no block is found.
    """
    if name == STDIN:
        raise ConfigError("a list needs a file that can be searched, not standard input")
    with open_source(Path(name), replaces=False) as source, named(name):
        file = cast(BinaryIO, source.file)
        found = read_map(file)
        if found.fault is not None and not found.blocks:
            raise found.fault
        headers = [read_block_header(file, place) for place in found.blocks]
    blocks = [
        {
            "start": place.start,
            "raw_size": place.raw_size,
            "archive_size": place.size,
            "method": header.method.label,
            "crc32": f"{header.crc:08x}",
        }
        for place, header in zip(found.blocks, headers, strict=True)
    ]
    raw = found.raw_size
    models = {place.header.model_id.hex() for place in found.blocks if place.header.model_id}
    return {
        "name": name,
        "raw_size": raw,
        "archive_size": found.archive_size,
        "ratio": found.archive_size / raw if raw else None,
        "bits_per_byte": 8 * found.archive_size / raw if raw else None,
        "members": found.members,
        "models": sorted(models),
        "methods": sorted({str(block["method"]) for block in blocks}),
        "complete": found.fault is None,
        "blocks": blocks,
    }


def parse_range(text: str) -> tuple[int | None, int | None]:
    """Parse START:END as a slice of the contents; either may be missing, or count from the end."""
    match = re.fullmatch(r"(-?\d+)?:(-?\d+)?", text)
    if match is None:
        raise ConfigError(f"{text!r} is no range such as 100:200, :200 or -100:")
    start, end = (int(number) if number else None for number in match.groups())
    return start, end


def cat_one(
    name: str,
    span: tuple[int | None, int | None] | None,
    request: Request,
    coder: Coder,
    reporter: Reporter,
) -> None:
    """Write the contents of ``name``, or the slice ``span`` of them, to standard output."""
    if span is None or name == STDIN:
        if span is not None:
            raise ConfigError("a range needs a file that can be searched, not standard input")
        decompress_one(name, request, coder, reporter)
        return
    with open_source(Path(name), replaces=False) as source, named(name):
        reader = BlockReader(cast(BinaryIO, source.file), coder.decoder)
        start, end, _ = slice(*span).indices(reader.seek(0, 2))
        reader.seek(start)
        out = Stdout()
        while start < end:
            data = reader.read(min(READ_SIZE, end - start))
            if not data:
                break
            out.write(data)
            start += len(data)
        out.flush()


def print_table(entries: list[dict[str, Any]], *, verbose: bool) -> None:
    """Print the facts from :func:`describe` for people."""
    print(f"{'archive':>14} {'contents':>14} {'ratio':>7}  {'method':<15} name")
    for entry in entries:
        note = "" if entry["complete"] else " (incomplete)"
        _print_row(entry, ",".join(entry["methods"]), entry["name"] + note)
        if verbose:
            _print_blocks(entry)
    if len(entries) > 1:
        sizes = {key: sum(entry[key] for entry in entries) for key in ("archive_size", "raw_size")}
        _print_row(sizes, "", f"{len(entries)} archives")


def _print_row(sizes: dict[str, Any], methods: str, name: str) -> None:
    archive, raw = sizes["archive_size"], sizes["raw_size"]
    ratio = f"{archive / raw:.1%}" if raw else "-"
    name = name.encode(errors="surrogateescape").decode(errors="replace")
    print(f"{archive:>14,} {raw:>14,} {ratio:>7}  {methods:<15} {name}")


def _print_blocks(entry: dict[str, Any]) -> None:
    print(f"  members: {entry['members']}, models: {', '.join(entry['models']) or 'none'}")
    for number, block in enumerate(entry["blocks"]):
        print(
            f"  block {number}: start {block['start']:,}, {block['raw_size']:,} bytes in "
            f"{block['archive_size']:,}, {block['method']}, crc32 {block['crc32']}"
        )
