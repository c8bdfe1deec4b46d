"""What is estimated from samples comes near to what is made."""

from __future__ import annotations

import os
import random
from contextlib import nullcontext

import pytest

from nncompress.archive.codec import no_progress
from nncompress.coding.options import CodingOptions
from nncompress.errors import ConfigError
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.stream import Null, compress_stream
from nncompress.reports.estimate import WHOLE, estimate
from tests.models import write_model

WORDS = [f"word{number * number % 977}" for number in range(400)]


def prose(size: int, seed: int = 0) -> bytes:
    rng = random.Random(seed)
    return " ".join(rng.choices(WORDS, k=size // 6)).encode()[:size]


def silent(_: int):
    return nullcontext(no_progress)


def size_of(path, options: CodingOptions) -> int:
    with path.open("rb") as file:
        return compress_stream(file, Null(), Coder(options)).archive_size


def test_small_files_are_coded_as_a_whole(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for number, path in enumerate(paths):
        path.write_bytes(prose(5000, number))
    total, found = estimate(paths, CodingOptions(), [1, 2], silent)
    assert total == 10_000
    for one in found:
        options = CodingOptions(level=one.level)
        assert one.size == sum(size_of(path, options) for path in paths)
        assert one.error == 0
        assert one.seconds > 0


def test_a_large_file_is_estimated(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(prose(300_000))
    _, (one,) = estimate([path], CodingOptions(), [1], silent)
    assert one.size == pytest.approx(size_of(path, CodingOptions(level=1)), rel=one.error)
    assert 0 < one.error < 0.3


def test_noise_stays_as_it_is(tmp_path):
    path = tmp_path / "noise"
    path.write_bytes(os.urandom(100_000))
    _, (one,) = estimate([path], CodingOptions(), [1], silent)
    assert 100_000 <= one.size < 100_200


def test_a_network_is_measured_too(tmp_path):
    model = write_model(tmp_path / "tiny.nncmodel")
    path = tmp_path / "file"
    path.write_bytes(prose(WHOLE + 10_000))
    told: list[int] = []
    planned: list[int] = []

    def bar(size: int):
        planned.append(size)
        return nullcontext(lambda size, made=0, /: told.append(size))

    options = CodingOptions(model, method="network+mixing")
    _, (one,) = estimate([path], options, [4], bar)
    real = size_of(path, CodingOptions(model, level=4, method="network+mixing"))
    assert one.size == pytest.approx(real, rel=0.4)
    assert sum(told) == pytest.approx(planned[0], rel=0.1)


def test_every_file_counts(tmp_path):
    paths = []
    for number in range(30):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(prose(3000, number))
    total, (one,) = estimate(paths, CodingOptions(), [1], silent)
    real = sum(size_of(path, CodingOptions(level=1)) for path in paths)
    assert total == 90_000
    assert one.size == pytest.approx(real, rel=0.2)


@pytest.mark.parametrize(("method", "size"), [("stored", 10), ("mixing", 0)])
def test_what_cannot_be_estimated_is_an_error(tmp_path, method, size):
    (tmp_path / "file").write_bytes(bytes(size))
    with pytest.raises(ConfigError):
        estimate([tmp_path / "file"], CodingOptions(method=method), [1], silent)
