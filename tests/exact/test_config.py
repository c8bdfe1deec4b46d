"""The network's shape: what is refused, what survives JSON, and how many parameters it has."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncompress.exact.config import SHARNNConfig
from nncompress.network.model import SHARNN
from nncompress.network.presets import PRESETS


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dim": 0}, "dim"),
        ({"dim": True}, "dim"),
        ({"boom": 100}, "boom"),
        ({"layers": 65}, "layers"),
        ({"heads": 5}, "heads"),
        ({"window": 0}, "window"),
        ({"attention": (3,)}, "attention"),
        ({"attention": (1, 1)}, "attention"),
        ({"attention": (1, 0)}, "attention"),
        ({"attention": [1]}, "attention"),
        ({"dropout_hidden": 1.0}, "dropout_hidden"),
        ({"dropout_output": float("nan")}, "dropout_output"),
    ],
)
def test_a_field_that_makes_no_network_is_named(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        dataclasses.replace(PRESETS["small"], **changes)


@given(
    dim=st.sampled_from([8, 16, 48]),
    chunks=st.integers(1, 5),
    layers=st.integers(1, 4),
    attention=st.sets(st.integers(0, 3)),
)
def test_the_parameter_count_is_that_of_the_modules(
    dim: int, chunks: int, layers: int, attention: set[int]
) -> None:
    attends = tuple(sorted(index for index in attention if index < layers))
    config = SHARNNConfig(dim=dim, boom=chunks * dim, layers=layers, attention=attends)
    model = SHARNN(config)
    assert config.parameter_count() == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", PRESETS)
def test_a_config_survives_json(name: str) -> None:
    assert SHARNNConfig.from_json(PRESETS[name].to_json()) == PRESETS[name]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"dim": 8}', '{"colour": 1}', '{"dim": "8"}'])
def test_json_that_is_no_config_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="config"):
        SHARNNConfig.from_json(text)
