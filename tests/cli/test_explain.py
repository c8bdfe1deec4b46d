from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.models import write_model

BROWSER = next(
    (path for path in map(shutil.which, ("chromium", "google-chrome", "chrome")) if path), None
)
CONTENTS = "Grüße, <b>world</b> & </script><script>document.title = 'taken'</script>\n" * 3


@pytest.fixture
def page(real_nnc: Run, tmp_path: Path) -> Path:
    (tmp_path / "file.txt").write_text(CONTENTS, encoding="utf-8")
    model = write_model(tmp_path / "tiny.nncmodel")
    arguments = ("-m", model, "--method", "network+mixing", "--html", "page.html")
    result = real_nnc("explain", "file.txt", *arguments)
    assert result.returncode == 0, result.stderr
    return tmp_path / "page.html"


def browse(page: Path, fragment: str) -> tuple[str, str]:
    """The document after the scripts have run, and what the browser had to say."""
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu"]
    command += [f"--user-data-dir={page.parent / 'profile'}", "--enable-logging=stderr"]
    done = subprocess.run(
        [*command, "--dump-dom", page.as_uri() + fragment],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=True,
    )
    return done.stdout, done.stderr


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
def test_page_works_in_a_browser(page: Path) -> None:
    # A byte is chosen in the address; then a pointer comes over the sixth character.
    hover = "<script>document.querySelectorAll('#map span')[5].dispatchEvent("
    hover += "new MouseEvent('mouseover', {bubbles: true}))</script></body>"
    whole = page.read_text(encoding="utf-8")
    page.write_text(whole.replace("</body>", hover), encoding="utf-8")
    document, said = browse(page, "#byte=2")
    assert "CONSOLE" not in said  # no error of a script
    assert "<title>file.txt" in document
    drawn = re.search(r'id="map">(.*?)</div>', document, re.DOTALL)
    assert drawn
    # The text is all there, and none of it has become an element.
    shown = html.unescape(re.sub(r"</?span[^>]*>", "", drawn[1]))
    assert shown.replace("\u21b5", "") == CONTENTS
    assert set(re.findall(r"<(\w+)", drawn[1])) == {"span"}
    detail = re.search(r'id="detail".*?</div>', document, re.DOTALL)
    assert detail
    numbers = re.findall(r"byte (\d+)", detail[0])
    assert numbers == ["7"]  # after two characters that are not ASCII
    assert "network expected" in detail[0]
    assert "mixer expected" in detail[0]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
def test_address_chooses_a_byte(page: Path) -> None:
    document, said = browse(page, "#byte=3")
    assert "CONSOLE" not in said
    detail = re.search(r'id="detail".*?</div>', document, re.DOTALL)
    assert detail
    assert re.findall(r"byte (\d+)", detail[0]) == ["2", "3"]  # both of one character


def test_existing_pages_are_kept(real_nnc: Run, page: Path) -> None:
    before = page.read_bytes()
    result = real_nnc("explain", "file.txt", "--html", page, "-m", "tiny.nncmodel")
    assert result.returncode == 1
    assert b"already exists" in result.stderr
    assert page.read_bytes() == before


def test_only_the_first_bytes_of_a_large_file(real_nnc: Run, tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"0123456789" * 100)
    arguments = ("--method", "mixing", "--bytes", "50", "--html", "page.html")
    result = real_nnc("explain", "long", *arguments)
    assert result.returncode == 0, result.stderr
    assert b"only the first 50 bytes" in result.stderr
    assert "<p>50 bytes" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_bad_input(real_nnc: Run, tmp_path: Path) -> None:
    for arguments in (("absent", "--html", "p.html"), ("page", "--html", "no/p.html")):
        (tmp_path / "page").write_bytes(b"some text")
        result = real_nnc("explain", *arguments, "--method", "mixing")
        assert result.returncode == 1
        assert result.stderr.count(b"\n") == 1
    assert not (tmp_path / "p.html").exists()
