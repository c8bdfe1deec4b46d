"""``nncompress train --out NAME.nncmodel``: from text to a model that is worth having."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nncompress
from nncompress.cli.train import command
from nncompress.errors import ConfigError, ModelError, NNCompressError
from nncompress.exact.config import SHARNNConfig
from nncompress.exact.engine import Network
from nncompress.exact.modelfile import load_model
from nncompress.files.models import import_model
from nncompress.training import own_model
from nncompress.training.checkpoint import read_record
from nncompress.training.corpus import CorpusError
from nncompress.training.gain import Gain, Piece
from nncompress.training.loop import BEST_FILE, RUN_FILE
from nncompress.training.own_model import Order, make_model
from nncompress.training.run import Setup
from tests.children import environment
from tests.models import text
from tests.training.conftest import Notes

TINY = SHARNNConfig(dim=16, boom=16, layers=1, attention=(0,), window=8)
STEPS = {"lanes": 4, "segment": 16, "steps": 24, "rate": 2e-2}


@pytest.fixture(scope="module")
def order(tmp_path_factory: pytest.TempPathFactory) -> Order:
    """An order of a tiny model of two logs, which has been carried out."""
    folder = tmp_path_factory.mktemp("own")
    for seed, name in enumerate(("a.log", "b.log")):
        (folder / name).write_bytes(text(12_000, seed))
    setup = Setup(
        folder / "logs.run",
        corpora=(folder / "a.log", folder / "b.log"),
        shape=TINY,
        hold_out=0.3,
        threads=1,
    )
    made = Order(folder / "logs.nncmodel", setup, STEPS, "nncompress train ...", mixer_sample=2048)
    make_model(made, Notes())
    return made


def again(order: Order, folder: Path, **setup: Any) -> Order:
    """The same order for another place."""
    changed = replace(order.setup, folder=folder / "logs.run", **setup)
    return replace(order, out=folder / "logs.nncmodel", setup=changed)


def test_the_model_is_whole_and_opens_what_it_made(order: Order) -> None:
    model = load_model(order.out)
    model.check(Network(model.parameters))
    data = text(3000, 0)
    archive = nncompress.compress(data, model=order.out)
    assert nncompress.decompress(archive, model=order.out) == data
    assert 0 < model.summary["bytes_seen"] <= 24 * 4 * 16  # those of the best weights
    assert set(re.findall(r"\w+", model.summary["corpus"])) >= {"a", "b"}


def test_the_model_can_be_installed(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    place = import_model(order.out, None, force=False)
    assert load_model(place).identity == load_model(order.out).identity
    archive = nncompress.compress(b"some text", model="logs")
    assert nncompress.decompress(archive) == b"some text"


def test_the_card_says_what_was_done_and_gained(order: Order) -> None:
    card = order.out.with_suffix(".md").read_text("utf-8")
    for said in (load_model(order.out).identity.hex(), "16 wide", "xz -9e", order.command):
        assert said in card


def test_the_gain_is_of_bytes_that_were_held_out(order: Order, tmp_path: Path) -> None:
    notes = Notes()
    gain, complete = make_model(again(order, tmp_path), notes)
    assert complete
    assert {piece.name: piece.size for piece in gain.pieces} == {"a": 3000, "b": 3000}
    held_out = text(12_000, 0)[-3000:]
    assert gain.pieces[0].after == len(
        nncompress.compress(held_out, model=tmp_path / "logs.nncmodel")
    )
    assert gain.pieces[0].before == len(nncompress.compress(held_out))
    ends = read_record(tmp_path / "logs.run" / RUN_FILE)["split"]["ends"]
    assert set(ends.values()) == {8400}
    assert all(size == done for size, done in notes.bars.values())
    banner = "\n".join(notes.said)
    for said in ("parameters", "held out", "24 steps", "thread"):
        assert said in banner


def test_a_stopped_training_makes_the_model_of_the_best_so_far(
    order: Order, tmp_path: Path
) -> None:
    steps = iter([False] * 5 + [True])
    notes = Notes()
    make_model(again(order, tmp_path), notes, lambda: nullcontext(lambda: next(steps)))
    assert load_model(tmp_path / "logs.nncmodel").summary["bytes_seen"] <= 6 * 4 * 16
    assert any("stopped" in said for said in notes.said)


def test_a_stopped_training_goes_on(order: Order, tmp_path: Path) -> None:
    _, complete = make_model(again(order, tmp_path), Notes(), lambda: nullcontext(lambda: True))
    assert not complete
    resumed = again(order, tmp_path, resume=True, shape=None, corpora=(), hold_out=None)
    make_model(replace(resumed, given={}, replace=True), Notes())
    assert read_record(tmp_path / "logs.run" / RUN_FILE)["step"] == 24


def test_nothing_is_replaced_unasked(order: Order, tmp_path: Path) -> None:
    before = order.out.read_bytes()
    with pytest.raises(NNCompressError, match="-f"):
        make_model(order, Notes())
    (tmp_path / "logs.md").write_text("my notes")
    with pytest.raises(NNCompressError, match=r"logs\.md.*-f"):
        make_model(again(order, tmp_path), Notes())
    assert order.out.read_bytes() == before


def test_a_model_that_does_not_verify_gets_no_name(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ModelError("other bytes")

    monkeypatch.setattr(own_model, "check_round_trip", fail)
    with pytest.raises(ModelError, match="other bytes"):
        make_model(again(order, tmp_path), Notes())
    assert not (tmp_path / "logs.nncmodel").exists()
    assert (tmp_path / "logs.run" / BEST_FILE).exists()


def test_what_could_not_be_measured_or_made_is_refused_before_training(
    order: Order, tmp_path: Path
) -> None:
    (tmp_path / "short").write_text("x")
    with pytest.raises(CorpusError, match="held out"):
        make_model(again(order, tmp_path, corpora=(tmp_path / "short",)), Notes())
    with pytest.raises(ConfigError, match="head"):
        make_model(again(order, tmp_path / "new", shape=replace(TINY, heads=2)), Notes())
    assert not (tmp_path / "new").exists()


def test_a_model_pays_for_itself_or_says_that_it_does_not() -> None:
    better = Gain(
        "default", (Piece("a", 1000, 400, 300, 200), Piece("b", 1000, 400, 300, 300)), 50_000
    )
    assert better.paid_after == 1_000_000
    assert "1 MB" in better.verdict()
    worse = Gain("default", (Piece("a", 1000, 400, 300, 300),), 50_000)
    assert worse.paid_after is None
    assert "nothing" in worse.verdict()


def test_the_command_does_all_and_draws_the_curve(order: Order, tmp_path: Path) -> None:
    words = [*map(str, order.setup.corpora), "--out", tmp_path / "m.nncmodel", "--plot"]
    words += [tmp_path / "curve.csv", "--width", 16, "--window", 8, "--lanes", 4, "-T", 1, "-q"]
    done = CliRunner().invoke(command, [*map(str, words), "--segment", "16", "--steps", "8"])
    assert done.exit_code == 0, done.output
    assert "new model" in done.stdout
    load_model(tmp_path / "m.nncmodel")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "curve.csv").read_text())))
    assert rows[-1]["step"] == "8"
    assert any(row["held_out_bits_per_byte"] for row in rows)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to another process")
@pytest.mark.parametrize("result", ["m.nncmodel", "folder"])
def test_ctrl_c_leaves_the_best_so_far(order: Order, tmp_path: Path, result: str) -> None:
    run = tmp_path / (result if result == "folder" else "m.run")
    words = [sys.executable, "-m", "nncompress", "train", *map(str, order.setup.corpora)]
    words += ["--width", "16", "--window", "8", "--lanes", "2", "--segment", "8", "-T", "1"]
    words += ["--steps", "10000000", "--checkpoint-minutes", "0", "--out", str(tmp_path / result)]
    process = subprocess.Popen(
        words,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + 300
        while not (run / RUN_FILE).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 2, said
    assert "--resume" in said
    assert (run / BEST_FILE).exists()
    if result != "folder":
        load_model(tmp_path / result)
