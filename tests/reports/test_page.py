from __future__ import annotations

import re
from html.parser import HTMLParser

from nncompress.reports import page

VOID = {"meta", "img", "br", "input"}
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


def test_comparison_is_escaped_too() -> None:
    sections = [(HOSTILE, [["nncompress", "1", "2"], ["xz", HOSTILE]])]
    body = page.comparison_body(sections, ["codec", "bytes", "ratio"], "notes")
    body += page.picture(b"<svg/>", HOSTILE)
    checker = check(page.page("comparison", body))
    assert [tag for tag, _ in checker.elements if tag == "script"] == []
