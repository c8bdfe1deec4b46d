"""Training on CUDA, where steps are recorded, learns what it learns elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nncompress.network.model import SHARNN
from nncompress.training.config import TrainConfig
from nncompress.training.corpus import find_sources
from nncompress.training.holdout import Split
from nncompress.training.loop import Trainer

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def losses(
    corpus: Path, folder: Path, network: SHARNN, device: str, recorded: bool = True, **changes: Any
) -> list[float]:
    """Losses of some steps, past the start of several documents."""
    folder.mkdir()
    copy = SHARNN(network.config)
    copy.load_state_dict(network.state_dict())
    settings = {
        "lanes": 8,
        "segment": 16,
        "reset": 9,
        "steps": 24,
        "rate": 5e-3,
        "warmup": 3,
    }
    config = TrainConfig(**({**settings, "validate": 4096, "optimizer": "muon"} | changes))
    trainer = Trainer(copy, config, Split(find_sources([corpus]), 100), {}, folder, device)
    if not recorded:
        trainer._gradients = trainer._compute
    return [trainer.train_step().item() for _ in range(config.steps)]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_recorded_steps_learn_as_plain_ones(
    corpus: Path, tmp_path: Path, network: SHARNN, precision: str
) -> None:
    found = losses(corpus, tmp_path / "a", network, "cuda", precision=precision)
    plain = losses(corpus, tmp_path / "b", network, "cuda", recorded=False, precision=precision)
    assert found == pytest.approx(plain, rel=2e-2)
    assert found[-1] < found[0]


def test_cuda_learns_as_the_cpu(corpus: Path, tmp_path: Path, network: SHARNN) -> None:
    found = losses(corpus, tmp_path / "a", network, "cuda", precision="float32")
    cpu = losses(corpus, tmp_path / "b", network, "cpu", precision="float32")
    assert found == pytest.approx(cpu, rel=2e-2)


def test_rounding_in_the_loop_runs_on_cuda(corpus: Path, tmp_path: Path, network: SHARNN) -> None:
    found = losses(corpus, tmp_path / "a", network, "cuda", quantize_from=0.5, precision="float32")
    cpu = losses(corpus, tmp_path / "b", network, "cpu", quantize_from=0.5, precision="float32")
    assert found == pytest.approx(cpu, rel=5e-2)
