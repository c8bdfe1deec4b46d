"""``nncompress warm-up`` compiles all that commands need, once, and says where it is."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.children import environment
from tests.cli.conftest import Run, command
from tests.golden.cases import MODEL, TEXT


def kernels(cache: Path) -> set[Path]:
    return set(cache.rglob("*.nbc"))


def test_nothing_is_left_to_compile(real_nnc: Run, tmp_path):
    cache = tmp_path / "cache"
    own = {"NUMBA_CACHE_DIR": str(cache)}
    first = subprocess.run(  # without a limit: it compiles everything
        command("warm-up", module="nncompress"), capture_output=True, env=environment(**own)
    )
    assert (first.returncode, first.stderr) == (0, b"")
    made = kernels(cache)
    (folder,) = (cache / "nncompress").glob("kernels-*")
    assert re.fullmatch(
        rf"{re.escape(str(folder))}: {len(made)} kernels, [\d,]+ bytes; \d+ compiled in \d+ s\n",
        first.stdout.decode(),
    )
    again = real_nnc("warm-up", **own)
    assert again.stdout.decode().endswith("; none was new\n")
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
        done = real_nnc(*words, **own)
        assert done.returncode == 0, done.stderr.decode()
        assert kernels(cache) == made, words


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes of POSIX")
def test_a_folder_that_cannot_keep_them_is_an_error(real_nnc: Run, tmp_path):
    (tmp_path / "file").touch()
    done = real_nnc("warm-up", NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"nncompress: compiled kernels cannot be kept: ")
