"""What an archive holds, without decoding it; and ranges of its contents."""

from __future__ import annotations

import os
import re
from typing import Any, BinaryIO, cast

from nncompress.archive.access import (
    ArchiveMap,
    BlockPlace,
    read_block_header,
    read_map,
    read_section,
)
from nncompress.archive.format import BlockHeader, Method
from nncompress.archive.origins import Origins
from nncompress.errors import ArchiveError, ConfigError, OutputLimitError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.fileobj import BlockReader
from nncompress.pipeline.remote import place_of
from nncompress.pipeline.stream import READ_SIZE, Writer
from nncompress.transforms.filters import HEAD_SIZE, PLAIN, read_transform

from .convert import Reporter, Request, Stdout, decompress_one, named
from .names import STDIN, label
from .source import open_source

SHORT = 8
"""Digits of the identity of a model that is not installed, in a table for people."""


def describe(name: str) -> tuple[dict[str, Any], ArchiveError | None]:
    """Return the facts about the archive ``name``, ready for JSON, and its fault if it has one.

    Keys: name, raw_size, archive_size, ratio (archive/raw, None for no contents), bits_per_byte,
    members, models (identities in hexadecimal, of those that blocks need or members name),
    model_names (of those that are installed, by identity), embedded (those that the archive
    carries: a list with model, an identity, and archive_size), methods, window (the largest of its
    members: how many literals back copies may reach), literals (bytes that are no copies),
    complete, and blocks: a list with start, raw_size, archive_size, method, model (identity of the
    one that it needs, None without need), filter (None where the payload names no known one),
    literals, copies (their number, None where they are damaged), origins (numbers of other blocks
    that they repeat) and crc32 of each. Blocks whose headers are wrong and those behind a fault are
    left out. Raises ArchiveError if no block is found.
    """
    if name == STDIN:
        raise ConfigError("a list needs a file that can be searched, not standard input")
    with open_source(place_of(name), replaces=False, searched=True) as source:
        return describe_file(cast(BinaryIO, source.file), label(name))


def describe_file(file: BinaryIO, name: str) -> tuple[dict[str, Any], ArchiveError | None]:
    """Return what :func:`describe` does, of an open file that can be searched."""
    with named(name):
        found = read_map(file)
        every, fault = _read_headers(file, found)
        carried = [place for place, header in every if header.method is Method.MODEL]
        headers = [each for each in every if each[1].method is not Method.MODEL]
        if fault is not None and not every:
            raise fault
        blocks = _blocks(file, headers)
    raw = sum(place.raw_size for place, _ in headers)
    by_header = [_hex(place.header.model_id) for place, _ in every]
    models = sorted({model for model in [*by_header, *(b["model"] for b in blocks)] if model})
    facts = {
        "name": name,
        "raw_size": raw,
        "archive_size": found.archive_size,
        "ratio": found.archive_size / raw if raw else None,
        "bits_per_byte": 8 * found.archive_size / raw if raw else None,
        "members": found.members,
        "models": models,
        "model_names": _names(models),
        "embedded": [
            {"model": _hex(place.header.model_id), "archive_size": place.size} for place in carried
        ],
        "methods": sorted({str(block["method"]) for block in blocks}),
        "window": max((place.header.window for place, _ in headers), default=0),
        "literals": sum(header.literal_size for _, header in headers),
        "complete": fault is None,
        "fault": None if fault is None else str(fault),
        "blocks": blocks,
    }
    if fault is not None:
        fault.args = (f"{name}: {fault}",)
    return facts, fault


def _blocks(file: BinaryIO, headers: list[tuple[BlockPlace, BlockHeader]]) -> list[dict[str, Any]]:
    """Return the facts about each block."""
    origins_of = Origins([place for place, _ in headers])
    # All of a block at once: a file behind a URL is read anew at each place.
    found = [
        (_filter(file, place, header), *_copies(file, place, header, number, origins_of))
        for number, (place, header) in enumerate(headers)
    ]
    return [
        {
            "start": place.start,
            "raw_size": place.raw_size,
            "archive_size": place.size,
            "method": header.method.label,
            "model": _hex(header.needed_model(place.header)),
            "filter": label,
            "literals": header.literal_size,
            "copies": count,
            "origins": origins,
            "crc32": f"{header.crc:08x}",
        }
        for (place, header), (label, count, origins) in zip(headers, found, strict=True)
    ]


def _hex(identity: bytes | None) -> str | None:
    return None if identity is None else identity.hex()


def _names(models: list[str]) -> dict[str, str]:
    """Return the names of those models that are installed, by identity."""
    if not models:
        return {}
    from .models import describe_models

    installed = {str(model["identity"]): str(model["name"]) for model in describe_models()}
    return {model: installed[model] for model in models if model in installed}


def _read_headers(
    file: BinaryIO, found: ArchiveMap
) -> tuple[list[tuple[BlockPlace, BlockHeader]], ArchiveError | None]:
    """Read the headers of all known blocks; returns the first fault too."""
    headers, fault = [], None
    for place in found.known:
        try:
            headers.append((place, read_block_header(file, place)))
        except ArchiveError as error:
            fault = fault or error
    return headers, fault or found.fault


