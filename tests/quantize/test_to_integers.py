"""Integers follow floats whose values are unevenly large, as long training leaves them."""

from __future__ import annotations

import copy

import pytest
import torch

from nncompress.network.model import SHARNN, Block
from nncompress.quantize.to_integers import quantize
from tests.models import SINGLE, float_network
from tests.quantize.test_to_floats import excess, float_predictions, integer_predictions, symbols


def lost(model: SHARNN) -> float:
    """Bits a byte that the integers of a network take more than its floats."""
    integers = quantize(model, torch.from_numpy(symbols().copy()))
    return excess(float_predictions(model), integer_predictions(integers))


@pytest.fixture
def model() -> SHARNN:
    return copy.deepcopy(float_network(SINGLE))


def attending(model: SHARNN) -> Block:
    block = model.blocks[0]
    assert isinstance(block, Block)
    return block


@torch.no_grad()
def test_a_query_may_be_of_any_size(model: SHARNN) -> None:
    query = attending(model).attention.query
    query.weight *= 3000  # it is normalised next: nothing else changes
    query.bias *= 3000
    assert lost(model) < 1.2 * lost(float_network(SINGLE))


@torch.no_grad()
def test_a_few_columns_of_the_memory_may_be_large(model: SHARNN) -> None:
    block = attending(model)
    for part in (block.norm_memory.weight, block.norm_memory.bias):
        part[:4] *= 50
    for part in (block.attention.query_norm.weight, block.attention.query_norm.bias):
        part[:4] /= 50
    assert lost(model) < 3 * lost(float_network(SINGLE))


@torch.no_grad()
def test_what_attention_reads_may_be_large(model: SHARNN) -> None:
    block = attending(model)
    for part in (block.norm_memory, block.norm_attention):
        part.weight *= 400
        part.bias *= 400
    block.attention.query.weight /= 400  # as before
    for part in (block.attention.query_norm.weight, block.attention.query_norm.bias):
        part /= 400
    assert lost(model) < 3 * lost(float_network(SINGLE))
