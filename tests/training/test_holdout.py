"""What is held out is never trained on, and all the rest is."""

from __future__ import annotations

import lzma
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.errors import ConfigError
from nncompress.training import holdout
from nncompress.training.corpus import CorpusError
from nncompress.training.holdout import (
    Split,
    choosing_part,
    is_held_out,
    measuring_part,
    split_corpora,
)
from nncompress.training.sampler import Sampler
from tests.training.conftest import prose


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def trained_on(split: Split) -> bytes:
    return b"".join(
        b"".join(split.training_documents(path))
        for paths in split.sources.values()
        for path in paths
    )


def all_held_out(split: Split) -> bytes:
    return b"".join(split.held_out_text(dict.fromkeys(split.sources, 1.0), 1 << 30).values())


@given(data=st.binary(min_size=1, max_size=3000), share=st.floats(0, 0.5))
def test_the_end_of_a_file_is_held_out_and_the_rest_trained_on(
    data: bytes, share: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("corpus") / "a.log", data)
    split = split_corpora([path], share)
    assert trained_on(split) + all_held_out(split) == data
    assert abs(len(all_held_out(split)) - share * len(data)) <= 1


def test_lanes_never_hold_what_is_held_out(tmp_path: Path) -> None:
    """Every byte of the ends stands nowhere else, so that one of them in a lane would be seen."""
    for name in ("a", "b", "c"):
        write(tmp_path / "logs" / name, b"x" * 900 + b"#" * 100)
    split = split_corpora([tmp_path / "logs"])
    sampler = Sampler(split, {}, lanes=3, seed=0)
    for _ in range(50):
        assert set(b"".join(sampler.next(97))) == {ord("x")}
    assert set(all_held_out(split)) == {ord("#")}


def test_a_log_that_grows_meanwhile_keeps_its_split(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", b"x" * 900 + b"#" * 100)
    before = split_corpora([path])
    write(path, b"x" * 900 + b"#" * 5100)
    after = Split.from_json(before.to_json())
    assert after == before
    assert set(trained_on(after)) == {ord("x")}


def test_documents_of_shards_are_held_out_whole(corpus: Path) -> None:
    split = split_corpora([corpus], 0.1)
    assert split.ends == {}
    kept = all_held_out(split)
    documents = [
        text
        for path in corpus.glob("*.xz")
        for text in lzma.decompress(path.read_bytes()).split(b"\0")
    ]
    out = [text for text in documents if is_held_out(text, 100)]
    assert out
    assert all(text in kept for text in out)
    trained = trained_on(split)
    assert Counter(trained) == Counter(b"".join(t for t in documents if t not in out))


def test_of_many_files_whole_ones_are_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdout, "FEW_FILES", 40)
    files = [write(tmp_path / "many" / f"{n}.txt", prose(n, 20)) for n in range(60)]
    split = split_corpora([tmp_path / "many"], 0.3)
    out = [path for path in files if is_held_out(path.read_bytes(), 300)]
    assert 0 < len(out) < 60
    assert all(list(split.training_documents(path)) == [] for path in out)
    assert all(list(split.held_out_documents(path)) == [path.read_bytes()] for path in out)


def test_files_given_for_it_are_held_out_though_they_lie_in_the_corpus(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "old.log", b"x" * 500)
    last = write(tmp_path / "logs" / "last.log", b"#" * 500)
    split = split_corpora([tmp_path / "logs"], None, [last])
    assert (trained_on(split), all_held_out(split)) == (b"x" * 500, b"#" * 500)


def test_nothing_left_to_train_on_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", b"x" * 500)
    with pytest.raises(CorpusError, match="nothing is left"):
        split_corpora([path], None, [path])


def test_choosing_and_measuring_take_different_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", prose(3, 500))
    split, shares = split_corpora([path], 0.5), {"a": 1.0}
    chosen, measured = (
        choosing_part(split, shares, 9999)["a"],
        measuring_part(split, shares, 9999)["a"],
    )
    assert chosen + measured == all_held_out(split)
    assert len(measured) == pytest.approx(5 * len(chosen), rel=0.02)


def test_a_split_that_makes_no_sense_is_refused() -> None:
    for fields in (None, {}, {"sources": 3, "valid": {}, "ends": {}, "permille": 1}):
        with pytest.raises(ConfigError):
            Split.from_json(fields)
