"""Names and numbers that archives and model files hold: to change one orphans all files before.

``names.json`` lists them. From 1.0 on lines are added to it, never changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nncompress.archive.format import Method
from nncompress.coding.levels import CLUSTER_ARRAYS, PROFILES, initial_prefix
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.modelfile import FORMAT, MIXING_PREFIX
from nncompress.mixing.predictor import Predictor
from nncompress.mixing.profiles import Context, Kind, Selector
from nncompress.transforms.filters import PARAMETERS, Transform
from tests.models import DEEP, SINGLE, TINY, parameters

LISTED = json.loads((Path(__file__).parent / "names.json").read_text("utf-8"))


def tensor_names() -> list[str]:
    """Every tensor that a network of one, two or three blocks has, with and without attention."""
    found: set[str] = set()
    for config in (SINGLE, TINY, DEEP):
        found |= parameters(config).tensors().keys()
    return sorted(found)


FOUND: dict[str, tuple[Any, str]] = {
    "tensors": (tensor_names(), "they are in model files, and hashed into a model's identity"),
    "config": (
        SHARNNConfig(dim=8, boom=8, layers=1).to_json(),
        "the text is in model files, and hashed into a model's identity",
    ),
    "model format": (FORMAT, "model files begin with it, and identities are hashed from it"),
    "mixing arrays": (
        [
            MIXING_PREFIX,
            *CLUSTER_ARRAYS,
            *Predictor(PROFILES[Method.MIXING, 0], 1, 0).export_initial(),
        ],
        "they are tensors of model files",
    ),
    "starting values": (
        sorted(initial_prefix(*profile) for profile in PROFILES),
        "names of tensors of model files begin with them",
    ),
    "methods": (
        {method.label: method.value for method in Method},
        "the numbers are in every block, the labels in the names of tensors",
    ),
    "profiles": (
        sorted(f"{method.label} {number}" for method, number in PROFILES),
        "the numbers are in the first byte of payloads",
    ),
    "filters": (
        {
            label: Transform(number, parameter).byte
            for number, labels in PARAMETERS.items()
            for parameter, label in enumerate(labels)
        },
        "the numbers are the second byte of payloads",
    ),
    "kinds": (
        {kind.name: kind.value for kind in Kind},
        "a profile's number is four times its strength plus the kind",
    ),
    "contexts": (
        {context.name: context.value for context in Context},
        "the numbers go into the hashes, and so into every prediction",
    ),
    "selectors": (
        {selector.name: selector.value for selector in Selector},
        "a profile's weights in a model file stand in the order of its selectors",
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_name_is_what_files_have(what):
    found, reason = FOUND[what]
    assert found == LISTED[what], f"{what} changed, but {reason}"


def test_nothing_listed_is_forgotten():
    assert LISTED.keys() == FOUND.keys()
