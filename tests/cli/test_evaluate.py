from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from nncompress.network.model import SHARNN
from nncompress.network.weights import save_weights
from nncompress.quantize.save import save_model
from nncompress.quantize.to_integers import quantize
from tests.cli.conftest import Run
from tests.models import TINY, text, write_model


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(text(3000))
    return path


def test_bits_per_byte_of_integers_and_floats(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    # Milder than the other tests' network, whose floats cost more than integers can.
    torch.manual_seed(0)
    floats, model = SHARNN(TINY).eval(), tmp_path / "mild.nncmodel"
    torch.nn.init.normal_(floats.output_bias)
    save_weights(tmp_path / "float.safetensors", floats)
    sample = torch.frombuffer(bytearray(text(1024)), dtype=torch.uint8).view(16, 64)
    save_model(model, quantize(floats, sample), summary={"note": "random weights"})
    arguments = ("-m", model, "--float", tmp_path / "float.safetensors", "--bytes", "1000")
    result = real_nnc("eval", file, *arguments, "--json")
    assert result.returncode == 0, result.stderr
    facts = json.loads(result.stdout)
    assert facts["total"]["bytes"] == 1000
    assert facts["model"]["summary"] == {"note": "random weights"}
    (found,) = facts["files"]
    network = found["network"]
    assert network["bits_per_byte"] == pytest.approx(found["float"]["bits_per_byte"], rel=0.01)
    assert found["integer_over_float_percent"] == pytest.approx(
        100 * (network["bits_per_byte"] / found["float"]["bits_per_byte"] - 1)
    )
    counted = facts["model"]["counted"]
    assert counted["payload_and_model"] == network["bytes"] + model.stat().st_size
    assert counted["payload_model_and_program"] > counted["payload_and_model"]
    assert found["recognised"] is None


def test_a_model_is_compared_with_its_own_floats(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    result = real_nnc("eval", file, "-m", model, "--float", model, "--bytes", "1000", "--json")
    assert result.returncode == 0, result.stderr
    assert abs(json.loads(result.stdout)["total"]["integer_over_float_percent"]) < 1


def test_lines_for_people(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    result = real_nnc("eval", file, "-m", write_model(tmp_path / "tiny.nncmodel"))
    assert result.returncode == 0, result.stderr
    assert b"bits per byte" in result.stdout
    assert b"trained on: not stated" in result.stdout  # this model says nothing of it
    assert b"payload + model + program" in result.stdout
    # Only enwik8 itself has figures beside it.
    assert b"cmix" not in result.stdout
    assert b"1.068" not in result.stdout


def test_two_models_on_several_files(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    (tmp_path / "other").write_bytes(text(1000, 3))
    first = write_model(tmp_path / "first.nncmodel")
    second = write_model(tmp_path / "second.nncmodel", seed=1)
    result = real_nnc("eval", file, "other", "other", "-m", first, "--against", second)
    assert result.returncode == 0, result.stderr
    for part in (b"model: first", b"against: second", b"all 2 files", b"first less second"):
        assert part in result.stdout
    assert real_nnc("eval", file, "absent", "-m", first).returncode == 1


def test_only_enwik8_has_its_split(real_nnc: Run, file: Path) -> None:
    for arguments in ((), (file,)):
        result = real_nnc("eval", "--split", "enwik8", *arguments)
        assert result.returncode == 1
        assert b"enwik8.zip" in result.stderr


def test_bad_input(real_nnc: Run, tmp_path: Path, file: Path) -> None:
    model = write_model(tmp_path / "tiny.nncmodel")
    (tmp_path / "empty").touch()
    for arguments, message in (
        (("absent", "-m", model), b"absent"),
        (("empty", "-m", model), b"empty"),
        ((file, "-m", "unknown"), b"no model 'unknown'"),
        ((file, "-m", model, "--float", "absent"), b"absent"),
        ((file, "-m", model, "--float", file), b"safetensors"),
        ((file, "-m", model, "--against", "unknown"), b"no model 'unknown'"),
    ):
        result = real_nnc("eval", *arguments)
        assert result.returncode == 1
        assert message in result.stderr
        assert result.stderr.count(b"\n") == 1


def test_baselines_need_no_file(real_nnc: Run) -> None:
    shown = real_nnc("eval", "--baselines")
    assert b"1.068" in shown.stdout
    facts = json.loads(real_nnc("eval", "--baselines", "--json").stdout)
    assert {row["kind"] for row in facts["ltcb"]} <= {"primary", "verbatim", "quoted"}
    assert "trained on text of Wikipedia" in facts["own"]["warning"]
    assert all(entry["total"] is None for entry in facts["own"]["entries"])
