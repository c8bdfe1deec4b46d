"""``nncompress train``: what it refuses in one line, and several processes at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from click.testing import CliRunner

from nncompress.cli.train import command
from nncompress.errors import NNCompressError
from nncompress.exact.config import SHARNNConfig
from nncompress.network.model import SHARNN
from nncompress.network.presets import PRESETS, chosen_shape
from nncompress.network.weights import load_weights, save_weights
from nncompress.quantize.to_floats import load_network
from nncompress.training.checkpoint import read_record
from nncompress.training.loop import BEST_FILE, LOG_FILE, MODEL_FILE, RUN_FILE, Trainer
from nncompress.training.run import Setup, open_run
from nncompress.training.sampler import Sampler
from tests.models import DEEP, write_model
from tests.training.conftest import prose


def train(*arguments: object) -> Exception | None:
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    assert result.exception is None or isinstance(result.exception, Exception)
    return result.exception


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--steps", 5, "--minutes", 1], "steps or minutes"),
        (["--steps", 5, "--hold-out", 0.9], "held out"),
        (["--steps", 5, "--hold-out", 0.1, "--valid", __file__], "share"),
        (["--steps", 5, "--valid", "nothing.log"], "nothing.log"),
        (["--steps", 5, "--from", "no-such-model"], "no-such-model"),
        (["--steps", 5, "--from", "default", "--width", 64], "shape"),
        (["--steps", 5, "--width", 0], "shape"),
        (["--steps", 5, "--width", 50, "--heads", 3], "shape"),
        (["--steps", 5, "--plot", "curve.jpg"], "curve.jpg"),
        (["--steps", 5, "--lanes", 0], "lanes"),
        (["--steps", 5, "--rate", "nan"], "rate"),
        (["--steps", 5, "--optimizer", "sgd"], "sgd"),
        (["--steps", 5, "--preset", "huge"], "huge"),
        (["--steps", 5, "--device", "abacus"], "abacus"),
        (["--steps", 5, "--threads", -1], "-1"),
        (["--steps", 5, "--weight", "verse=1"], "verse"),
        (["--steps", 5, "--resume"], "resume"),
        (["--steps", 5, "--from", "nothing.safetensors"], "nothing"),
        (["--steps", 5, "--from", "nothing.nncmodel"], "nothing"),
        (["--steps", 5, "--from", __file__], "safetensors"),
        (["--steps", 5, "--teacher", "nothing.nncmodel"], "nothing"),
        (["--steps", 5, "--teacher-share", 1.5], "teacher_share"),
    ],
)
def test_a_bad_option_is_refused_in_one_line(
    corpus: Path, tmp_path: Path, options: list[object], said: str
) -> None:
    error = train(corpus, "--out", tmp_path / "run", *options)
    assert isinstance(error, NNCompressError | click.UsageError)
    assert said in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("value", ["prose", "prose=", "=1", "prose=x", "prose=-1", "prose=nan"])
def test_a_weight_that_is_none_is_refused(corpus: Path, tmp_path: Path, value: str) -> None:
    error = train(corpus, "--out", tmp_path / "run", "--steps", 5, "--weight", value)
    assert value in str(error)


def test_a_missing_corpus_is_named(tmp_path: Path) -> None:
    assert "nowhere" in str(train(tmp_path / "nowhere", "--out", tmp_path, "--steps", 1))


def test_a_run_is_not_overwritten(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_bytes(b"precious")
    assert "--resume" in str(train(corpus, "--out", tmp_path, "--steps", 1))
    assert (tmp_path / RUN_FILE).read_bytes() == b"precious"


def test_a_damaged_checkpoint_is_named(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_bytes(b"damaged")
    error = train(corpus, "--out", tmp_path, "--steps", 1, "--resume")
    assert isinstance(error, NNCompressError)
    assert RUN_FILE in str(error)


SHAPE = ["--width", 16, "--layers", 1, "--window", 8]
SMALL = ["--lanes", 4, "--segment", 8, "--rate", 5e-3, "-q"]


def record(folder: Path) -> dict[str, Any]:
    return read_record(folder / RUN_FILE)


def test_a_run_goes_on_without_being_told_its_settings_again(corpus: Path, tmp_path: Path) -> None:
    options = [*SHAPE, *SMALL, "--optimizer", "muon", "--weight", "prose=1", "--steps", 3]
    assert train(corpus, "--out", tmp_path / "run", *options) is None
    assert train("--resume", "--out", tmp_path / "run", "--steps", 5, "-q") is None
    again = record(tmp_path / "run")
    assert again["step"] == 5
    assert again["training"]["lanes"] == 4
    assert again["training"]["optimizer"] == "muon"
    assert list(again["data"]["shares"]) == ["prose"]
    assert load_weights(tmp_path / "run" / MODEL_FILE).config.dim == 16


def test_a_resumed_command_ends_as_one_that_ran_through(corpus: Path, tmp_path: Path) -> None:
    options = [*SHAPE, *SMALL, "--decay-from", 1]
    assert train(corpus, "--out", tmp_path / "whole", *options, "--steps", 7) is None
    assert train(corpus, "--out", tmp_path / "parts", *options, "--steps", 4) is None
    assert train("--resume", "--out", tmp_path / "parts", "--steps", 7, "-q") is None
    whole, parts = (load_weights(tmp_path / name / MODEL_FILE) for name in ("whole", "parts"))
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_cannot_change_on_resuming_is_refused(corpus: Path, tmp_path: Path) -> None:
    assert train(corpus, "--out", tmp_path / "run", *SHAPE, *SMALL, "--steps", 1) is None
    for option in (["--lanes", 5], ["--optimizer", "lamb"], ["--width", 32]):
        error = train("--resume", "--out", tmp_path / "run", "--steps", 2, "-q", *option)
        assert isinstance(error, NNCompressError)
        assert "\n" not in str(error)


def test_a_run_goes_on_where_its_corpus_has_moved(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    (before / "a.log").write_bytes(prose(1, 400))
    first = [before / "a.log", *SHAPE, *SMALL, "--steps", 1]
    assert train(*first, "--out", tmp_path / "run") is None
    ends = record(tmp_path / "run")["split"]["ends"]
    before.rename(after)
    assert train("--resume", "--out", tmp_path / "run", "--steps", 2, "-q") is not None
    more = [after / "a.log", "--steps", 2, "-q"]
    assert train("--resume", "--out", tmp_path / "run", *more) is None
    assert list(record(tmp_path / "run")["split"]["ends"].values()) == list(ends.values())


def test_a_run_is_begun_anew_only_with_force(corpus: Path, tmp_path: Path) -> None:
    options = [corpus, "--out", tmp_path / "run", *SHAPE, *SMALL, "--steps"]
    assert train(*options, 3) is None
    assert isinstance(train(*options, 2), NNCompressError)
    assert train(*options, 2, "-f") is None
    assert record(tmp_path / "run")["step"] == 2
    log = [json.loads(text) for text in (tmp_path / "run" / LOG_FILE).read_text().splitlines()]
    assert max(entry["step"] for entry in log) == 2


def test_a_run_of_one_file_holds_its_end_out_and_keeps_the_best(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(prose(1, 2000))
    options = [*SHAPE, *SMALL, "--steps", 16]
    assert train(tmp_path / "a.log", "--out", tmp_path / "run", *options) is None
    log = [json.loads(text) for text in (tmp_path / "run" / LOG_FILE).read_text().splitlines()]
    found = [entry["validation"]["mean"] for entry in log if "validation" in entry]
    assert len(found) == 8
    assert record(tmp_path / "run")["best"] == min(found)
    assert load_weights(tmp_path / "run" / BEST_FILE).config.dim == 16


@pytest.mark.parametrize("option", ["--from", "--teacher"])
def test_an_installed_model_is_named(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    (tmp_path / "models").mkdir()
    write_model(tmp_path / "models" / "mine.nncmodel", DEEP)
    monkeypatch.setenv("NNCOMPRESS_MODELS", str(tmp_path / "models"))
    out = tmp_path / "run"
    assert train(corpus, "--out", out, option, "mine", *SMALL, "--steps", 1) is None
    facts = record(out)["facts"]
    assert facts["started_from" if option == "--from" else "teachers"] in ("mine", ["mine"])


def test_sizes_make_a_shape() -> None:
    assert chosen_shape() is None
    shape = chosen_shape("small", width=64, layers=4, heads=2, window=9)
    assert shape == SHARNNConfig(64, 256, 4, attention=(2,), heads=2, window=9)
    assert chosen_shape(width=64) == SHARNNConfig(64, 64, 1, attention=(0,), window=128)


def test_a_run_can_start_from_a_model_file(corpus: Path, tmp_path: Path) -> None:
    start, out = write_model(tmp_path / "start.nncmodel", DEEP), tmp_path / "run"
    options = ["--lanes", 2, "--segment", 8, "--steps", 2, "--rate", 1e-6, "-q"]
    assert train(corpus, "--out", out, "--from", start, *options) is None
    before, after = load_network(start), load_weights(out / MODEL_FILE)
    assert after.config == DEEP
    for name, tensor in before.state_dict().items():
        assert torch.allclose(after.state_dict()[name], tensor, rtol=0, atol=1e-5), name


def test_a_run_can_learn_from_model_files(corpus: Path, tmp_path: Path) -> None:
    teacher = write_model(tmp_path / "teacher.nncmodel", DEEP)
    options = ["--lanes", 2, "--segment", 8, "--steps", 2, "--from", teacher, "-q"]
    weights = []
    for name, more in (("alone", []), ("one", [teacher]), ("two", [teacher, teacher])):
        teachers = [word for path in more for word in ("--teacher", path)]
        assert train(corpus, "--out", tmp_path / name, *options, *teachers) is None
        weights.append(load_weights(tmp_path / name / MODEL_FILE).output_bias)
    alone, one, two = weights
    assert not torch.equal(alone, one)
    assert torch.allclose(one, two)  # the mean of a network and itself


@pytest.mark.skipif(not torch.distributed.is_available(), reason="PyTorch without distributed")
def test_processes_train_one_network_together(corpus: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / "start.safetensors", SHARNN(PRESETS["small"]))
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    launch += ["-m", "nncompress", "train", str(corpus), "--out", str(tmp_path / "run")]
    launch += ["--from", str(tmp_path / "start.safetensors"), "--steps", "2", "--threads", "1"]
    launch += ["--lanes", "2", "--segment", "8"]
    done = subprocess.run(launch, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    log = [json.loads(line) for line in (tmp_path / "run" / LOG_FILE).read_text().splitlines()]
    assert log[-1]["bytes"] == 2 * 2 * 2 * 8
    assert sorted(path.name for path in (tmp_path / "run").glob("run*")) == [
        "run-1.safetensors",
        "run.safetensors",
    ]
    together = load_weights(tmp_path / "run" / MODEL_FILE)
    alone = trained_alone(corpus, tmp_path)
    started = load_weights(tmp_path / "start.safetensors").state_dict()
    for name, tensor in alone.model.state_dict().items():
        assert torch.allclose(together.state_dict()[name], tensor, rtol=1e-4, atol=1e-6), name
    assert any(
        not torch.equal(tensor, started[name]) for name, tensor in together.state_dict().items()
    )


def trained_alone(corpus: Path, tmp_path: Path) -> Trainer:
    """One process does what two processes of two lanes each do in two steps, on the same text."""
    given = {"lanes": 4, "segment": 8, "steps": 2}
    setup = Setup(tmp_path / "alone", (corpus,), str(tmp_path / "start.safetensors"))
    with open_run(setup, given) as alone:
        first, second = (
            Sampler(alone.split, alone.sampler.shares, lanes=2, seed=2 * alone.config.seed + rank)
            for rank in range(2)
        )
        alone.sampler.next = lambda length: first.next(length) + second.next(length)
        alone.train()
    return alone
