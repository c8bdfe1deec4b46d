"""The script that cuts listed samples from a corpus, and its list."""

from __future__ import annotations

import hashlib
import json
import lzma
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.scripts import benchmark

UNPACKED = b"first document\0second one\0third document"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("samples", monkeypatch)


def entry(**changes: Any) -> dict[str, Any]:
    data = b"first document\nthird"
    facts = {
        "name": "code/two",
        "kind": "code",
        "holds": "documents 0, 2",
        "shard": "code-00.xz",
        "ranges": [[0, 14], [26, 31]],
        "joined_by": "\n",
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return facts | changes


def run(script: ModuleType, folder: Path, *entries: dict[str, Any]) -> Result:
    (folder / "code-00.xz").write_bytes(lzma.compress(UNPACKED))
    source, out = folder / "list.json", folder / "out"
    source.write_text(json.dumps({"samples": entries}))
    words = ["--corpus", str(folder), "--out", str(out), "--list", str(source)]
    return CliRunner().invoke(script.main, words)


def test_stretches_are_joined(script: ModuleType, tmp_path: Path) -> None:
    result = run(script, tmp_path, entry())
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "code" / "two").read_bytes() == b"first document\nthird"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "0" * 64}, "holds other data"),
        ({"size": 3}, "holds other data"),
        ({"ranges": [[0, 14], [26, 99]]}, "holds other data"),
        ({"ranges": []}, "no sample can be made"),
        ({"ranges": [[5, 5]]}, "no sample can be made"),
        ({"ranges": [[0, 1 << 40]]}, "no sample can be made"),
        ({"ranges": [[1]]}, "no sample can be made"),
        ({"name": "../up"}, "no sample can be made"),
        ({"shard": "/code-00.xz"}, "no sample can be made"),
        ({"shard": "code-07.xz"}, "cannot be read"),
        ({"more": 1}, "no sample can be made"),
    ],
)
def test_what_does_not_fit_is_refused_and_not_written(
    script: ModuleType, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    result = run(script, tmp_path, entry(**changes))
    assert result.exit_code == 1
    assert said in result.output
    assert not (tmp_path / "out").exists()


def test_a_damaged_shard_is_named(script: ModuleType, tmp_path: Path) -> None:
    run(script, tmp_path, entry())
    shard = tmp_path / "code-00.xz"
    shard.write_bytes(shard.read_bytes()[:40])
    words = ["--corpus", str(tmp_path), "--list", str(tmp_path / "list.json")]
    result = CliRunner().invoke(script.main, words)
    assert result.exit_code == 1
    assert "code-00.xz: cannot be read" in result.output


def test_the_committed_list_has_four_samples_of_each_of_six_kinds(script: ModuleType) -> None:
    samples = script.read_list(script.LIST)
    kinds = Counter(sample.kind for sample in samples)
    assert len(kinds) == 6
    assert min(kinds.values()) >= 4
    assert len({sample.name for sample in samples}) == len(samples)
    assert all(300_000 <= sample.size <= 2_000_000 for sample in samples)


def test_the_committed_samples_share_nothing(script: ModuleType) -> None:
    """A stretch that counts twice would count too much."""
    stretches = sorted(
        (sample.shard, *pair) for sample in script.read_list(script.LIST) for pair in sample.ranges
    )
    for (shard, _, stop), (other, start, _) in pairwise(stretches):
        assert shard != other or stop <= start
