"""``nncompress average``: means of weights, and what they cost on held-out text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click
import pytest
import torch
from click.testing import CliRunner

from nncompress.cli.average import command
from nncompress.errors import ConfigError, FileError, NNCompressError
from nncompress.exact.config import SHARNNConfig
from nncompress.network.model import SHARNN
from nncompress.network.weights import load_weights, save_weights
from nncompress.training.average import HeldOut, average_networks
from tests.models import TINY, write_model
from tests.training.conftest import prose
from tests.training.test_loop import trainer


def run(*arguments: object) -> str:
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Weights of two networks of one shape."""
    paths = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    for seed, path in enumerate(paths):
        torch.manual_seed(seed)
        save_weights(path, SHARNN(SHARNNConfig(dim=16, boom=32, layers=1)))
    return paths


@pytest.mark.parametrize("shares", [(), (1.0, 1.0), (3.0, 1.0)])
def test_the_mean_is_that_of_every_weight(
    two: tuple[Path, Path], tmp_path: Path, shares: tuple[float, ...]
) -> None:
    out = tmp_path / "mean.safetensors"
    run(*two, "-o", out, *(word for share in shares for word in ("--share", share)))
    mean, one, other = (load_weights(path).state_dict() for path in (out, *two))
    part = shares[0] / sum(shares) if shares else 0.5
    for name, tensor in mean.items():
        torch.testing.assert_close(tensor, part * one[name] + (1 - part) * other[name])


def test_held_out_text_tells_what_each_and_the_mean_cost(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus"
    for name in ("code", "prose"):
        (corpus / name).mkdir(parents=True)
        for number in range(200):
            (corpus / name / str(number)).write_bytes(prose(number, 10))
    lines = run(*two, "--held-out", corpus, "--bytes", 4000).splitlines()
    assert [line.split("  ")[0] for line in lines] == [*map(str, two), "mean"]
    for line in lines:
        bits = {name: float(number) for name, number in re.findall(r"(\w+) (\d+\.\d+)", line)}
        assert bits.keys() == {"code", "prose", "mean"}
        assert min(bits["code"], bits["prose"]) <= bits["mean"] <= max(bits["code"], bits["prose"])


def test_training_and_averaging_hold_out_the_same_text(
    corpus: Path, tmp_path: Path, network: SHARNN
) -> None:
    entries: list[dict[str, Any]] = []
    settings = {"validate": 20000, "precision": "float32"}
    trainer(corpus, tmp_path, network, **settings).validate(entries.append)
    measured = HeldOut([corpus], {}, 20000, 0.1).measure(network)
    assert measured == pytest.approx(entries[0]["validation"])


def test_a_model_file_can_be_averaged_with_itself(tmp_path: Path) -> None:
    model, out = tmp_path / "model.nncmodel", tmp_path / "mean.safetensors"
    write_model(model, TINY)
    run(model, model, "-o", out)
    assert load_weights(out).config == TINY


def test_an_existing_file_is_replaced_only_with_force(two: tuple[Path, Path]) -> None:
    before = two[1].read_bytes()
    with pytest.raises(FileError, match="-f"):
        run(two[0], "-o", two[1])
    assert two[1].read_bytes() == before
    run(two[0], "-o", two[1], "-f")
    assert load_weights(two[1]).config == load_weights(two[0]).config


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--share", 1], "1 shares for 2"),
        (["--share", 1, "--share", 0], "positive"),
        (["--share", 1, "--share", "inf"], "positive"),
        (["--held-out", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    two: tuple[Path, Path], tmp_path: Path, options: list[object], said: str
) -> None:
    with pytest.raises(NNCompressError, match=said) as caught:
        run(*two, "-o", tmp_path / "mean.safetensors", *options)
    assert "\n" not in str(caught.value)


def test_a_corpus_of_which_nothing_is_held_out_is_refused(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "short.txt").write_text("x")
    with pytest.raises(NNCompressError, match="held out"):
        run(*two, "--held-out", tmp_path / "short.txt")


def test_nothing_to_do_is_wrong_usage(two: tuple[Path, Path]) -> None:
    with pytest.raises(click.UsageError, match="--out"):
        run(*two)


def test_different_shapes_have_no_average() -> None:
    small, wide = (SHARNN(SHARNNConfig(dim=dim, boom=dim, layers=1)) for dim in (16, 32))
    with pytest.raises(ConfigError, match="shapes"):
        average_networks([small, wide], [1, 1])
