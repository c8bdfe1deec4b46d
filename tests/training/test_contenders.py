"""What benchmarks compare: more peers, our own levels side by side, and the table of sizes."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pytest

from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.reports.compare import Trial
from tests.children import ROOT
from tests.scripts import benchmark


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("peers", monkeypatch)


def test_own_methods_run_at_every_level_and_others_once(peers: ModuleType) -> None:
    found, absent = peers.contenders(
        ["nncompress", "xz", "bzip3", "kanzi"], [1, 3], CodingOptions("quick"), 5.0
    )
    assert absent == []
    assert [contender.name for contender in found] == [
        "nncompress -1",
        "nncompress -3",
        "xz -9e",
        "bzip3",
        "kanzi -9",
    ]
    assert found[1].settings.options == CodingOptions("quick", 3)
    assert {contender.settings.seconds for contender in found} == {5.0}


def test_without_names_what_is_not_here_does_not_run(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found, absent = peers.contenders([], [], CodingOptions(), 5.0)
    names = [contender.name for contender in found]
    assert names[:2] == ["nncompress", "nncompress mixing"]
    assert "bzip3" not in names
    assert "zpaq -m5" in absent
    with pytest.raises(ConfigError, match="no codec 'rar'"):
        peers.contenders(["bzip3", "rar"], [], CodingOptions(), 5.0)


@pytest.mark.parametrize(
    ("restore", "error"),
    [
        ("zlib.decompress", None),
        ("zlib.decompressobj", "ended with status 1"),
        ("bytes.upper", "did not restore the file"),
    ],
)
def test_a_peer_of_the_benchmarks_runs_in_a_process_of_its_own(
    peers: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    restore: str,
    error: str | None,
) -> None:
    (tmp_path / "kanzi.py").write_text(
        "import zlib\ndef compress(data, level): return zlib.compress(data)\n"
        f"decompress = {restore}\n"
    )
    (tmp_path / "kanzi-1.2.dist-info").mkdir()
    (tmp_path / "kanzi-1.2.dist-info" / "METADATA").write_text("Name: kanzi\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    (contender,), _ = peers.contenders(["kanzi"], [], CodingOptions(), 30.0)
    trial = contender.run("file", b"contents " * 500)
    assert (trial.file, trial.codec, trial.size) == ("file", "kanzi -9", 4500)
    if error is None:
        assert trial.error is None
        assert 0 < trial.compressed < 500
        assert trial.compress_seconds > 0
        assert trial.version == "kanzi 1.2"
    else:
        assert error in trial.error


def test_the_brief_table_sums_folders_and_leaves_out_what_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def trial(file: str, codec: str, compressed: int | None) -> Trial:
        error = "failed" if compressed is None else None
        return Trial(file, 1000, codec, compressed=compressed, error=error)

    table = benchmark("readme", monkeypatch).brief_table(
        [
            trial("code/a", "x", 500),
            trial("code/a", "y", 400),
            trial("code/b", "x", 300),
            trial("code/b", "y", None),
            trial("text/c", "x", 200),
            trial("text/c", "y", 100),
        ]
    )
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert rows[0] == ["file", "bytes", "x", "y"]
    assert rows[2:] == [
        ["code/a", "1,000", "500", "400"],
        ["code/b", "1,000", "300", ""],
        ["text/c", "1,000", "200", "100"],
        ["all of code", "2,000", "800", ""],
        ["all of text", "1,000", "200", "100"],
        ["all 3 files", "3,000", "1,000", ""],
        ["ratio", "", "3.000", ""],
    ]
