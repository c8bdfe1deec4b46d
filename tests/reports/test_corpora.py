from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nncompress.errors import FileError
from nncompress.reports import baselines, corpora

CONTENTS = bytes(range(256)) * 40


@pytest.fixture
def small_enwik8(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Stands for enwik8 where that is not at hand."""
    facts = {
        "corpora": {"enwik8": {"size": 10240, "sha1": hashlib.sha1(CONTENTS).hexdigest()}},
        "enwik8_prefix_sha1": {
            "1000": hashlib.sha1(CONTENTS[:1000]).hexdigest(),
            "5000": hashlib.sha1(CONTENTS[:5000]).hexdigest(),
        },
    }
    monkeypatch.setattr(corpora, "load", lambda: facts)
    return CONTENTS


def save(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


def test_whole_file(small_enwik8: bytes, tmp_path: Path) -> None:
    path = save(tmp_path, small_enwik8)
    assert corpora.recognise(path).corpus == "enwik8"
    corpora.require_enwik8(path)


def test_prefix_is_not_the_whole(small_enwik8: bytes, tmp_path: Path) -> None:
    path = save(tmp_path, small_enwik8[:5000])
    found = corpora.recognise(path)
    assert (found.corpus, found.prefix, found.exact) == (None, 5000, True)
    assert "not enwik8" in str(found.describe())
    with pytest.raises(FileError, match=r"not enwik8.*5,000 bytes.*enwik8\.zip"):
        corpora.require_enwik8(path)


def test_longer_than_a_known_prefix(small_enwik8: bytes, tmp_path: Path) -> None:
    found = corpora.recognise(save(tmp_path, small_enwik8[:3000]))
    assert (found.prefix, found.exact) == (1000, False)


def test_right_size_and_wrong_contents(small_enwik8: bytes, tmp_path: Path) -> None:
    path = save(tmp_path, small_enwik8[:-1] + b"x")
    assert corpora.recognise(path).corpus is None
    with pytest.raises(FileError, match="SHA-1 differs"):
        corpora.require_enwik8(path)


def test_other_files_are_unknown(tmp_path: Path) -> None:
    assert corpora.recognise(save(tmp_path, b"a" * 2000)).describe() is None
    with pytest.raises(FileError, match="absent"):
        corpora.recognise(tmp_path / "absent")


def test_split_covers_enwik8_once() -> None:
    parts = [corpora.SPLIT[name] for name in ("train", "valid", "test")]
    assert [stop - start for start, stop in parts] == [90_000_000, 5_000_000, 5_000_000]
    assert parts[0][1] == parts[1][0]
    assert parts[1][1] == parts[2][0]
    assert parts[2][1] == baselines.load()["corpora"]["enwik8"]["size"]
