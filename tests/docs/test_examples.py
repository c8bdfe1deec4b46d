"""The Python examples of the pages run, where the libraries that they import are installed."""

from __future__ import annotations

import ast
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import nncompress.pipeline.coder
from tests.children import ROOT
from tests.fakes import ZlibCodec

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Name each example after the page and the libraries that it needs."""
    found = []
    for page in ("guide.md", "integrations.md"):
        for code in BLOCK.findall((ROOT / "docs" / page).read_text("utf-8")):
            found.append((f"{page} {' '.join(sorted(libraries(code)))}", code))
    return found


def libraries(code: str) -> set[str]:
    """The packages that an example imports, besides Python's and this one."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    tops = {name.partition(".")[0] for name in names}
    return tops - {"nncompress"} - sys.stdlib_module_names | (
        {"fsspec"} if "memory://" in code else set()
    )


EXAMPLES = examples()


@pytest.mark.parametrize("code", [code for _, code in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_examples_do_what_they_say(code, tmp_path, monkeypatch):
    for name in sorted(libraries(code)):
        if find_spec(name) is None:
            pytest.skip(f"needs {name}")
    monkeypatch.setattr(nncompress.pipeline.coder, "_open_codec", lambda options: ZlibCodec())
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})


def test_mime_and_magic_are_those_of_the_format():
    format_page = (ROOT / "FORMAT.md").read_text("utf-8")
    (digits,) = re.findall(r"signature \| `([0-9A-F ]+)`", format_page)
    signature = bytes.fromhex(digits)
    for name, pattern in [
        ("nncompress.xml", r'type="string" offset="0" value="([^"]+)"'),
        ("nncompress.magic", r"^0\tstring\t(\S+)"),
    ]:
        (value,) = re.findall(pattern, mime(name), re.MULTILINE)
        assert value.encode("latin-1").decode("unicode_escape").encode("latin-1") == signature
    assert signature == nncompress.compress(b"", method="stored")[:3]
    assert 'type="application/x-nncompress"' in mime("nncompress.xml")
    assert "!:mime\tapplication/x-nncompress\n" in mime("nncompress.magic")


def mime(name: str) -> str:
    return (ROOT / "docs" / "mime" / name).read_text("utf-8")


def test_the_file_command_knows_archives(tmp_path):
    import shutil
    import subprocess

    if (program := shutil.which("file")) is None:
        pytest.skip("needs the command 'file'")
    path = Path(tmp_path, "x")
    path.write_bytes(nncompress.compress(b"some text", method="stored"))
    magic = ROOT / "docs" / "mime" / "nncompress.magic"
    for options, wanted in [("-b", "nncompress archive, version 1"), ("-bi", "x-nncompress;")]:
        done = subprocess.run(
            [program, options, "-m", magic, path], capture_output=True, text=True, check=True
        )
        assert wanted in done.stdout
