from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tests.browser import browse, needs_browser
from tests.cli.conftest import Run
from tests.models import write_model

CONTENTS = "Grüße, <b>world</b> & </script><script>document.title = 'taken'</script>\n" * 3


@pytest.fixture
def page(real_nnc: Run, tmp_path: Path) -> Path:
    (tmp_path / "file.txt").write_text(CONTENTS, encoding="utf-8")
    model = write_model(tmp_path / "tiny.nncmodel")
    arguments = ("-m", model, "--method", "network+mixing", "--html", "page.html")
    result = real_nnc("explain", "file.txt", *arguments)
    assert result.returncode == 0, result.stderr
    return tmp_path / "page.html"


@needs_browser
def test_page_works_in_a_browser(page: Path) -> None:
    opened = browse(page, "#byte=3")
    assert "CONSOLE" not in opened.said  # no error of a script
    assert "<title>file.txt" in opened.document
    assert re.findall(r"Byte (\d+ to \d+)", opened.inside("detail")) == ["2 to 3"]
    assert "network alone" in opened.inside("detail")


def test_csv_has_every_byte_and_adds_up_to_the_page(real_nnc: Run, tmp_path: Path) -> None:
    data = CONTENTS.encode() * 20
    (tmp_path / "file.txt").write_bytes(data)
    arguments = ("--method", "mixing", "--html", "page.html", "--csv", "costs.csv")
    result = real_nnc("explain", "file.txt", *arguments)
    assert result.returncode == 0, result.stderr
    with (tmp_path / "costs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert bytes(int(row["byte"]) for row in rows) == data
    total = sum(float(row["bits"]) for row in rows) / 8
    said = re.search(r"([\d,]+) after compression", (tmp_path / "page.html").read_text("utf-8"))
    assert said
    assert abs(total - int(said[1].replace(",", ""))) <= 1


def test_without_a_result_nothing_is_done(real_nnc: Run, tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("text")
    result = real_nnc("explain", "file.txt")
    assert result.returncode == 1
    assert b"--html" in result.stderr
    assert b"--csv" in result.stderr


def test_a_table_in_the_way_is_found_before_the_page_is_written(
    real_nnc: Run, tmp_path: Path
) -> None:
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "costs.csv").write_text("kept")
    arguments = ("--method", "mixing", "--html", "page.html", "--csv", "costs.csv")
    assert real_nnc("explain", "file.txt", *arguments).returncode == 1
    assert (tmp_path / "costs.csv").read_text() == "kept"
    assert not (tmp_path / "page.html").exists()


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
