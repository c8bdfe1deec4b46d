"""``nncompress warm-up`` compiles all that commands need, once, and says where it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nncompress.machine.jit import cache_folder
from tests.children import environment
from tests.cli.conftest import Run
from tests.golden.cases import MODEL, TEXT

# Runs a command, and appends to a file the kernels that it takes from the cache or compiles.
NOTED = """
import sys
from nncompress.cli.app import main
from nncompress.machine.kernel_cache import KernelCache

load, notes = KernelCache.load_overload, open(sys.argv.pop(1), "a", buffering=1)

def noted(cache, signature, context):
    notes.write(f"{cache._impl.filename_base} {signature}\\n")
    return load(cache, signature, context)

KernelCache.load_overload = noted
main()
"""


def run(folder: Path, *words: str | Path) -> tuple[str, set[str]]:
    """Run a command; return what it prints, and the kernels that it used."""
    notes = folder / "notes"
    notes.write_bytes(b"")
    done = subprocess.run(  # without a limit: it may compile everything
        [sys.executable, "-c", NOTED, notes, *words],
        capture_output=True,
        cwd=folder,
        env=environment(),
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="replace"), set(notes.read_text().splitlines())


def test_nothing_is_left_to_compile(tmp_path):
    said, warm = run(tmp_path, "warm-up")
    assert re.fullmatch(
        rf"{re.escape(str(cache_folder()))}: \d+ kernels, [\d,]+ bytes; "
        r"(none was new|\d+ compiled in \d+ s)\n",
        said,
    )
    assert len(warm) > 10
    said, _ = run(tmp_path, "warm-up")
    assert said.endswith("; none was new\n")
    (tmp_path / "text").write_bytes(TEXT)
    for words in (
        ["compress", "-k", "-m", MODEL, "--method", "network+mixing", "text"],
        ["decompress", "-m", MODEL, "-c", "text.nnc"],
        ["compress", "-kf", "-1", "text"],
        ["compress", "-kf", "-m", MODEL, "--method", "network", "text"],
        ["test", "-m", MODEL, "text.nnc"],
        ["explain", "-m", MODEL, "--html", "page.html", "text"],
        ["eval", "-m", MODEL, "text"],
        ["generate", "-m", MODEL, "-n", "2"],
    ):
        _, used = run(tmp_path, *words)
        assert used, words
        assert used <= warm, words


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes of POSIX")
def test_a_folder_that_cannot_keep_them_is_an_error(real_nnc: Run, tmp_path):
    (tmp_path / "file").touch()
    done = real_nnc("warm-up", NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"nncompress: compiled kernels cannot be kept: ")
