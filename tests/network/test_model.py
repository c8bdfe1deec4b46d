"""SHA-RNN as a function: its state, its window, its heads, and the fused code against PyTorch's."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from nncompress.exact.config import SHARNNConfig
from nncompress.network import functional
from nncompress.network import model as modules
from nncompress.network.constants import GELU_SCALE
from nncompress.network.lstm import library_lstm, recurrence
from nncompress.network.model import SHARNN

CONFIG = SHARNNConfig(dim=32, boom=64, layers=3, attention=(1,), heads=1, window=12)


def make(config: SHARNNConfig = CONFIG) -> SHARNN:
    torch.manual_seed(3)
    model = SHARNN(config).eval()
    for parameter in model.parameters():  # far from the cautious initial values
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def text(lanes: int, length: int) -> Tensor:
    return torch.randint(0, 256, (lanes, length), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("heads", [1, 4])
@pytest.mark.parametrize("attention", [(), (1,), (0, 1, 2)])
@torch.no_grad()
def test_segments_give_what_the_whole_gives(attention: tuple[int, ...], heads: int) -> None:
    model = make(dataclasses.replace(CONFIG, attention=attention, heads=heads))
    x = text(2, 50)
    whole, _ = model(x)
    state, parts = None, []
    for start, stop in ((0, 1), (1, 8), (8, 38), (38, 50)):
        logits, state = model(x[:, start:stop].to(torch.uint8), state)
        parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)


@torch.no_grad()
def test_the_network_looks_back_and_never_ahead() -> None:
    model = make()
    x = text(1, 30)
    before, _ = model(x)
    x[0, 20] ^= 1
    after, _ = model(x)
    assert torch.equal(before[:, :20], after[:, :20])
    assert not torch.allclose(before[:, 20:], after[:, 20:])


@torch.no_grad()
def test_lanes_do_not_mix() -> None:
    model = make()
    x = text(3, 20)
    torch.testing.assert_close(model(x)[0][1:2], model(x[1:2])[0])


@torch.no_grad()
def test_attention_reads_its_window_and_no_more() -> None:
    model = make()
    attention = model.blocks[1].attention
    h, memory = torch.randn(30, 1, 32), torch.randn(1, 30, 32)
    read = attention(h, memory)
    memory[:, 10] += 1
    changed = (attention(h, memory) != read).any(dim=2).flatten()
    assert changed.nonzero().flatten().tolist() == list(range(10, 10 + CONFIG.window))


def test_the_recurrence_has_the_gradients_of_pytorchs_lstm() -> None:
    torch.manual_seed(0)
    x, weight_ih, weight_hh = torch.randn(7, 3, 16), torch.randn(64, 16), torch.randn(64, 16)
    bias, state = torch.randn(64), (torch.randn(3, 16), torch.randn(3, 16))
    weights = [w.requires_grad_() for w in (x, weight_ih, weight_hh, bias)]
    mine, last = recurrence(x @ weight_ih.t() + bias, state, weight_hh)
    theirs, wanted = library_lstm(x, state, weight_ih, weight_hh, bias)
    torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(last, wanted)
    direction = torch.randn_like(mine)
    torch.testing.assert_close(
        torch.autograd.grad((mine * direction).sum(), weights),
        torch.autograd.grad((theirs * direction).sum(), weights),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_boom_is_its_formula(dtype: torch.dtype) -> None:
    up = (4 * torch.randn(5, 2, 64)).to(dtype).requires_grad_()
    wanted = up.float() * torch.sigmoid(GELU_SCALE * up.float())
    wanted = wanted.view(5, 2, 4, 16).sum(dim=2)
    found = functional.boom_sum(up, 16)
    assert found.dtype == dtype
    loose = {"rtol": 1e-2, "atol": 1e-2} if dtype == torch.bfloat16 else {}
    torch.testing.assert_close(found, wanted.to(dtype), **loose)
    direction = torch.randn(5, 2, 16)
    (mine,) = torch.autograd.grad((found.float() * direction).sum(), up)
    (theirs,) = torch.autograd.grad((wanted * direction).sum(), up)
    torch.testing.assert_close(mine, theirs, **loose)


def test_attention_for_training_is_pytorchs() -> None:
    torch.manual_seed(0)
    query, memory = torch.randn(3, 2, 5, 16), torch.randn(3, 2, 9, 16)
    seen = torch.ones(5, 9).tril(4).triu(1).bool()
    direction = torch.randn(3, 2, 5, 16).bfloat16()
    results = []
    for dtype in (torch.bfloat16, torch.float32):
        inputs = [x.bfloat16().to(dtype).requires_grad_() for x in (query, memory)]
        read = functional.attend_band(*inputs, seen)
        gradients = torch.autograd.grad(read, inputs, direction.to(dtype))
        results.append([x.float() for x in (read, *gradients)])
    assert "_Attend" not in str(read.grad_fn)  # PyTorch's own
    torch.testing.assert_close(*results, rtol=2e-2, atol=2e-2)


def test_the_table_of_bytes_has_the_gradients_of_the_plain_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gradients() -> list[Tensor]:
        model = make()
        model(text(2, 20))[0].logsumexp(dim=2).sum().backward()
        return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]

    quick = gradients()

    def plain(block: modules.Block, x: Tensor, embedding: Tensor, state: object) -> object:
        return block(embedding[x], state)

    monkeypatch.setattr(modules.Block, "read_bytes", plain)
    torch.testing.assert_close(quick, gradients())


def test_dropout_acts_in_training_alone() -> None:
    rates = {"dropout_embedding": 0.5, "dropout_hidden": 0.5, "dropout_output": 0.5}
    model = make(dataclasses.replace(CONFIG, **rates))
    x = text(1, 10)
    assert torch.equal(model(x)[0], model(x)[0])
    model.train()
    assert not torch.equal(model(x)[0], model(x)[0])
