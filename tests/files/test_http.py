"""Commands with the URLs of an HTTP server on this machine."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import nncompress
from tests.children import environment

pytest.importorskip("fsspec", reason="needs nncompress[remote]")
pytest.importorskip("aiohttp", reason="needs aiohttp, for http:// and https://")

NOISE = random.Random(7).randbytes(600_000)


class Handler(SimpleHTTPRequestHandler):
    """Sends files, and parts of those below /parts."""

    sent = 0

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted is None or not self.path.startswith("/parts/"):
            with suppress(ConnectionError):  # the reader may have enough of it
                super().do_GET()
            return
        start, end = int(wanted[1]), int(wanted[2]) + 1
        data = Path(self.translate_path(self.path)).read_bytes()
        part = data[start:end]
        Handler.sent += len(part)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "srv" / "parts").mkdir(parents=True)
    (tmp_path / "srv" / "whole").mkdir()
    Handler.sent = 0
    handler = partial(Handler, directory=str(tmp_path / "srv"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def served(nnc, tmp_path, server) -> str:
    """Put an archive of several blocks on the server."""
    (tmp_path / "noise").write_bytes(NOISE)
    assert nnc("-o", "srv/parts/noise.nnc", "noise").status == 0
    for folder in ("parts", "whole"):
        (tmp_path / "srv" / folder / "noise").write_bytes(NOISE)
    whole = tmp_path / "srv" / "whole" / "noise.nnc"
    whole.write_bytes((tmp_path / "srv" / "parts" / "noise.nnc").read_bytes())
    return server


def test_archives_of_a_server_are_read(nnc, served, tmp_path):
    assert nnc("-dc", f"{served}/whole/noise.nnc").out == NOISE
    assert nnc("test", f"{served}/parts/noise.nnc").status == 0
    assert nnc("-d", "-o", "back", f"{served}/parts/noise.nnc?version=2").status == 0
    assert (tmp_path / "back").read_bytes() == NOISE
    assert nncompress.decompress(nnc("-c", f"{served}/parts/noise").out) == NOISE


def test_parts_of_them_too(nnc, served):
    (entry,) = json.loads(nnc("list", "--json", f"{served}/parts/noise.nnc").out)
    assert entry["raw_size"] == len(NOISE)
    assert len(entry["blocks"]) > 4
    Handler.sent = 0
    done = nnc("cat", "--range", "300000:300010", f"{served}/parts/noise.nnc")
    assert done.out == NOISE[300_000:300_010]
    assert 0 < Handler.sent < len(NOISE) / 3


def test_a_file_in_a_zip_file_there(nnc, served, tmp_path):
    with zipfile.ZipFile(tmp_path / "srv" / "parts" / "all.zip", "w") as together:
        together.write("noise", "in/noise")
    chain = f"::{served}/parts/all.zip"
    assert nnc("-o", "made.nnc", f"zip://in/noise{chain}").status == 0
    assert nncompress.decompress(Path("made.nnc").read_bytes()) == NOISE
    Path("out").mkdir()
    assert nnc("-r", "-o", "out", f"zip://{chain}").status == 0
    assert [path.name for path in Path("out").iterdir()] == ["noise.nnc"]
    assert "use -o or -c" in nnc(f"zip://in/noise{chain}").said
    missing = nnc("-c", f"zip://in/noise::{served}/parts/none.zip").said
    assert missing.endswith("parts/none.zip: No such file or directory\n")


def test_a_server_that_sends_no_parts_is_reported(nnc, served, tmp_path):
    Path("noise").unlink()
    done = nnc("list", f"{served}/whole/noise.nnc")
    (line,) = done.said.splitlines()
    assert done.status == 1
    assert "the server does not send parts of files; simplecache::URL fetches it" in line
    whole = f"simplecache::{served}/whole/noise.nnc"
    assert nnc("cat", "--range", "7:11", whole).out == NOISE[7:11]
    assert nnc("-d", "-o", ".", whole).status == 0
    assert Path("noise").read_bytes() == NOISE
    command = [sys.executable, "-m", "tests.nnc", "list", whole]
    Path("own").mkdir()
    subprocess.run(command, check=True, env=environment(TMPDIR=str(tmp_path / "own"), TEMP="own"))
    assert [*Path("own").iterdir()] == []  # nor does a copy of it stay


@pytest.mark.parametrize("option", [[], ["--rm", "-o", "made"]])
def test_nothing_is_written_or_deleted_there(nnc, served, tmp_path, option):
    done = nnc(*option, f"{served.replace('//', '//user:word@')}/parts/noise?key=word")
    (line,) = done.said.splitlines()
    assert done.status == 1
    assert ("no file can be deleted there" if option else "use -o or -c") in line
    assert "word" not in line
    assert (tmp_path / "srv" / "parts" / "noise").exists()


def test_what_a_server_does_not_have_is_missing(nnc, served):
    done = nnc("-c", f"{served}/parts/nothing", "http://127.0.0.1:1/x")
    first, second = done.said.splitlines()
    assert done.status == 1
    assert first.endswith("/parts/nothing: No such file or directory")
    assert "Cannot connect" in second
