from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from nncompress.reports import page
from nncompress.reports.explain import Likeliest, Surprise

VOID = {"meta", "img", "br"}
HOSTILE = "</script><script>alert(1)</script> & <img src=x onerror=alert(2)> \x07 'q' \"d\""


class Checker(HTMLParser):
    """Fails on elements that are not closed in order; collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    for tag, attributes in checker.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:")), (tag, attributes)
    assert html.isprintable() or set(re.findall(r"[\x00-\x1f\x7f]", html)) <= {"\n"}
    return checker


def surprise(data: bytes, network: bool = True) -> Surprise:
    size = len(data)
    costs = np.linspace(0.1, 9.0, size)
    return Surprise(
        data,
        costs,
        np.full((size, 8), 0.5),
        costs * 2 if network else None,
        Likeliest(np.full((size, 3), 65, dtype=np.uint8), np.full((size, 3), 0.25)),
        Likeliest(np.full((size, 3), 66, dtype=np.uint8), np.full((size, 3), 0.3)),
        ("network+mixing",),
    )


def whole(data: bytes, title: str = "title", network: bool = True) -> str:
    return page.page(title, page.surprise_body(surprise(data, network)), page.surprise_script())


@pytest.mark.parametrize("data", [HOSTILE.encode() * 3, b"\x00<b>" * 50, b"x", b"\xff\xfe<" * 9])
@pytest.mark.parametrize("network", [True, False])
def test_nothing_of_a_file_becomes_markup(data: bytes, network: bool) -> None:
    checker = check(whole(data, title=HOSTILE, network=network))
    scripts = [attributes for tag, attributes in checker.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "facts"}, {}]
    assert "b" not in {tag for tag, _ in checker.elements}


def test_page_holds_the_bytes_and_their_costs() -> None:
    data = "grün\n".encode() * 5
    found = re.search(r'id="facts">(.*?)</script>', whole(data))
    assert found
    facts = json.loads(found[1])
    arrays = {name: base64.b64decode(text) for name, text in facts["arrays"].items()}
    assert arrays["data"] == data
    assert list(arrays["units"]) == [1, 1, 2, 1, 1] * 5
    costs = np.frombuffer(arrays["coded"], dtype="<u2") / facts["unit"]
    assert costs == pytest.approx(surprise(data).coded, abs=1e-3)
    assert facts["hex"] is False


def test_empty_file() -> None:
    check(page.page("empty", page.surprise_body(surprise(b""))))


@pytest.mark.parametrize(
    ("data", "binary"),
    [(b"text", False), (b"a\0b", True), (b"caf\xe9 " * 2 + b"x" * 60, False), (b"\xff" * 9, True)],
)
def test_binary_files_are_shown_in_hexadecimal(data: bytes, binary: bool) -> None:
    assert page.is_binary(data) is binary
    assert sum(page.units(data)) == len(data)


@pytest.mark.parametrize("data", [b"one\ntwo\r\nthree", b"\0" * 130])
def test_lines_cover_the_data_and_its_cost_once(data: bytes) -> None:
    found = page.lines(surprise(data))
    assert b"".join(piece for _, piece, _ in found) == data
    assert [start for start, _, _ in found] == [0, *np.cumsum([len(p) for _, p, _ in found])[:-1]]
    assert sum(bits for _, _, bits in found) == pytest.approx(surprise(data).coded.sum())


def test_comparison_is_escaped_too() -> None:
    sections = [(HOSTILE, [["nncompress", "1", "2"], ["xz", HOSTILE]])]
    body = page.comparison_body(sections, ["codec", "bytes", "ratio"], "notes")
    body += page.picture(b"<svg/>", HOSTILE)
    checker = check(page.page("comparison", body))
    assert [tag for tag, _ in checker.elements if tag == "script"] == []
