"""What the script of the map does, in a browser."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from nncompress.reports.explain import Copied
from nncompress.reports.surprise_page import surprise_page
from tests.browser import Opened, browse, needs_browser
from tests.reports.surprises import surprise

pytestmark = needs_browser

HOSTILE = "Grüße, <b>world</b> & </script><script>document.title = 'taken'</script>\n"
KEY = "map.dispatchEvent(new KeyboardEvent('keydown', {key: '%s'}));"
PRESS = "const map = document.getElementById('map');"


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def]
    def write(data: bytes, **settings: object) -> Path:
        path = tmp_path / "page.html"
        page = surprise_page("a file", surprise(data, **settings))  # type: ignore[arg-type]
        path.write_text(page, encoding="utf-8")
        return path

    return write


def open_page(page: Path, fragment: str = "", first: str = "", then: str = "") -> Opened:
    """Open a page whose script must run to its end, without errors."""
    opened = browse(page, fragment, first, then)
    assert "CONSOLE" not in opened.said
    assert 'data-ready="yes"' in opened.document
    return opened


def shown_rows(opened: Opened) -> list[str]:
    """The texts of the rows in the document."""
    found = re.search(r'id="rows"[^>]*>(.*?)</div></div><?', opened.document, re.DOTALL)
    assert found
    rows = re.findall(r'<div class="row"[^>]*>(.*?)(?=<div class="row"|$)', found[1], re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]*>", "", row)) for row in rows]


def chosen(opened: Opened) -> list[str]:
    """The bytes that the panel tells about."""
    return re.findall(r"<h3>Byte ([\d,]+(?: to [\d,]+)?):", opened.inside("detail"))


def marked(opened: Opened) -> int:
    """How many characters are marked as the one that is chosen."""
    return len(re.findall(r'<span class="\w+ chosen"', opened.document))


def test_text_is_shown_and_none_of_it_is_markup(write) -> None:  # type: ignore[no-untyped-def]
    opened = open_page(write((HOSTILE * 3).encode()))
    assert "<title>a file</title>" in opened.document
    assert "".join(shown_rows(opened)).replace("\u21b5", "\n") == HOSTILE * 3


@pytest.mark.parametrize("first", ["", "delete window.DecompressionStream;"])
def test_address_chooses_a_character(write, first) -> None:  # type: ignore[no-untyped-def]
    data = (HOSTILE * 30).encode()
    place = data.rindex("ü".encode())
    opened = open_page(write(data), f"#byte={place + 1}", first)
    assert chosen(opened) == [f"{place:,} to {place + 1:,}"]  # both bytes of one character
    assert "the mixer expected B 30%" in opened.inside("detail")
    assert "the network expected A 25%" in opened.inside("detail")
    assert marked(opened) == 1


def test_only_the_rows_that_can_be_seen_are_in_the_document(write) -> None:  # type: ignore[no-untyped-def]
    lines = [b"line %d of a long text\n" % number for number in range(20_000)]
    place = sum(map(len, lines[:15_000]))
    page = write(b"".join(lines))
    start, middle = open_page(page), open_page(page, f"#byte={place}")
    assert shown_rows(start)[0] == "line 0 of a long text\u21b5"
    assert "line 15000 of a long text\u21b5" in shown_rows(middle)
    assert chosen(middle) == [f"{place:,}"]
    assert start.elements < 8000
    assert middle.elements < 8000


def test_more_rows_than_a_page_can_be_high(write) -> None:  # type: ignore[no-untyped-def]
    page = write(b"\n" * 499_999 + b"z")
    assert shown_rows(open_page(page, "#byte=499999"))[-1] == "z"
    middle = open_page(page, "#byte=250000")
    assert chosen(middle) == ["250,000"]
    assert marked(middle) == 1


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (["ArrowRight", "ArrowRight"], "12"),
        (["ArrowLeft"], "9"),
        (["ArrowDown", "ArrowDown", "ArrowUp"], "20"),
        (["End"], "1,999"),
        (["End", "Home", "ArrowRight"], "1"),
    ],
)
def test_keys_move(write, keys, place) -> None:  # type: ignore[no-untyped-def]
    page = write(b"012345678\n" * 200)
    opened = open_page(page, "#byte=10", then=PRESS + "".join(KEY % key for key in keys))
    assert chosen(opened) == [place]


def test_keys_find_what_cost_much(write) -> None:  # type: ignore[no-untyped-def]
    page = write(b"012345678\n" * 200)
    places = [
        int(
            chosen(open_page(page, "#byte=10", then=PRESS + "".join(KEY % key for key in keys)))[
                0
            ].replace(",", "")
        )
        for keys in (["n"], ["n", "n"], ["n", "n", "p"])
    ]
    costs = surprise(b"012345678\n" * 200).coded
    assert costs[places[0]] == pytest.approx(8, rel=0.02)
    assert places == [places[0], places[0] + 1, places[0]]


def test_form_and_slider_and_search_move(write) -> None:  # type: ignore[no-untyped-def]
    page = write(b"012345678\n" * 100 + b"needle " + b"012345678\n" * 100)
    go = (
        "document.getElementById('byte').value = 55; document.getElementById('go').requestSubmit();"
    )
    assert chosen(open_page(page, then=go)) == ["55"]
    slide = "const place = document.getElementById('place'); place.value = 1500;"
    slide += "place.dispatchEvent(new Event('input'));"
    assert chosen(open_page(page, then=slide)) == ["1,500"]
    find = "document.getElementById('words').value = 'needle';"
    find += "document.getElementById('search').requestSubmit();"
    opened = open_page(page, then=find)
    assert chosen(opened) == ["1,000"]
    assert "byte 1,000" in opened.document


def test_curve_can_be_clicked(write) -> None:  # type: ignore[no-untyped-def]
    click = "const chart = document.getElementById('chart'), box = chart.getBoundingClientRect();"
    click += "chart.setPointerCapture = () => {};"
    click += "chart.dispatchEvent(new PointerEvent('pointerdown', "
    click += "{clientX: box.left + box.width / 2, buttons: 1}));"
    opened = open_page(write(b"012345678\n" * 1000), then=click)
    assert len(chosen(opened)) == 1
    assert 4900 <= int(chosen(opened)[0].replace(",", "")) <= 5100


def test_binary_data_are_rows_of_hexadecimal(write) -> None:  # type: ignore[no-untyped-def]
    opened = open_page(write(bytes(range(256)) * 8), "#byte=65")
    rows = shown_rows(opened)
    assert "00000040" in rows[4]
    assert "404142434445464748494a4b4c4d4e4f" in rows[4].replace(" ", "")
    assert "@ABCDEFGHIJKLMNO" in rows[4]
    assert chosen(opened) == ["65"]


def test_control_characters_can_be_seen(write) -> None:  # type: ignore[no-untyped-def]
    data = "a\x07b\x1b[31m\tc \u202e evil \u65e5\u672c\u8a9e \u0939\u093f\u0928\n".encode()
    shown = "".join(shown_rows(open_page(write(data * 3 + b"\xff"))))
    assert "a\\x07b\\x1b[31m\u2192" in shown
    assert "\\u202e" in shown
    assert "\u65e5\u672c\u8a9e" in shown
    assert "\\xff" in shown
    assert "\u202e" not in shown


def test_copied_bytes_say_where_from(write) -> None:  # type: ignore[no-untyped-def]
    copy = Copied(start=1000, size=500, source=100, bits=40.0)
    opened = open_page(write(b"0123456789" * 300, copies=(copy,)), "#byte=1200")
    assert "copied: 500 bytes from byte 100 on" in opened.inside("detail")


def test_colours_show_what_is_asked_for(write) -> None:  # type: ignore[no-untyped-def]
    page = write(b"012345678\n" * 200)
    change = "const shown = document.getElementById('shown'); shown.value = 'gain';"
    change += "shown.dispatchEvent(new Event('change'));"
    assert 'class="g' not in open_page(page).inside("rows")
    assert 'class="g' in open_page(page, then=change).document
