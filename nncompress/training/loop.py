"""Train a network: text in lanes, truncated backpropagation through time, a step a segment."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nncompress.errors import ConfigError
from nncompress.exact.config import START_SYMBOL, SHARNNConfig
from nncompress.network.model import SHARNN, BlockState, flatten_state, restore_state
from nncompress.network.weights import save_weights

from . import checkpoint
from .config import TrainConfig
from .holdout import Split, choosing_part
from .objective import cost, predict, shifted, soft_cost, validate
from .optimizers import make_optimizers
from .processes import Processes
from .quantization import FakeQuantizer
from .recorded import Gradients, RecordedGradients
from .sampler import Sampler, training_text
from .teacher import Teacher

RUN_FILE = "run.safetensors"
MODEL_FILE = "model.safetensors"
BEST_FILE = "best.safetensors"
LOG_FILE = "log.jsonl"

LOG_SECONDS = 10.0
"""Time between entries of the log."""

TRAINED_BETWEEN = 4
"""Of a run by minutes, so many times as long as a validation took is trained before the next."""

Report = Callable[[dict[str, Any]], None]
"""Takes an entry of the log."""


class Trainer:
    """A training run in a folder, whose files :mod:`.checkpoint` lists.

    It starts from ``model`` as it is; after :meth:`resume`, from the folder's last checkpoint. On
    the CPU a run by steps that was stopped and resumed equals an uninterrupted one bit for bit, on
    one machine with one number of threads. Under ``torch.distributed`` each process reads text of
    its own and gradients are averaged.

    Args:
        model: the network, whose weights are trained in place.
        config: how.
        split: the files, and what of them is held out.
        shares: of the categories, see :class:`~.sampler.Sampler`.
        folder: the run's own.
        device: where to train.
        teacher: trained networks to learn from too, or None.
        facts: what the checkpoint is to say of the run besides, for JSON.
    """

    def __init__(
        self,
        model: SHARNN,
        config: TrainConfig,
        split: Split,
        shares: Mapping[str, float],
        folder: Path,
        device: torch.device | str = "cpu",
        teacher: Teacher | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self.split, self.teacher, self.facts = split, teacher, dict(facts or {})
        self.config, self.folder, self.device = config, folder, torch.device(device)
        self.processes = Processes()
        self.rank = self.processes.rank
        seed = config.seed * self.processes.count + self.rank
        torch.manual_seed(seed)
        self.model = model.to(self.device).train()
        self.optimizers = make_optimizers(self.model, config)
        self.sampler = Sampler(split, shares, lanes=config.lanes, seed=seed)
        self.held_out = choosing_part(split, self.sampler.shares, config.validate)
        self.quantizer: FakeQuantizer | None = None
        self._gradients = self._prepare()
        self.state: list[BlockState] | None = None
        self.previous = torch.full((config.lanes, 1), START_SYMBOL, dtype=torch.uint8)
        self.step, self.bytes, self.seconds, self.best = 0, 0, 0.0, math.inf

    def train(
        self, report: Report = lambda entry: None, stop: Callable[[], bool] = lambda: False
    ) -> None:
        """Train to the end of the schedule, and pass every entry of the log to ``report``.

        It also ends, as well as at the end of the schedule, once ``stop`` says True.
        """
        config = self.config
        started = time.monotonic() - self.seconds
        logged = validated = saved = self.seconds
        logged_bytes, losses = self.bytes, []
        part = int(self._done() * config.validations)
        took, stopped = 0.0, False
        while self._done() < 1 and not stopped:
            losses.append(self.train_step())
            self.seconds = self._agree(time.monotonic() - started)
            stopped = self._agree(stop()) > 0
            over = stopped or self._done() == 1
            if over or self.seconds - logged >= LOG_SECONDS:
                speed = (self.bytes - logged_bytes) / (self.seconds - logged)
                self._log(self._entry(torch.stack(losses).mean().item(), speed), report)
                logged, logged_bytes, losses = self.seconds, self.bytes, []
            reached = int(self._done() * config.validations)
            passed = self.seconds - validated
            # On a slow machine they must not take all time; a run by steps has to be repeatable.
            soon = config.minutes > 0 and passed < TRAINED_BETWEEN * took
            if not over and not soon and (passed >= 60 * config.validate_minutes or reached > part):
                self.validate(report)
                took = time.monotonic() - started - self.seconds
                validated, part = self.seconds + took, reached
            if self.seconds - saved >= 60 * config.checkpoint_minutes:
                self.save()
                saved = self.seconds
        self.validate(report)
        self.save()

    @property
    def complete(self) -> bool:
        """Whether the schedule is at its end."""
        return self._done() == 1

    def _done(self) -> float:
        """Return the share of the training that is done."""
        return self.config.progress(self.step, self.seconds)

    def train_step(self) -> Tensor:
        """Train on one segment of every lane, and return its bits per byte, a scalar."""
        config = self.config
        if config.reset and self.step % config.reset == 0:
            self.state = None
            self.previous.fill_(START_SYMBOL)
            if self.teacher is not None:
                self.teacher.reset()
        if config.progress(self.step, self.seconds) >= config.quantize_from:
            self._quantize()
        text = bytearray(b"".join(self.sampler.next(config.segment)))
        targets = torch.frombuffer(text, dtype=torch.uint8).view(config.lanes, config.segment)
        inputs = shifted(targets, self.previous).to(self.device)
        self.previous = targets[:, -1:].clone()
        bits = self._learn(inputs, targets.to(self.device))
        self.processes.average_gradients(self.model)
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = config.rate_at(self.step, self.seconds)
            optimizer.step()
        self.step += 1
        self.bytes += targets.numel() * self.processes.count
        return bits

    def _learn(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Compute gradients from the text, and from the teacher if there is one.

        Returns:
            The text's bits per byte, a scalar.
        """
        given = [inputs, targets, *flatten_state(self.state)]
        if self.teacher is not None:
            given.append(self.teacher.distributions(inputs, self.config.precision))
        bits, *state = self._gradients(given)
        self.state = restore_state(state)
        return bits.clone()

    def _compute(self, given: Sequence[Tensor]) -> list[Tensor]:
        """Leave gradients in the parameters.

        Args:
            given: inputs and targets, uint8 [B, T]; the tensors of the state; and what the teacher
                says, if there is one.

        Returns:
            The text's bits per byte, a scalar, and the tensors of the state after it.
        """
        inputs, targets, *rest = given
        taught = rest.pop() if self.teacher is not None else None
        logits, state = predict(self.model, inputs, restore_state(rest), self.config.precision)
        objective = bits = cost(logits, targets)
        if taught is not None:
            share = self.config.teacher_share
            objective = share * soft_cost(logits, taught) + (1 - share) * bits
        self.model.zero_grad(set_to_none=True)
        (objective * math.log(2)).backward()  # type: ignore[no-untyped-call]
        return [bits.detach(), *flatten_state(state)]

    def _prepare(self) -> Gradients:
        """Return the fastest function for gradients on the device."""
        if self.device.type == "cpu":
            return self._compute
        # Rounding is for the last part, too short to be worth compiling for.
        compile = self.config.compile and self.quantizer is None
        return RecordedGradients(self._compute, self.model, compile)

    def _quantize(self) -> None:
        if self.quantizer is None:
            text = training_text(self.split, self.sampler.shares)
            self.quantizer = FakeQuantizer.calibrated(self.model, text)
            self._gradients = self._prepare()

    def _agree(self, value: float) -> float:
        return self.processes.agree(value, self.device)

    def validate(self, report: Report) -> None:
        """Measure the held-out text, and keep the weights if they are the best so far."""
        if self.rank or not self.held_out:
            return
        config = self.config
        result = validate(
            self.model,
            self.held_out,
            self.split.held_out_shares(self.sampler.shares),
            lanes=config.lanes,
            # On a CPU products of few rows in bfloat16 take three times as long.
            precision="float32" if self.device.type == "cpu" else config.precision,
        )
        best = result["mean"] < self.best
        self._log(self._counters() | {"validation": result, "best": best}, report)
        if best:
            self.best = result["mean"]
            save_weights(self.folder / BEST_FILE, self.model, self.about())

    def about(self) -> dict[str, Any]:
        """Return what the weights say of their training, for a model's card."""
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.sampler.shares.items())
        return {
            "corpus": shares,
            "bytes_seen": self.bytes,
            "minutes": round(self.seconds / 60, 1),
            "batch": f"{self.config.lanes} x {self.config.segment}",
            "optimizer": f"{self.config.optimizer}, rate {self.config.rate:g}",
            "held_out": self.split.describe(),
            **self.facts,
        }

    def _counters(self) -> dict[str, Any]:
        return {"step": self.step, "bytes": self.bytes, "seconds": round(self.seconds, 1)}

    def _entry(self, bits: float, speed: float) -> dict[str, Any]:
        done = self._done()
        return self._counters() | {
            "rate": self.config.rate_at(self.step, self.seconds),
            "bits_per_byte": bits,
            "bytes_per_second": speed,
            "seconds_left": self.seconds * (1 / done - 1),
        }

    def _log(self, entry: dict[str, Any], report: Report) -> None:
        if self.rank == 0:
            with (self.folder / LOG_FILE).open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
            report(entry)

    def _file(self) -> Path:
        return self.folder / (f"run-{self.rank}.safetensors" if self.rank else RUN_FILE)

    def save(self) -> None:
        """Write the checkpoint: what it takes to go on, then the weights for export."""
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= checkpoint.pack_optimizers(self.optimizers)
        tensors |= checkpoint.pack_state(self.state)
        tensors |= self.teacher.pack() if self.teacher is not None else {}
        tensors |= checkpoint.pack_text(self.sampler.pending)
        tensors |= {"previous": self.previous, "random": torch.get_rng_state()}
        record = self._counters() | {
            "seconds": self.seconds,
            "best": self.best if math.isfinite(self.best) else None,
            "network": self.model.config.to_json(),
            "training": dataclasses.asdict(self.config),
            "split": self.split.to_json(),
            "facts": self.facts,
            "data": self.sampler.state(),
            "scales": self.quantizer.scales if self.quantizer else None,
        }
        checkpoint.save_run(self._file(), tensors, record)
        if self.rank == 0:
            save_weights(self.folder / MODEL_FILE, self.model, self.about())

    def resume(self) -> None:
        """Go on from the folder's checkpoint.

        The configuration may differ from that of the run before, except for the lanes and the
        optimizer.

        Raises:
            ConfigError: the checkpoint is of another network or optimizer, or is none.
            CorpusError: it is of other categories or another number of lanes.
            ModelError: it is damaged.
            OSError: there is none.
        """
        tensors, record = checkpoint.load_run(self._file())
        if SHARNNConfig.from_json(record["network"]) != self.model.config:
            raise ConfigError(f"{self.folder}: its checkpoint is of a network of another shape")
        before = record["training"]["optimizer"]
        if before != self.config.optimizer:
            raise ConfigError(
                f"{self.folder}: its checkpoint is of a run with --optimizer {before}"
            )
        self.model.load_state_dict(
            {key[6:]: value for key, value in tensors.items() if key.startswith("model.")}
        )
        checkpoint.unpack_optimizers(self.optimizers, tensors)
        self.state = checkpoint.unpack_state(tensors, self.device)
        if self.teacher is not None:
            self.teacher.unpack(tensors)
        self.sampler.restore(record["data"], checkpoint.unpack_text(tensors))
        self.previous = tensors["previous"]
        torch.set_rng_state(tensors["random"])
        self.step, self.bytes, self.seconds = record["step"], record["bytes"], record["seconds"]
        self.best = math.inf if record["best"] is None else record["best"]
        if record.get("scales"):
            self.quantizer = FakeQuantizer(self.model, record["scales"])
            self._gradients = self._prepare()
