"""Training runs: they learn, log, stop and go on."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from nncompress.errors import ConfigError
from nncompress.exact.config import SHARNNConfig
from nncompress.network.model import SHARNN
from nncompress.network.weights import load_weights, save_weights
from nncompress.training.config import TrainConfig
from nncompress.training.corpus import find_sources
from nncompress.training.holdout import Split
from nncompress.training.loop import BEST_FILE, LOG_FILE, MODEL_FILE, RUN_FILE, Trainer
from nncompress.training.objective import predict
from nncompress.training.teacher import FloatReader, Teacher
from tests.models import DEEP, write_model


def small(**changes: Any) -> TrainConfig:
    settings: dict[str, Any] = {
        "lanes": 4,
        "segment": 16,
        "reset": 5,
        "steps": 12,
        "rate": 5e-3,
        "warmup": 3,
        "validate": 4096,
    }
    return TrainConfig(**(settings | changes))


def trainer(corpus: Path, folder: Path, network: SHARNN, **changes: Any) -> Trainer:
    folder.mkdir(exist_ok=True)
    copy = SHARNN(network.config)
    copy.load_state_dict(network.state_dict())
    return Trainer(copy, small(**changes), Split(find_sources([corpus]), 100), {}, folder)


def other_network(config: SHARNNConfig, seed: int) -> SHARNN:
    torch.manual_seed(seed)
    return SHARNN(config)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon", "lamb"])
def test_a_resumed_run_equals_an_uninterrupted_one(
    corpus: Path, tmp_path: Path, network: SHARNN, optimizer: str, precision: str
) -> None:
    settings = {"optimizer": optimizer, "precision": precision}
    whole = trainer(corpus, tmp_path / "whole", network, **settings)
    losses = [whole.train_step().item() for _ in range(12)]
    halves = trainer(corpus, tmp_path / "halves", network, **settings)
    found = [halves.train_step().item() for _ in range(7)]
    halves.save()
    halves.train_step()  # lost, as if the machine had failed
    again = trainer(corpus, tmp_path / "halves", network, **settings)
    again.resume()
    found += [again.train_step().item() for _ in range(5)]
    assert found == losses
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("steps", [4, 7])  # 5 ends with a reset
def test_a_taught_run_resumes_like_an_uninterrupted_one(
    corpus: Path, tmp_path: Path, network: SHARNN, steps: int
) -> None:
    save_weights(tmp_path / "teacher.safetensors", other_network(network.config, 1))
    teachers = [tmp_path / "teacher.safetensors", write_model(tmp_path / "t.nncmodel", DEEP)]

    def taught(name: str) -> Trainer:
        run = trainer(corpus, tmp_path / name, network)
        run.teacher = Teacher.load(teachers, torch.device("cpu"))
        return run

    whole = taught("whole")
    losses = [whole.train_step().item() for _ in range(9)]
    halves = taught("halves")
    found = [halves.train_step().item() for _ in range(steps)]
    halves.save()
    again = taught("halves")
    again.resume()
    found += [again.train_step().item() for _ in range(9 - steps)]
    assert found == losses
    alone = trainer(corpus, tmp_path / "alone", network)
    assert [alone.train_step().item() for _ in range(9)] != losses


def test_a_run_resumed_with_another_teacher_begins_it_cold(
    corpus: Path, tmp_path: Path, network: SHARNN
) -> None:
    def taught(config: SHARNNConfig) -> Trainer:
        run = trainer(corpus, tmp_path / "run", network)
        path = write_model(tmp_path / "teacher.nncmodel", config)
        run.teacher = Teacher.load([path], torch.device("cpu"))
        return run

    before = taught(DEEP)
    before.train_step()
    before.save()
    again = taught(network.config)
    again.resume()
    assert again.teacher is not None
    assert again.teacher.pack() == {}
    again.train_step()


def test_a_taught_network_comes_to_say_what_its_teacher_says(
    corpus: Path, tmp_path: Path, network: SHARNN
) -> None:
    settings = {"teacher_share": 1.0, "lanes": 8, "segment": 32, "rate": 2e-2, "steps": 120}
    run = trainer(corpus, tmp_path / "run", network, **settings)
    network = other_network(network.config, 3)
    with torch.no_grad():
        network.output_bias.zero_()[ord("q")] = 6.0  # a letter that the text hardly has
    run.teacher = Teacher([FloatReader(network, torch.device("cpu"))])
    for _ in range(120):
        run.train_step()
    inputs = torch.full((1, 8), 32, dtype=torch.uint8)
    found = torch.softmax(predict(run.model, inputs, None, "float32")[0], -1)
    run.teacher.reset()
    expected = run.teacher.distributions(inputs, "float32")
    assert expected[:, ord("q")].mean() > 0.5
    assert torch.allclose(found, expected, atol=0.1)


def test_a_run_learns_and_leaves_its_files(corpus: Path, tmp_path: Path, network: SHARNN) -> None:
    run = trainer(corpus, tmp_path / "run", network, steps=60, lanes=8, segment=32)
    entries: list[dict[str, Any]] = []
    run.train(entries.append)
    log = [json.loads(line) for line in (tmp_path / "run" / LOG_FILE).read_text().splitlines()]
    assert log == entries
    assert log[-1]["step"] == 60
    assert log[-1]["bytes"] == 60 * 8 * 32
    assert log[-1]["validation"]["mean"] < 4.5  # an unknown byte costs 8 bits
    for name in (MODEL_FILE, BEST_FILE):
        assert load_weights(tmp_path / "run" / name).config == network.config


def test_validation_is_the_networks_own_figure(
    corpus: Path, tmp_path: Path, network: SHARNN
) -> None:
    run = trainer(corpus, tmp_path / "run", network)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.zero_()
    run.validate(lambda entry: None)
    assert run.best == pytest.approx(8.0)  # uniform


@pytest.mark.parametrize("decay", ["cosine", "linear"])
@pytest.mark.parametrize("by", ["steps", "minutes"])
def test_the_rate_rises_and_falls(decay: str, by: str) -> None:
    config = small(steps=100, minutes=0.0) if by == "steps" else small(steps=0, minutes=100 / 60)
    config = TrainConfig(**{**config.__dict__, "decay": decay, "warmup": 10, "final": 0.1})
    rates = [config.rate_at(step, float(step)) for step in range(101)]
    top = rates.index(max(rates))
    assert 5 <= top <= 12
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0.1 * config.rate)


@pytest.mark.parametrize("decay", ["cosine", "linear"])
def test_the_rate_stays_until_the_decay(decay: str) -> None:
    config = dataclasses.replace(small(steps=100), decay=decay, decay_from=0.6, warmup=10)
    rates = [config.rate_at(step, 0.0) for step in range(101)]
    assert set(rates[10:61]) == {config.rate}
    assert all(after < before for before, after in itertools.pairwise(rates[60:]))
    assert rates[80] == pytest.approx(config.rate / 2)
    assert rates[100] == 0
    assert dataclasses.replace(config, decay_from=1.0).rate_at(100, 0.0) == config.rate


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"minutes": 1.0},
        {"lanes": 0},
        {"optimizer": "sgd"},
        {"decay": "step"},
        {"precision": "int8"},
        {"rate": math.nan},
        {"clip": 0.0},
        {"validations": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        small(**changes)


def test_a_checkpoint_of_another_network_is_refused(
    corpus: Path, tmp_path: Path, network: SHARNN
) -> None:
    trainer(corpus, tmp_path / "run", network).save()
    other = SHARNN(SHARNNConfig(dim=16, boom=16, layers=1))
    with pytest.raises(ConfigError, match="another shape"):
        trainer(corpus, tmp_path / "run", other).resume()


def test_a_checkpoint_of_another_optimizer_is_refused(
    corpus: Path, tmp_path: Path, network: SHARNN
) -> None:
    run = trainer(corpus, tmp_path / "run", network, optimizer="muon")
    run.train_step()
    run.save()
    with pytest.raises(ConfigError, match="--optimizer muon"):
        trainer(corpus, tmp_path / "run", network, optimizer="lamb").resume()


def test_rounding_in_the_loop_trains_and_resumes(
    corpus: Path, tmp_path: Path, network: SHARNN
) -> None:
    run = trainer(corpus, tmp_path / "run", network, quantize_from=0.5)
    for _ in range(8):
        run.train_step()
    assert run.quantizer is not None
    run.save()
    again = trainer(corpus, tmp_path / "run", network, quantize_from=0.5)
    again.resume()
    assert again.train_step().item() == run.train_step().item()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_a_killed_run_goes_on(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "nncompress", "train", str(corpus), "--out", str(out)]
    command += ["--preset", "small", "--lanes", "2", "--segment", "4", "--threads", "1", "--quiet"]
    command += ["--checkpoint-minutes", "0"]
    process = subprocess.Popen([*command, "--steps", "100000"])
    try:
        deadline = time.monotonic() + 120
        while not (out / RUN_FILE).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # kill it somewhere in the midst of its writing
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (out / RUN_FILE).exists()
    again = [sys.executable, "-m", "nncompress", "train", "--out", str(out), "--resume", "-q"]
    subprocess.run([*again, "--steps", "1"], check=True, timeout=120)
    load_weights(out / MODEL_FILE)
