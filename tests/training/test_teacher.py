"""Teachers: trained networks that predict for a network in training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from nncompress.exact.engine import Network
from nncompress.exact.modelfile import load_model
from nncompress.quantize.to_floats import load_network
from nncompress.training.teacher import FloatReader, IntegerReader, SegmentReader, Teacher
from tests.models import DEEP, write_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "teacher.nncmodel", DEEP)


@pytest.fixture(params=["integers", "floats"])
def reader(request: pytest.FixtureRequest, model: Path) -> SegmentReader:
    if request.param == "floats":
        return FloatReader(load_network(model), CPU)
    return IntegerReader(Network(load_model(model).parameters), threads=2)


def segments(lanes: int = 40) -> list[Tensor]:
    text = torch.randint(0, 256, (lanes, 24), generator=torch.Generator().manual_seed(1))
    return list(text.to(torch.uint8).split(8, dim=1))


def test_what_is_read_is_a_distribution_a_byte(reader: SegmentReader) -> None:
    found = reader.read(segments()[0], "float32")
    assert found.shape == (8 * 40, 256)
    assert found.min() > 0
    assert torch.allclose(found.sum(-1), torch.ones(len(found)))


def test_segments_are_read_as_one_text(reader: SegmentReader) -> None:
    parts = torch.cat([reader.read(part, "float32") for part in segments()])
    reader.reset()
    whole = reader.read(torch.cat(segments(), dim=1), "float32")
    assert torch.allclose(parts, whole, atol=1e-6)
    reader.reset()
    assert torch.allclose(reader.read(segments()[0], "float32"), whole[: 8 * 40], atol=1e-6)


def test_a_packed_state_goes_on(reader: SegmentReader) -> None:
    first, second, third = segments()
    reader.read(first, "float32")
    packed = reader.pack()
    expected = reader.read(second, "float32")
    reader.read(third, "float32")
    reader.unpack(packed)
    assert torch.equal(reader.read(second, "float32"), expected)
    reader.reset()
    assert reader.pack() == {}


def test_integers_say_what_floats_say(model: Path) -> None:
    floats = FloatReader(load_network(model), CPU)
    integers = IntegerReader(Network(load_model(model).parameters), threads=1)
    for part in segments():
        one, other = floats.read(part, "float32"), integers.read(part, "float32")
        divergence = (one * (one / other).log2()).sum(-1).mean()  # bits
        assert divergence < 0.02


def test_several_teachers_are_averaged(model: Path) -> None:
    text = segments()[0]
    teachers = [FloatReader(load_network(model), CPU), FloatReader(load_network(model), CPU)]
    with torch.no_grad():
        teachers[1].network.output_bias[7] += 2
    each = [reader.read(text, "float32") for reader in teachers]
    for reader in teachers:
        reader.reset()
    assert torch.allclose(Teacher(teachers).distributions(text, "float32"), (each[0] + each[1]) / 2)


def test_no_teacher_is_none() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Teacher([])
