"""Corpora: what is found, and how documents are read."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncompress.training.corpus import CorpusError, find_sources, read_documents
from tests.training.conftest import prose


def test_shards_folders_and_files_have_their_categories(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.txt").write_text("x")
    (tmp_path / "book.txt").write_text("y")
    found = find_sources([corpus, tmp_path / "logs", tmp_path / "book.txt"])
    names = {name: [path.name for path in paths] for name, paths in found.items()}
    assert names == {
        "prose": ["prose-00.xz", "prose-01.xz"],
        "code": ["code-00.xz"],
        "logs": ["a.txt"],
        "book": ["book.txt"],
    }


@pytest.mark.parametrize("make", ["missing", "empty"])
def test_a_path_that_holds_nothing_is_refused(tmp_path: Path, make: str) -> None:
    if make == "empty":
        (tmp_path / make).mkdir()
    with pytest.raises(CorpusError, match=make):
        find_sources([tmp_path / make])


@settings(deadline=None)  # they write files
@given(documents=st.lists(st.binary(min_size=1).map(lambda b: b.replace(b"\0", b"-")), max_size=9))
def test_a_shard_gives_its_documents_in_order(
    documents: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("shard") / "a-00.xz"
    path.write_bytes(lzma.compress(b"\0".join(documents)))
    assert list(read_documents(path)) == documents


def test_a_long_document_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nncompress.training.corpus.DOCUMENT", 1000)
    text = prose(1, 900)
    (tmp_path / "a.txt").write_bytes(text)
    parts = list(read_documents(tmp_path / "a.txt"))
    assert b"".join(parts) == text
    assert max(map(len, parts)) <= 1000


def test_a_damaged_shard_is_named(corpus: Path) -> None:
    shard = corpus / "code-00.xz"
    shard.write_bytes(shard.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"code-00\.xz"):
        list(read_documents(shard))
