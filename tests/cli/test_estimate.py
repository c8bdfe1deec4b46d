"""compress --estimate prints a table and writes nothing."""

from __future__ import annotations

import re

from tests.cli.conftest import TEXT
from tests.cli.test_conventions import folder


def test_a_table_and_no_file(real_nnc, tmp_path):
    (tmp_path / "text").write_bytes(TEXT[:20_000])
    shown = real_nnc("--estimate", "-1", "text")
    assert (shown.returncode, shown.stderr) == (0, b"")
    lines = shown.stdout.decode().splitlines()
    assert lines[0] == "1 file, 20,000 bytes"
    size = re.fullmatch(r"-1 +([\d,]+) +[\d.]+% +exact +0:\d\d", lines[2])[1]
    assert folder(tmp_path) == {"text"}
    assert real_nnc("-1", "text").returncode == 0
    assert int(size.replace(",", "")) == (tmp_path / "text.nnc").stat().st_size


def test_samples_say_what_they_do_not_see(real_nnc, tmp_path):
    (tmp_path / "text").write_bytes(TEXT)
    shown = real_nnc("compress", "--estimate", "-1", "text", "gone")
    assert shown.returncode == 1
    assert b"gone: No such file" in shown.stderr
    assert re.search(r"\n-1 +[\d,]+ +[\d.]+% +±\d+% +0:\d\d\n", shown.stdout.decode())
    assert b"repeats at long distance" in shown.stdout
    assert folder(tmp_path) == {"text"}


def test_what_cannot_be_read_in_parts_is_refused(real_nnc, tmp_path):
    assert b"needs files" in real_nnc("--estimate", data=b"text").stderr
    assert real_nnc("--estimate", "-").returncode == 1
    assert real_nnc("--estimate", ".").returncode == 2
    assert folder(tmp_path) == set()
