"""Corpora: what is found, and how documents are read."""

from __future__ import annotations

import io
import lzma
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
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


def test_what_lies_beside_shards_is_no_text(corpus: Path) -> None:
    (corpus / "README.md").write_text("which shards there are")
    (corpus / "more").mkdir()
    (corpus / "more" / "notes.txt").write_text("text")
    (corpus / "more" / "manifest.json").write_text("{}")
    found = find_sources([corpus])
    assert list(found) == ["code", "more", "prose"]
    assert [path.name for path in found["more"]] == ["notes.txt"]


@pytest.mark.parametrize("make", ["missing", "empty"])
def test_a_path_that_holds_nothing_is_refused(tmp_path: Path, make: str) -> None:
    if make == "empty":
        (tmp_path / make).mkdir()
    with pytest.raises(CorpusError, match=make):
        find_sources([tmp_path / make])


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


def packed_tar(
    members: list[tuple[str, bytes]], form: int = tarfile.GNU_FORMAT, **fields: object
) -> bytes:
    """Return a tar of files with these names and contents, and with fields of all headers set."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for name, contents in members:
            header = tarfile.TarInfo(name)
            header.size = len(contents)
            for field, value in fields.items():
                setattr(header, field, value)
            archive.addfile(header, io.BytesIO(contents))
    return out.getvalue()


def shard_of(folder: Path, unpacked: bytes) -> Path:
    path = folder / "binary-00.xz"
    path.write_bytes(lzma.compress(unpacked))
    return path


@given(
    documents=st.lists(st.binary(max_size=1100), min_size=1, max_size=6),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT]),
)
def test_a_tar_gives_its_files_as_they_are(
    documents: list[bytes], form: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    members = [(f"label/file {index}", data) for index, data in enumerate(documents)]
    path = shard_of(tmp_path_factory.mktemp("shard"), packed_tar(members, form))
    assert list(read_documents(path)) == [data for data in documents if data]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_headers_of_long_names_and_folders_are_no_documents(tmp_path: Path, form: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "x" * 200
        archive.addfile(link)
        file = tarfile.TarInfo("Gr\u00fc\u00dfe/" + "y" * 300)
        file.size = 5
        archive.addfile(file, io.BytesIO(b"a\0b\0c"))
    assert list(read_documents(shard_of(tmp_path, out.getvalue()))) == [b"a\0b\0c"]


def test_a_long_file_of_a_tar_is_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nncompress.training.corpus.DOCUMENT", 1000)
    path = shard_of(tmp_path, packed_tar([("a", bytes(2500)), ("b", b"last")]))
    assert [len(part) for part in read_documents(path)] == [1000, 1000, 500, 4]


TAR = packed_tar([("a", b"first"), ("b", bytes(3000)), ("c", b"last")])


@pytest.mark.parametrize(
    ("unpacked", "said"),
    [
        (TAR[:2000], "ends within a member"),
        (TAR[:1500], "truncated header"),
        (TAR[:1024], "empty header"),
        (TAR[:1024] + b"x" + TAR[1025:], "bad checksum"),
        (packed_tar([("a", b"x")], type=tarfile.GNUTYPE_SPARSE), "unknown kind"),
        (packed_tar([("a", b"x")], type=b"Z"), "unknown kind"),
    ],
)
def test_a_tar_that_is_damaged_or_strange_is_refused(
    tmp_path: Path, unpacked: bytes, said: str
) -> None:
    with pytest.raises(CorpusError, match=rf"binary-00\.xz: .*{said}"):
        list(read_documents(shard_of(tmp_path, unpacked)))


def test_a_size_that_is_a_lie_takes_no_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("a")
    header.size = 1 << 60
    path = tmp_path / "binary-00.xz"
    unpacked = header.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 24)
    path.write_bytes(lzma.compress(unpacked, preset=0))  # a small dictionary
    tracemalloc.start()
    with pytest.raises(CorpusError, match="ends within a member"):
        for _ in read_documents(path):
            pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 23


def test_documents_that_look_like_a_tar_at_first_are_documents(tmp_path: Path) -> None:
    """A tar has a checksum, which no document has by chance."""
    text = b"a".ljust(257) + b"ustar  "
    path = shard_of(tmp_path, text + b"\0" + bytes(255).replace(b"\0", b"b"))
    assert list(read_documents(path)) == [text, b"b" * 255]
