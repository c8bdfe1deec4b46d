from __future__ import annotations

import base64
import csv
import json
import re
import zlib
from typing import Any

import numpy as np
import pytest

from nncompress.reports.explain import Copied, Surprise
from nncompress.reports.passages import PASSAGE, find_passages, find_shares, is_binary
from nncompress.reports.surprise_csv import csv_lines
from nncompress.reports.surprise_page import surprise_page
from tests.reports.surprises import surprise
from tests.reports.test_page import HOSTILE, check

COPY = Copied(start=1000, size=500, source=100, bits=40.0)


def numbers(html: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The facts in a page, and its arrays."""
    facts = re.search(r'id="facts">(.*?)</script>', html)
    assert facts
    found = re.findall(r'id="array-([\w-]+)">([^<]*)</script>', html)
    return json.loads(facts[1]), {
        name: zlib.decompress(base64.b64decode(text)) for name, text in found
    }


@pytest.mark.parametrize("data", [HOSTILE.encode() * 3, b"\x00<b>" * 50, b"x", b"\xff\xfe<" * 9])
@pytest.mark.parametrize("network", [True, False])
def test_nothing_of_a_file_becomes_markup(data: bytes, network: bool) -> None:
    checker = check(surprise_page(HOSTILE, surprise(data, network)))
    scripts = [attributes.get("type") for tag, attributes in checker.elements if tag == "script"]
    assert set(scripts[:-1]) == {"application/json", "text/plain"}
    assert scripts[-1] is None  # the page's own, the only one that runs
    assert {"b", "img"}.isdisjoint(tag for tag, _ in checker.elements)


def test_page_holds_the_bytes_and_their_costs() -> None:
    data = "grün\n".encode() * 50
    found = surprise(data)
    facts, arrays = numbers(surprise_page("title", found))
    assert arrays["data"] == data
    assert {name: len(array) for name, array in arrays.items()} == facts["sizes"]
    for name, costs in (("coded", found.coded), ("network", found.notes.network)):
        codes = np.frombuffer(arrays[name], np.uint8)
        assert 2 ** (codes / facts["scale"]) - 1 == pytest.approx(costs, rel=0.02, abs=0.02)
    assert facts["hex"] is False


def test_what_was_expected_is_kept_where_a_byte_cost_something() -> None:
    found = surprise(b"some text " * 30)
    facts, arrays = numbers(surprise_page("title", found))
    kept = int((np.frombuffer(arrays["coded"], np.uint8) >= facts["least"]).sum())
    assert 0 < kept < len(found.data)
    assert facts["kept"] == kept
    columns = np.frombuffer(arrays["mixer"], np.uint8).reshape(6, kept)
    assert (columns[::2] == 66).all()
    assert (columns[1::2] == 30).all()
    assert (np.frombuffer(arrays["network-top"], np.uint8).reshape(6, kept)[::2] == 65).all()


def test_what_had_no_part_is_not_there() -> None:
    facts, arrays = numbers(surprise_page("title", surprise(b"some text " * 30, network=False)))
    assert facts["names"] == ["the mixer"]
    assert not {"network", "network-top"} & set(arrays)


def test_page_of_an_empty_file_says_so() -> None:
    html = surprise_page("empty", surprise(b""))
    check(html)
    assert "The file is empty." in html


def test_page_grows_by_a_few_bytes_for_each_of_the_file() -> None:
    short, long = (
        len(surprise_page("title", surprise(np.random.default_rng(0).bytes(size))))
        for size in (10_000, 110_000)
    )
    assert long - short < 14 * 100_000


@pytest.mark.parametrize(
    ("data", "binary"),
    [(b"text", False), (b"a\0b", True), (b"caf\xe9 " * 2 + b"x" * 60, False), (b"\xff" * 9, True)],
)
def test_binary_files_are_shown_in_hexadecimal(data: bytes, binary: bool) -> None:
    assert is_binary(data) is binary


def test_passages_are_the_extremes() -> None:
    data = b"0123456789" * 300
    found = surprise(data)
    worst, best = (find_passages(found, worst=worst) for worst in (True, False))
    assert worst[0].end > len(data) - PASSAGE
    assert best[0].start == 0
    for passage in (*worst, *best):
        assert passage.bits == pytest.approx(found.coded[passage.start : passage.end].sum())
    assert [p.bits for p in worst] == sorted((p.bits for p in worst), reverse=True)
    assert [p.bits for p in best] == sorted(p.bits for p in best)


def test_passages_do_not_begin_inside_a_character() -> None:
    data = "\u0448\u0438\u0440\u043e\u043a".encode() * 200
    for passage in find_passages(surprise(b"x" + data), worst=True):
        (b"x" + data)[passage.start : passage.end].decode()  # raises where one is cut


def test_copies_are_no_cheap_passages_but_have_a_table() -> None:
    found = surprise(b"0123456789" * 300, copies=(COPY,))
    for passage in find_passages(found, worst=False):
        assert not found.is_copied[passage.start : passage.end].any()
    html = surprise_page("title", found)
    assert "Longest copies" in html
    assert '<a href="#byte=1000">1,000</a>' in html
    assert '<a href="#byte=100">100</a>' in html


@pytest.mark.parametrize("copies", [(), (COPY,)])
def test_shares_divide_the_file(copies: tuple[Copied, ...]) -> None:
    found = surprise(b"0123456789A" * 300, copies=copies)
    shares = find_shares(found)
    assert sum(share.count for share in shares) == len(found.data)
    assert sum(share.bits for share in shares) == pytest.approx(found.coded.sum())
    for share in shares:
        assert share.asked in (0, share.count)
        assert share.alone == pytest.approx(2 * share.mixed)


def rows(found: Surprise) -> list[dict[str, str]]:
    text = b"".join(csv_lines(found)).decode()
    return list(csv.DictReader(text.splitlines()))


def test_csv_has_a_line_for_every_byte() -> None:
    found = surprise(b"0123456789" * 4000, copies=(COPY,))
    table = rows(found)
    assert [int(row["position"]) for row in table] == list(range(len(found.data)))
    assert bytes(int(row["byte"]) for row in table) == found.data
    bits = np.array([float(row["bits"]) for row in table])
    assert bits == pytest.approx(found.coded, abs=1e-4)
    assert table[0]["matched_byte"] == "65"
    assert table[1]["matched_byte"] == table[1]["match_length"] == ""
    assert table[0]["mixer_1"] == "66"
    assert float(table[0]["mixer_1_chance"]) == pytest.approx(0.3)
    assert table[0]["copied_from"] == ""
    assert (table[1001]["copied_from"], table[1001]["network_bits"]) == ("101", "")
