"""Commands and Python's interface with URLs in the place of paths."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nncompress
from nncompress.errors import ConfigError, FileError, MissingLibraryError
from tests.children import environment
from tests.fakes import ZlibCodec

pytest.importorskip("fsspec", reason="needs nncompress[remote]")

from tests.stores import CountingStore

TEXT = b"".join(b"line %d of a text that compresses well\n" % i for i in range(3000))
NOISE = random.Random(5).randbytes(2_000_000)


@pytest.fixture(autouse=True)
def store(folder: Path) -> Iterator[dict[str, bytes]]:
    """Empty the store."""
    CountingStore.reset()
    yield CountingStore.files
    CountingStore.reset()


def archive(data: bytes) -> bytes:
    return nncompress.compress(data, method="mixing")


def left_over() -> list[str]:
    return sorted(path.name for path in Path("temporary").iterdir())


def test_each_command_takes_urls(nnc, store):
    store["box/text"] = TEXT
    assert nnc("counting://box/text").status == 0
    assert nncompress.decompress(store["box/text.nnc"]) == TEXT
    assert nnc("test", "counting://box/text.nnc").status == 0
    (entry,) = json.loads(nnc("list", "--json", "counting://box/text.nnc").out)
    assert (entry["name"], entry["raw_size"]) == ("counting://box/text.nnc", len(TEXT))
    assert nnc("cat", "counting://box/text.nnc").out == TEXT
    assert nnc("cat", "--range", "-9:", "counting://box/text.nnc").out == TEXT[-9:]
    assert nnc("-d", "-o", "counting://other/", "counting://box/text.nnc").status == 0
    assert store["other/text"] == TEXT
    assert nnc("-d", "counting://box/text.nnc", "-o", "here").status == 0
    assert Path("here").read_bytes() == TEXT
    assert nnc("-o", "counting://box/here", "here").status == 0
    assert store["box/here"] == store["box/text.nnc"]
    assert nncompress.info("counting://box/here")["raw_size"] == len(TEXT)
    assert left_over() == []


def test_a_result_that_is_there_is_only_replaced_by_force(nnc, store):
    store.update({"box/text": TEXT, "box/text.nnc": b"precious"})
    done = nnc("counting://box/text")
    assert (done.status, store["box/text.nnc"]) == (1, b"precious")
    assert done.said.startswith("nncompress: counting://box/text.nnc: already exists; use -f")
    assert nnc("-f", "counting://box/text").status == 0
    assert nncompress.decompress(store["box/text.nnc"]) == TEXT
    same = nnc("-f", "-o", "counting://box/text", "counting://box/text")
    assert (same.status, store["box/text"]) == (1, TEXT)
    assert "source and target at once" in same.said


def test_two_results_of_one_name_in_a_run_are_an_error(nnc, store):
    store.update({"a/text": TEXT, "b/text": TEXT})
    done = nnc("-f", "-o", "counting://out/", "counting://a/text", "counting://b/text")
    assert done.status == 1
    assert "was written in this run" in done.said


def test_a_broken_upload_leaves_nothing_there_and_the_result_on_disk(nnc, store):
    Path("noise").write_bytes(NOISE)
    CountingStore.room = 1000
    done = nnc("-o", "counting://box/x.nnc", "noise")
    assert (done.status, store) == (1, {})
    assert "counting://box/x.nnc: the network is gone; the complete result is kept as" in done.said
    (kept,) = left_over()
    assert done.said.rstrip().endswith(kept)
    assert nncompress.decompress((Path("temporary") / kept).read_bytes()) == NOISE


def test_ctrl_c_in_an_upload_leaves_nothing_anywhere(nnc, store, monkeypatch):
    def stop(self, data):
        raise KeyboardInterrupt

    Path("noise").write_bytes(NOISE)
    monkeypatch.setattr("nncompress.pipeline.remote_files.RemoteWriter.write", stop)
    done = nnc("-o", "counting://box/x.nnc", "noise")
    assert (done.status, done.said.strip()) == (1, "nncompress: stopped")
    assert (store, left_over()) == ({}, [])


def test_what_arrives_cut_off_does_not_stay(nnc, store):
    Path("text").write_bytes(TEXT)
    CountingStore.cuts = True
    done = nnc("-o", "counting://box/x.nnc", "text")
    assert (done.status, store) == (1, {})
    assert re.search(r"x\.nnc: \d+ bytes arrived of \d+; the complete result is kept", done.said)


def test_a_part_that_does_not_come_is_asked_for_again(nnc, store, monkeypatch):
    monkeypatch.setattr("nncompress.pipeline.remote_files.TRY_PAUSE", 0)
    store["box/text"] = TEXT
    CountingStore.gaps = 2
    assert nnc("counting://box/text").status == 0
    assert nncompress.decompress(store["box/text.nnc"]) == TEXT
    CountingStore.gaps = 3
    done = nnc("-f", "counting://box/text")
    assert (done.status, done.said) == (1, "nncompress: counting://box/text: no answer\n")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
def test_what_is_kept_of_a_broken_upload_is_the_users_own(nnc, store):
    Path("noise").write_bytes(NOISE)
    CountingStore.room = 1000
    assert nnc("-o", "counting://box/x.nnc", "noise").status == 1
    (kept,) = left_over()
    assert (Path("temporary") / kept).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("remote", [True, False])
def test_rm_deletes_a_source_whose_result_was_read_back(nnc, store, remote):
    source = "counting://box/text" if remote else "text"
    if remote:
        store["box/text"] = TEXT
    else:
        Path("text").write_bytes(TEXT)
    CountingStore.spoils = True
    done = nnc("--rm", "-o", "counting://box/x.nnc", source)
    assert done.status == 1
    assert "what was stored there is not what was sent" in done.said
    assert "box/x.nnc" not in store
    CountingStore.spoils = False
    assert ("box/text" in store) if remote else Path("text").exists()
    assert nnc("--rm", "-o", "counting://box/x.nnc", source).status == 0
    assert list(store) == ["box/x.nnc"]
    assert not Path("text").exists()


def test_a_source_that_changes_meanwhile_makes_no_result(nnc, store, monkeypatch):
    store["box/noise"] = NOISE
    encode = ZlibCodec.encode

    def change(self, data, progress=None, *, alone=False):
        store["box/noise"] = NOISE[::-1]
        return encode(self, data)

    monkeypatch.setattr(ZlibCodec, "encode", change)
    monkeypatch.setattr("nncompress.files.remote.READ_SIZE", 1 << 10)
    done = nnc("-T1", "--rm", "counting://box/noise")
    assert (done.status, list(store)) == (1, ["box/noise"])
    assert "counting://box/noise: changed while it was read" in done.said


def test_parts_of_an_archive_are_read_by_their_ranges(nnc, store):
    store["box/noise.nnc"] = archive(NOISE)
    blocks = len(nncompress.info("counting://box/noise.nnc")["blocks"])
    assert blocks > 5
    size = len(store["box/noise.nnc"])
    CountingStore.fetched = 0
    assert nnc("list", "counting://box/noise.nnc").status == 0
    assert CountingStore.fetched < size / 4
    CountingStore.fetched = 0
    place = len(NOISE) // 2
    done = nnc("cat", "--range", f"{place}:{place + 10}", "counting://box/noise.nnc")
    assert done.out == NOISE[place : place + 10]
    assert CountingStore.fetched < size / blocks + size / 8


def test_folders_are_searched_for_files(nnc, store):
    store.update({"box/a": TEXT, "box/in/b": TEXT, "box/in/c.nnc": b"", "boxer/d": TEXT})
    assert nnc("-r", "counting://box").status == 0
    assert {*store} == {*("box/a", "box/in/b", "box/in/c.nnc", "boxer/d"), "box/a.nnc"} | {
        "box/in/b.nnc"
    }
    del store["box/in/c.nnc"]
    Path("out").mkdir()
    assert nnc("-d", "-r", "-o", "out", "counting://box/").status == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["a", "b"]
    done = nnc("counting://box")
    assert (done.status, "is a folder, ignored; use -r" in done.said) == (2, True)


def test_a_name_in_a_store_cannot_lead_out_of_a_folder(nnc, store):
    store["box/...nnc"] = archive(TEXT)
    Path("out").mkdir()
    assert nnc("-d", "-f", "-r", "-o", "out", "counting://box").status == 1
    assert [*Path("out").iterdir()] == []


@pytest.mark.parametrize("url", ["counting://box/none", "counting://user:word@box/none.nnc"])
def test_what_is_missing_is_said_on_one_line_without_passwords(nnc, url):
    for command in ("compress", "decompress", "test", "list", "cat"):
        done = nnc(command, url if command == "compress" else url.removesuffix(".nnc") + ".nnc")
        assert done.status in (1, 2)
        (line,) = done.said.splitlines()
        assert "counting://box/none" in line or "already has the suffix" in line
        assert "word" not in line


def test_signatures_in_queries_are_not_shown():
    from nncompress.pipeline.remote_errors import hide_secrets

    text = "cannot open 'https://me:word@host/x.nnc?X-Amz-Signature=secret' at https://host/y?z=key"
    assert hide_secrets(text) == "cannot open 'https://host/x.nnc?...' at https://host/y?..."


def test_what_is_not_installed_or_not_known_is_named(nnc, store, monkeypatch):
    from fsspec.registry import known_implementations

    missing = {"class": "nowhere.Store", "err": "Install nowhere to use it"}
    monkeypatch.setitem(known_implementations, "nowhere", missing)
    store["box/text"] = TEXT
    done = nnc("nowhere://x/y", "unheard://x", "counting://box/text")
    assert done.status == 1
    assert [line.partition(": ")[2] for line in done.said.splitlines()] == [
        "nowhere://x/y: a package that this protocol needs is not installed: "
        "Install nowhere to use it",
        "unheard://x: Protocol not known: unheard",
    ]
    assert "box/text.nnc" in store  # the others go on
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingLibraryError, match=r"pip install 'nncompress\[remote\]'"):
        nncompress.open("counting://box/text.nnc")


@pytest.mark.skipif(os.name != "posix", reason="names with colons")
def test_a_file_that_is_called_like_a_url_is_a_file(nnc, store):
    Path("counting:").mkdir()
    Path("counting:", "text").write_bytes(TEXT)
    store["text"] = b"something else"
    assert nnc("counting://text").status == 0
    assert nncompress.decompress(Path("counting:", "text.nnc").read_bytes()) == TEXT
    assert nnc("-o", "./counting://new", "counting://text").status == 0
    assert Path("counting:", "new").exists()
    assert list(store) == ["text"]


def test_a_file_url_is_a_path(nnc, tmp_path):
    Path("text").write_bytes(TEXT)
    Path("text").rename("a text")
    assert nnc("--rm", (tmp_path / "a text").as_uri()).status == 0
    assert sorted(path.name for path in tmp_path.glob("a*")) == ["a text.nnc"]
    assert nnc("-d", "-r", tmp_path.as_uri(), "-o", tmp_path.as_uri()).status == 0
    assert Path("a text").read_bytes() == TEXT


def test_paths_do_not_import_fsspec(tmp_path):
    (tmp_path / "text").write_bytes(TEXT)
    code = (
        "import sys; from tests.nnc import *; from nncompress.cli.app import run;"
        "run(['text']); run(['list', 'text.nnc']); print('fsspec' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, env=environment()
    )
    assert done.stdout.split()[-1] == b"False", done.stderr


def test_other_readers_take_urls(nnc, store, tmp_path):
    store["box/noise.nnc"] = archive(NOISE)[:-100]
    done = nnc("-d", "--recover", "counting://box/noise.nnc", "-o", "back")
    assert (done.status, Path("back").read_bytes()[:1000]) == (1, NOISE[:1000])
    chain = "simplecache::counting://box/noise.nnc"
    assert nnc("cat", "--range", ":20", chain).out == NOISE[:20]


def test_open_writes_what_appears_at_the_end(store):
    with nncompress.open("counting://box/x.nnc", "wb", method="mixing") as file:
        file.write(NOISE)
        assert store == {}
    with nncompress.open("counting://box/x.nnc") as file:
        CountingStore.fetched = 0
        file.seek(1_000_000)
        assert file.read(10) == NOISE[1_000_000:1_000_010]
        assert CountingStore.fetched < len(NOISE) / 4
    with pytest.raises(FileExistsError):
        nncompress.open("counting://box/x.nnc", "xb")
    with pytest.raises(ConfigError, match="only written whole"):
        nncompress.open("counting://box/x.nnc", "ab")
    with pytest.raises(FileNotFoundError):
        nncompress.open("counting://box/y.nnc")
    with pytest.raises(FileError, match="Protocol not known"):
        nncompress.open("unheard://box/y.nnc")


def test_open_leaves_nothing_after_an_error_of_the_writing(store):
    CountingStore.room = 1000
    file = nncompress.open("counting://box/x.nnc", "wb", method="mixing")
    file.write(NOISE)
    with pytest.raises(OSError, match="the network is gone"):
        file.close()
    assert store == {}


def test_a_store_that_shows_files_at_once(nnc):
    import fsspec

    files = fsspec.filesystem("memory")
    Path("text").write_bytes(TEXT)
    assert nnc("-o", "memory://box/x.nnc", "text").status == 0
    assert nnc("cat", "memory://box/x.nnc").out == TEXT
    assert nnc("--rm", "-d", "memory://box/x.nnc").status == 0
    assert files.cat("/box/x") == TEXT
    assert not files.exists("/box/x.nnc")
    files.rm("/box", recursive=True)


def test_whole_files_by_their_urls(store):
    store["box/text"] = TEXT
    assert nncompress.compress_file("counting://box/text") == "counting://box/text.nnc"
    assert nncompress.decompress(store["box/text.nnc"]) == TEXT
    with pytest.raises(FileError, match="already exists"):
        nncompress.decompress_file("counting://box/text.nnc")
    assert Path(nncompress.decompress_file("counting://box/text.nnc", "text")) == Path("text")
    assert Path("text").read_bytes() == TEXT