def _copies(
    file: BinaryIO, place: BlockPlace, header: BlockHeader, number: int, origins: Origins
) -> tuple[int | None, list[int]]:
    """Return the number of copies in a block, and the blocks that they repeat."""
    try:
        copies = read_section(file, place, header)
        return len(copies), origins.of(number, copies)
    except ArchiveError:
        return None, []


def _filter(file: BinaryIO, place: BlockPlace, header: BlockHeader) -> str | None:
    """Return the label of a block's filter, which its payload names."""
    if header.method is Method.STORED:
        return PLAIN.label
    file.seek(place.position + place.size - header.coded_size)
    head = file.read(HEAD_SIZE)
    try:
        return read_transform(head[-1]).label if len(head) == HEAD_SIZE else None
    except ArchiveError:
        return None


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
    opened = open_source(place_of(name), replaces=False, searched=True)
    with opened as source, named(label(name)):
        file, limits = cast(BinaryIO, source.file), request.limits
        reader = BlockReader(
            file,
            coder.decoder,
            max_block=limits.max_block,
            room=coder.history_room,
            at_once=coder.threads,
            ahead_room=coder.blocks_room,
        )
        _write_range(reader, span, Stdout(), limits.max_output)


def _write_range(
    reader: BlockReader, span: tuple[int | None, int | None], out: Writer, limit: int | None
) -> None:
    """Write a slice of the contents, and at most ``limit`` bytes.

    The size of the contents, which is not known of an archive that is cut off, is asked for only
    where a bound counts from the end.
    """
    start, end = span[0] or 0, span[1]
    if start < 0 or (end is not None and end < 0):
        start, end, _ = slice(start, end).indices(reader.seek(0, os.SEEK_END))
    reader.seek(start)
    if end is not None:
        reader.expect(end)
    written = 0
    while end is None or start + written < end:
        data = reader.read(READ_SIZE if end is None else min(READ_SIZE, end - start - written))
        if not data:
            break
        written += len(data)
        if limit is not None and written > limit:
            raise OutputLimitError(
                f"the output would be larger than the limit of {limit} bytes",
                limit=limit,
                needed=written,
            )
        out.write(data)
    out.flush()


def print_table(entries: list[dict[str, Any]], *, verbose: bool) -> None:
    """Print the facts from :func:`describe` for people."""
    print(f"{'archive':>14} {'contents':>14} {'ratio':>7}  {'method':<15} {'model':<15} name")
    for entry in entries:
        note = "" if entry["complete"] else " (incomplete)"
        _print_row(entry, ",".join(entry["methods"]), _used(entry), entry["name"] + note)
        if verbose:
            _print_blocks(entry)
    if len(entries) > 1:
        sizes = {key: sum(entry[key] for entry in entries) for key in ("archive_size", "raw_size")}
        _print_row(sizes, "", "", f"{len(entries)} archives")


def _used(entry: dict[str, Any]) -> str:
    """Name the models that blocks of an archive need, and say which of them it carries."""
    needed = {block["model"] for block in entry["blocks"] if block["model"]}
    carried = {model["model"] for model in entry["embedded"]}
    notes = {model: " (embedded)" if model in carried else "" for model in needed}
    return ",".join(sorted(_named(entry, model) + notes[model] for model in needed))


def _named(entry: dict[str, Any], model: str) -> str:
    """Return the name of a model, or of one that is not installed the first digits."""
    return str(entry["model_names"].get(model, model[:SHORT]))


def _print_row(sizes: dict[str, Any], methods: str, models: str, name: str) -> None:
    archive, raw = sizes["archive_size"], sizes["raw_size"]
    ratio = f"{archive / raw:.1%}" if raw else "-"
    print(f"{archive:>14,} {raw:>14,} {ratio:>7}  {methods:<15} {models or '-':<15} {name}")


def _print_blocks(entry: dict[str, Any]) -> None:
    models = ", ".join(f"{model}{_note(entry, model)}" for model in entry["models"]) or "none"
    print(f"  members: {entry['members']}, models: {models}, window: {entry['window']:,}")
    for carried in entry["embedded"]:
        print(f"  carries model {carried['model']} in {carried['archive_size']:,} bytes")
    for number, block in enumerate(entry["blocks"]):
        print(
            f"  block {number}: start {block['start']:,}, {block['raw_size']:,} bytes in "
            f"{block['archive_size']:,}, {_way(entry, block)}, "
            f"crc32 {block['crc32']}{_repeats(block)}"
        )


def _note(entry: dict[str, Any], model: str) -> str:
    name = entry["model_names"].get(model)
    return f" ({name})" if name else " (not installed)"


def _repeats(block: dict[str, Any]) -> str:
    """Say how much of a block is copies, and from where."""
    if block["literals"] == block["raw_size"]:
        return ""
    copied = block["raw_size"] - block["literals"]
    of = ", ".join(map(str, block["origins"]))
    return f", {copied:,} of them in {block['copies']} copies" + (f" of blocks {of}" if of else "")


def _way(entry: dict[str, Any], block: dict[str, Any]) -> str:
    """Say how a block is coded: its method, its model and its filter if it has them."""
    model = f" with {_named(entry, block['model'])}" if block["model"] else ""
    own = block["filter"]
    changed = f", filter {own}" if own not in (None, PLAIN.label) else ""
    return f"{block['method']}{model}{changed}"
