"""Sampling: how text is mixed, what is held out, and that sampling resumes."""

from __future__ import annotations

import io
import json
import lzma
import tarfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.training.corpus import (
    CorpusError,
    find_sources,
    read_documents,
)
from nncompress.training.holdout import Split, is_held_out
from nncompress.training.sampler import Sampler
from tests.training.conftest import prose


def sampler(corpus: Path, lanes: int = 3, **weights: float) -> Sampler:
    return Sampler(Split(find_sources([corpus]), 100), weights, lanes=lanes, seed=5)


def test_bytes_are_mixed_by_weight(corpus: Path) -> None:
    mixed = sampler(corpus, code=3, prose=1)
    for _ in range(400):
        mixed.next(50)
    assert mixed.served["code"] / sum(mixed.served.values()) == pytest.approx(0.75, abs=0.02)


def test_files_of_a_tar_are_sampled_with_all_their_bytes(tmp_path: Path) -> None:
    out = io.BytesIO()
    files = [bytes(range(start, start + 100)) for start in range(100)]
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number, contents in enumerate(files):
            header = tarfile.TarInfo(f"label/{number}")
            header.size = len(contents)
            archive.addfile(header, io.BytesIO(contents))
    (tmp_path / "binary-00.xz").write_bytes(lzma.compress(out.getvalue()))
    read = [contents for contents in files if not is_held_out(contents, 100)]
    text = sampler(tmp_path, lanes=1).next(100 * len(read))[0]
    assert sorted(text[at : at + 100] for at in range(0, len(text), 100)) == sorted(read)


def test_every_document_is_read_once_a_pass(corpus: Path) -> None:
    one = sampler(corpus, lanes=1, prose=1)
    documents = [
        text
        for name in ("prose-00.xz", "prose-01.xz")
        for text in read_documents(corpus / name)
        if not is_held_out(text, 100)
    ]
    total = sum(map(len, documents))
    first, second = one.next(total)[0], one.next(total)[0]
    assert Counter(first) == Counter(second) == Counter(b"".join(documents))
    assert first != second
    assert all(document in first for document in documents)


@given(cut=st.integers(0, 60))
def test_sampling_resumes_exactly(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    for name in ("a-00.xz", "a-01.xz", "b-00.xz"):
        documents = [prose(index, 30) for index in range(12)]
        (folder / name).write_bytes(lzma.compress(b"\0".join(documents)))
    whole = sampler(folder)
    for _ in range(cut):
        whole.next(97)
    state, pending = json.loads(json.dumps(whole.state())), list(whole.pending)
    again = sampler(folder)
    again.restore(state, pending)
    assert [whole.next(97) for _ in range(20)] == [again.next(97) for _ in range(20)]


def test_weights_changed_on_resuming_hold_from_there_on(corpus: Path) -> None:
    before = sampler(corpus, code=1, prose=1)
    for _ in range(300):
        before.next(50)
    again = sampler(corpus, code=9, prose=1)
    again.restore(before.state(), before.pending)
    for _ in range(300):
        again.next(50)
    assert again.served["code"] / sum(again.served.values()) == pytest.approx(0.9, abs=0.03)
    same = sampler(corpus, code=9, prose=1)
    same.restore(json.loads(json.dumps(again.state())), again.pending)
    assert same.served == again.served


def test_held_out_documents_are_never_trained_on(corpus: Path) -> None:
    split = Split(find_sources([corpus]), 100)
    kept = split.held_out_text({"prose": 1.0}, 10**6)["prose"]
    trained = sampler(corpus, lanes=1, prose=1).next(30_000)[0]
    out = [text for text in read_documents(corpus / "prose-00.xz") if is_held_out(text, 100)]
    assert out
    assert all(text in kept and text not in trained for text in out)


@pytest.mark.parametrize("weights", [{"verse": 1.0}, {"code": 0.0}, {"code": float("inf")}])
def test_weights_that_make_no_sense_are_refused(corpus: Path, weights: dict[str, float]) -> None:
    with pytest.raises(CorpusError):
        sampler(corpus, **weights)


def test_a_corpus_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing-00.xz").write_bytes(lzma.compress(b""))
    with pytest.raises(CorpusError, match="nothing"):
        sampler(tmp_path).next(1)
