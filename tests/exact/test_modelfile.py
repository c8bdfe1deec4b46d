"""Model files: what is written is read, and nothing else is accepted."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from nncompress.errors import DeviceError, ModelError, ModelNotFoundError
from nncompress.exact import modelfile, store
from nncompress.exact.bounds import check_bounds
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.engine import Network
from nncompress.exact.parameters import Parameters
from nncompress.exact.parts import Linear
from nncompress.quantize.save import save_model
from tests.models import DEEP, TINY, model, parameters, write_model


@pytest.mark.parametrize("config", [TINY, DEEP], ids=["tiny", "deep"])
def test_a_saved_model_is_the_same_model(tmp_path, config):
    mixing = {"weights": np.arange(6, dtype=np.int32)}
    path = tmp_path / "a.nncmodel"
    identity = save_model(path, parameters(config), mixing, {"hours": 3})
    loaded = modelfile.load_model(path)
    assert loaded.identity == identity
    assert len(identity) == 16
    assert loaded.summary == {"hours": 3}
    assert loaded.mixing["weights"].tolist() == list(range(6))
    before, after = parameters(config).tensors(), loaded.parameters.tensors()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    loaded.check(Network(loaded.parameters))


def test_identity_follows_what_archives_depend_on(tmp_path):
    first = save_model(tmp_path / "a", parameters(), summary={"note": "one"})
    assert save_model(tmp_path / "b", parameters(), summary={"note": "two"}) == first
    assert save_model(tmp_path / "c", parameters(seed=1)) != first
    assert save_model(tmp_path / "d", parameters(), {"w": np.zeros(1, np.int32)}) != first


def test_a_device_that_computes_something_else_is_refused(tmp_path):
    loaded = dataclasses.replace(model(tmp_path), known_answer="0" * 64)
    with pytest.raises(DeviceError, match="does not compute this model exactly"):
        loaded.check(Network(loaded.parameters))


@settings(max_examples=60)
@given(st.data())
def test_damage_never_passes(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    path = folder / "whole.nncmodel"
    if not path.exists():
        write_model(path)
    whole = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        damaged = bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        damaged = bytes(whole)
    broken = folder / "broken.nncmodel"
    broken.write_bytes(damaged)
    message = ""
    try:
        loaded = modelfile.load_model(broken)
    except ModelError as error:
        message = str(error)
    else:  # only what archives do not depend on may differ
        assert loaded.identity == modelfile.load_model(path).identity
    assert "\n" not in message


@pytest.mark.parametrize(
    "content", [b"", b"no model", b"\xff" * 64, b"\x08" + b"\0" * 7 + b"{}      "]
)
def test_other_files_are_no_models(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="other"):
        modelfile.load_model(path)
    with pytest.raises(ModelError):
        modelfile.load_model(tmp_path / "absent")


ALMOST = (2**31 - 1) // (127 << 8)
"""The largest number of attention's value without rounding."""


def _changed(name: str, change: object) -> dict[str, np.ndarray]:
    tensors = {key: array.copy() for key, array in parameters().tensors().items()}
    tensors[name] = change(tensors[name])  # type: ignore[operator]
    return tensors


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("output.weight", lambda a: a[:-1], "output"),
        ("output.weight", lambda a: a.astype(np.int16), "output"),
        ("output.weight", lambda a: np.full_like(a, 64), "out of range"),
        ("output.multiplier", lambda a: a * 0, "out of range"),
        ("output.multiplier", lambda a: np.full_like(a, 2**31 - 1), "32 bits"),
        ("blocks.1.cell.shift", lambda a: a + 32, "shift"),
        ("blocks.0.norm_boom.gain", lambda a: np.full_like(a, 1 << 20), "32 bits"),
        ("blocks.1.attention.value", lambda a: np.full_like(a, 1 << 20), "32 bits"),
        # Within 32 bits but for the half unit that is added before the shift.
        ("blocks.1.attention.value", lambda a: np.full_like(a, ALMOST), "32 bits"),
    ],
)
def test_unsound_numbers_are_refused(name, change, message):
    with pytest.raises(ModelError, match=message):
        Parameters.from_tensors(TINY, _changed(name, change))


@pytest.mark.parametrize(("chunks", "sound"), [(32752, True), (32753, False), (32769, False)])
def test_so_many_chunks_of_boom_that_sums_leave_32_bits_are_refused(chunks, sound):
    with pytest.raises(ModelError, match="lacks" if sound else "chunks"):
        _check(SHARNNConfig(dim=1, boom=chunks, layers=1))


@pytest.mark.parametrize(("dim", "sound"), [(1040, True), (1041, False)])
def test_an_attention_whose_scores_float32_would_round_is_refused(dim, sound):
    with pytest.raises(ModelError, match="lacks" if sound else "scores"):
        _check(SHARNNConfig(dim=dim, boom=dim, layers=1, attention=(0,)))
    with pytest.raises(ModelError, match="lacks"):
        _check(SHARNNConfig(dim=dim, boom=dim, layers=1))


def _check(config: SHARNNConfig) -> None:
    """Check the bounds of a network without blocks, whose output layer lacks everything."""
    nothing = np.zeros(0)
    try:
        check_bounds(config, [], 1, Linear(nothing, nothing, nothing, 0))
    except ModelError as error:
        shape = "is float64" in str(error)
        raise ModelError(f"it lacks the rest: {error}" if shape else str(error)) from None


def test_missing_and_left_over_tensors_are_refused():
    tensors = parameters().tensors()
    with pytest.raises(ModelError, match="lacks"):
        Parameters.from_tensors(TINY, {k: v for k, v in tensors.items() if k != "output.bias"})
    with pytest.raises(ModelError, match="does not explain"):
        Parameters.from_tensors(TINY, {**tensors, "extra": np.zeros(1, np.int32)})


def test_models_are_found_by_name_path_and_identity(tmp_path, monkeypatch):
    monkeypatch.setenv("NNCOMPRESS_MODELS", str(tmp_path))
    path = write_model(tmp_path / "mine.nncmodel")
    (tmp_path / "broken.nncmodel").write_bytes(b"broken")
    assert store.resolve_model("mine") == path
    assert store.resolve_model(path) == path
    identity = modelfile.load_model(path).identity
    assert store.find_model(identity) == path
    with pytest.raises(ModelNotFoundError, match="ab" * 16) as caught:
        store.find_model(b"\xab" * 16)
    assert caught.value.wanted == "ab" * 16
    with pytest.raises(ModelNotFoundError, match="mine"):
        store.resolve_model("yours")


@pytest.mark.parametrize("field", ["config", "summary"])
def test_metadata_that_python_cannot_take_are_refused(tmp_path, field):
    path = write_model(tmp_path / "a.nncmodel")
    with safe_open(path, "np") as file:
        metadata = {**file.metadata(), field: "[" * 100_000}
        save_file({name: file.get_tensor(name) for name in file.keys()}, path, metadata)  # noqa: SIM118
    with pytest.raises(ModelError, match="metadata are damaged"):
        modelfile.load_model(path)


@pytest.mark.parametrize("name", ["quick", "default", "large"])
def test_models_that_come_along_load(name):
    folder = Path(modelfile.__file__).parents[2] / "models"
    assert modelfile.load_model(folder / f"{name}.nncmodel").mixing
