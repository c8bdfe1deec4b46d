"""Blocks are coded with the installed model that fits them, and archives may carry a model."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace

import pytest

import nncompress
from nncompress.archive.access import read_block_header, read_map
from nncompress.archive.format import Method
from nncompress.coding import auto
from nncompress.coding.auto import AutoCoder, open_auto_coder
from nncompress.coding.block import BlockCoder
from nncompress.coding.opening import open_block_coder, open_embedded_coder
from nncompress.coding.options import CodingOptions
from nncompress.errors import (
    ConfigError,
    DamagedArchiveError,
    ModelError,
    ModelNotFoundError,
)
from nncompress.exact import modelfile
from nncompress.exact.modelfile import load_model
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.stream import compress_stream
from tests.models import DEEP, TINY, text, write_model

TEXT = text(5000)
OTHER = bytes(255 - byte for byte in TEXT)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / f"{name}.nncmodel", TINY, seed) for seed, name in enumerate("ab")]


@pytest.fixture
def installed(models, monkeypatch):
    """The folder of the models that are installed, and no others."""
    folder = models[0].parent
    monkeypatch.setattr(modelfile, "model_folders", lambda: [folder])
    monkeypatch.setattr("nncompress.exact.store.model_folders", lambda: [folder])
    return folder


@pytest.fixture
def nothing_installed(monkeypatch):
    monkeypatch.setattr("nncompress.exact.store.model_folders", list)


def coders(models, threads: int = 1) -> list[BlockCoder]:
    return [BlockCoder(load_model(path), threads=threads) for path in models]


@pytest.mark.parametrize("data", [TEXT, OTHER, text(40_000, 1)])
def test_a_block_gets_the_model_that_makes_its_sample_smallest(models, data):
    several = coders(models)
    best = min(several, key=lambda coder: coder.trial(data))
    for threads, order in ((1, 1), (2, -1)):
        chosen = AutoCoder(coders(models, threads)[::order], None).choose(data)
        assert chosen.model_id == best.model_id


def test_small_blocks_are_their_own_sample(models):
    (coder, *_) = coders(models)
    assert coder.trial(b"x") >= 1
    forced = BlockCoder(coder.model, method="network+mixing", threads=1)
    assert coder.trial(TEXT) == len(forced.encode(TEXT)[1])


def test_an_archive_of_chosen_models_opens_by_their_identities(installed, models):
    data = TEXT + OTHER
    options = CodingOptions(model="auto", method="network+mixing", window=0, threads=2)
    sink = io.BytesIO()
    codec = Coder(options)
    codec.encoder.block_size = codec.encoder.first_block_size = len(TEXT)
    compress_stream(io.BytesIO(data), sink, codec)
    archive = sink.getvalue()
    several = coders(models)
    expected = [
        min(several, key=lambda coder: coder.trial(block)).model_id for block in (TEXT, OTHER)
    ]
    found = read_map(sink).blocks
    assert [read_block_header(sink, p).needed_model(p.header) for p in found] == expected
    assert nncompress.decompress(archive) == data
    assert nncompress.decompress(archive, model="auto") == data
    assert nncompress.decompress(archive, model=models[0]) == data
    with nncompress.open(io.BytesIO(archive)) as file:
        file.seek(len(TEXT))
        assert file.read() == OTHER


def test_a_model_that_is_gone_is_named(installed, models, monkeypatch):
    archive = nncompress.compress(TEXT, model="auto", method="network+mixing")
    monkeypatch.setattr("nncompress.exact.store.model_folders", list)
    with pytest.raises(ModelNotFoundError) as missing:
        nncompress.decompress(archive)
    assert missing.value.wanted in {load_model(path).identity.hex() for path in models}


def test_levels_without_a_network_try_no_models(nothing_installed):
    assert open_auto_coder(CodingOptions("auto", level=2)).model_id is None
    assert open_auto_coder(CodingOptions("auto", method="mixing")).model_id is None
    with pytest.raises(ModelNotFoundError):
        open_auto_coder(CodingOptions("auto"))


def test_larger_models_than_the_level_has_are_tried_at_the_last_levels(
    tmp_path, models, monkeypatch
):
    small = load_model(write_model(tmp_path / "default.nncmodel")).identity
    large = load_model(write_model(tmp_path / "mine.nncmodel", DEEP)).identity
    (tmp_path / "broken.nncmodel").write_bytes(b"no model")
    monkeypatch.setattr("nncompress.exact.store.model_folders", lambda: [tmp_path])

    def tried(level: int) -> list[bytes | None]:
        coder = open_auto_coder(CodingOptions("auto", level))
        assert isinstance(coder, AutoCoder)
        return coder.models

    assert tried(6) == [small]
    assert tried(9) == sorted([small, large])
    monkeypatch.setattr(auto, "MOST_TRIED", 1)
    with pytest.raises(ConfigError, match="name one"):
        tried(9)


def test_loaded_models_count_against_a_memory_limit(models):
    several = coders(models)
    needed = AutoCoder(several, None).memory(Method.NETWORK_MIXING, 1 << 16)
    weights = several[1].memory_of_weights
    assert needed >= several[0].memory(Method.NETWORK_MIXING, 1 << 16) + weights > 0


def test_auto_is_no_model_for_what_needs_one():
    with pytest.raises(ConfigError, match="compressing"):
        open_block_coder(CodingOptions("auto"))
    with pytest.raises(ConfigError, match="one model"):
        CodingOptions("auto", embed_model=True)


@pytest.mark.parametrize("level", [4, 6])
def test_an_archive_that_carries_its_model_opens_anywhere(models, nothing_installed, level):
    archive = nncompress.compress(
        TEXT, model=models[0], level=level, method="network+mixing", embed_model=True
    )
    assert len(archive) > models[0].stat().st_size // 4
    assert nncompress.decompress(archive) == TEXT
    with nncompress.open(io.BytesIO(archive)) as file:
        file.seek(4000)
        assert file.read() == TEXT[4000:]
    decompressor = nncompress.Decompressor()
    middle = len(archive) // 2
    pieces = decompressor.decompress(archive[:middle]), decompressor.decompress(archive[middle:])
    assert b"".join(pieces) == TEXT
    assert nncompress.decompress(archive * 2, model=models[0]) == TEXT * 2


@pytest.mark.parametrize("method", ["mixing", "stored"])
def test_what_needs_no_model_cannot_carry_one(models, method):
    with pytest.raises(ConfigError, match="no model"):
        nncompress.compress(TEXT, model=models[0], method=method, embed_model=True)
    with pytest.raises(ConfigError, match="no model"):
        nncompress.compress(TEXT, model=models[0], level=1, embed_model=True)


def forged(file: bytes, **metadata: str) -> bytes:
    """A model file with other metadata."""
    (size,) = struct.unpack("<Q", file[:8])
    header = json.loads(file[8 : 8 + size])
    header["__metadata__"] |= metadata
    packed = json.dumps(header).encode()
    packed += b" " * (-len(packed) % 8)
    return struct.pack("<Q", len(packed)) + packed + file[8 + size :]


def opened(file: bytes, identity: bytes) -> BlockCoder:
    return open_embedded_coder(file, identity, CodingOptions(threads=1))


def test_carried_models_are_held_to_what_installed_ones_are(models, tmp_path):
    file, identity = models[0].read_bytes(), load_model(models[0]).identity
    assert opened(file, identity).model_id == identity
    assert opened(forged(file, summary="{}"), identity).model_id == identity
    with pytest.raises(DamagedArchiveError, match="not the one"):
        opened(file, bytes(16))
    for damaged in (b"", b"no model", file[:-1], file[:5000] + b"?" + file[5001:]):
        with pytest.raises(ModelError):
            opened(damaged, identity)
    with pytest.raises(ModelError, match="not sound"):
        opened(forged(file, known_answer="0" * 64), identity)
    wide = write_model(tmp_path / "wide.nncmodel", replace(TINY, window=1 << 16))
    with pytest.raises(ModelError, match="too much"):
        opened(wide.read_bytes(), load_model(wide).identity)
    with pytest.raises(ConfigError, match="carried"):
        nncompress.compress(TEXT, model=wide, method="network+mixing", embed_model=True)
