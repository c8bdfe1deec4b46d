"""The kind of a block's data, from which mixing alone takes its profile."""

from __future__ import annotations

import io
import random
import tarfile

from nncompress.coding.kinds import kind_of
from nncompress.mixing.profiles import Kind

WORDS = [b"a", b"text", b"of", b"words", b"and", b"lines", b"that", b"differ\n"]


def text(size: int, seed: int) -> bytes:
    chance = random.Random(seed)
    return b" ".join(chance.choice(WORDS) for _ in range(size))


def test_a_tar_of_texts_is_text():
    """Though a tenth of it and more are zeros, between its files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(500):
            entry = tarfile.TarInfo(f"folder/{number}.txt")
            data = text(600, number)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    assert out.getvalue().count(b"\0") > len(out.getvalue()) // 10
    assert kind_of(out.getvalue())[0] is Kind.TEXT


def test_zeros_among_other_bytes_are_no_text():
    chance = random.Random(0)
    numbers = b"".join(chance.randrange(5000).to_bytes(4, "little") for _ in range(9000))
    assert kind_of(numbers)[0] in (Kind.BINARY, Kind.RECORDS)
    assert kind_of(text(9000, 1).decode().encode("utf-16-le"))[0] is not Kind.TEXT


def test_bytes_that_are_mostly_zeros_are_no_text():
    page = b"".join(word + bytes(40) for word in text(5000, 2).split())
    assert kind_of(page)[0] is not Kind.TEXT
