"""Lists name how each block is coded, filters included."""

from __future__ import annotations

import pytest

from nncompress.archive.codec import StoredCodec
from nncompress.exact.modelfile import load_model
from nncompress.files.inspect import describe, print_table
from nncompress.pipeline.incremental import Compressor
from tests.fakes import ZlibCodec
from tests.golden.cases import CASES, MODEL, SMALL


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("filter")])
def test_filters_are_listed(case, capsys):
    facts, fault = describe(str(case.path))
    assert fault is None
    (block,) = facts["blocks"]
    name = block["filter"]
    assert name.startswith(case.name.removeprefix("filter-"))
    print_table([facts], verbose=True)
    assert f"mixing, filter {name}, crc32" in capsys.readouterr().out


def test_blocks_without_a_known_filter_are_listed_too(tmp_path, capsys):
    found = []
    for codec in (StoredCodec(), ZlibCodec()):
        compressor = Compressor(codec)
        path = tmp_path / type(codec).__name__
        path.write_bytes(compressor.compress(bytes(999)) + compressor.flush())
        facts, _ = describe(str(path))
        found.append(facts)
    payload = (tmp_path / "ZlibCodec").read_bytes()
    # zlib's second byte at its fastest level is 01, which is the number of a filter; 09 is none.
    path.write_bytes(payload.replace(b"\x78\x01", b"\x78\x09"))
    found.append(describe(str(path))[0])
    assert [facts["blocks"][0]["filter"] for facts in found] == ["none", "x86", None]
    print_table([found[0], found[2]], verbose=True)
    assert "filter" not in capsys.readouterr().out


BY_NAME = {case.name: case for case in CASES}


def test_each_block_is_listed_with_its_model(capsys, monkeypatch):
    monkeypatch.setattr("nncompress.exact.store.model_folders", lambda: [MODEL.parent])
    facts, _ = describe(str(BY_NAME["several-models"].path))
    tiny, small = (load_model(path).identity.hex() for path in (MODEL, SMALL))
    used = [block["model"] for block in facts["blocks"]]
    assert set(used) == {tiny, small} == set(facts["models"])
    assert facts["model_names"] == {tiny: "tiny", small: "small"}
    assert facts["embedded"] == []
    print_table([facts], verbose=True)
    shown = capsys.readouterr().out
    assert "small,tiny" in shown
    assert shown.count("network+mixing with small") == used.count(small)
    assert shown.count("network+mixing with tiny") == used.count(tiny)
    assert f"{tiny} (tiny)" in shown


def test_models_that_an_archive_carries_are_listed(capsys, monkeypatch):
    monkeypatch.setattr("nncompress.exact.store.model_folders", list)
    case = BY_NAME["embedded-model"]
    facts, fault = describe(str(case.path))
    small = load_model(SMALL).identity.hex()
    assert fault is None
    assert facts["raw_size"] == len(case.data)
    (carried,) = facts["embedded"]
    assert carried["model"] == small
    assert carried["archive_size"] < case.path.stat().st_size
    assert [block["model"] for block in facts["blocks"]] == [small]
    assert facts["model_names"] == {}
    print_table([facts], verbose=True)
    shown = capsys.readouterr().out
    assert f"{small[:8]} (embedded)" in shown
    assert f"{small} (not installed)" in shown
