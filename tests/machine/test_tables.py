"""Tables of addresses: what goes in comes out in compiled code; what does not fit is refused."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from nncompress.machine.calls import address_of, call
from nncompress.machine.jit import jit
from nncompress.machine.tables import COLUMNS, Schema


class Inner(NamedTuple):
    small: Annotated[NDArray[np.int8], 2]
    number: int


class Outer(NamedTuple):
    first: int
    inner: Inner
    deep: Annotated[NDArray[np.float64], 4]


class Alike(NamedTuple):
    one: int
    two: int


OUTER, ALIKE = Schema(Outer), Schema(Alike)
open_outer, open_alike = OUTER.opener(), ALIKE.opener()


@jit
def read_back(table):
    record = open_outer(table)
    small, number = record.inner
    record.deep[1, 0, 2, 3] = 7.0
    return record.first, small[1, 2], number, small.shape, record.deep.shape


@jit
def read_page(pages, page):
    record = open_alike(pages[page, 1:])
    return record.one - record.two


def outer(**changes) -> Outer:
    small = np.arange(12, dtype=np.int8).reshape(3, 4)
    return Outer(-5, Inner(small, 1 << 40), np.zeros((2, 1, 3, 4)))._replace(**changes)


def test_compiled_code_reads_and_writes_what_a_table_names():
    record = outer()
    table = OUTER.fill(record)
    assert table.shape == (4, COLUMNS)
    assert read_back(table) == (-5, 6, 1 << 40, (3, 4), (2, 1, 3, 4))
    assert record.deep[1, 0, 2, 3] == 7.0


def test_a_table_can_be_a_page_of_several():
    pages = np.zeros((2, 3, COLUMNS), np.int64)
    pages[1, 1:] = ALIKE.fill(Alike(9, 4))
    assert read_page(pages, 1) == 5


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"deep": np.zeros((2, 1, 3, 4), np.float32)}, TypeError, "deep must be float64 of 4"),
        ({"deep": np.zeros((2, 3))}, TypeError, "not float64 of 2"),
        ({"deep": 3}, TypeError, "deep must be an array, not int"),
        ({"deep": np.zeros((2, 1, 3, 8))[..., ::2]}, ValueError, "deep has gaps"),
        ({"first": 1.5}, TypeError, "first must be a whole number, not float"),
        ({"inner": Inner(np.zeros((1, 1), np.uint8), 1)}, TypeError, "inner.small must be int8"),
    ],
)
def test_what_does_not_fit_the_schema_is_refused(change, error, said):
    with pytest.raises(error, match=said):
        OUTER.fill(outer(**change))


def test_another_record_is_refused():
    with pytest.raises(TypeError, match="expected Outer, not Alike"):
        OUTER.fill(Alike(1, 2))


@jit
def difference(table):
    record = open_alike(table)
    return record.one - record.two


@jit
def difference_at(function, table):
    return call(function, (table,))


def test_a_table_can_be_opened_by_its_address_in_a_function_called_by_its_own():
    table = ALIKE.fill(Alike(50, 8))
    assert difference_at(address_of(difference, 1), table.ctypes.data) == 42


def test_the_address_of_a_function_that_returns_something_else_is_refused():
    with pytest.raises(TypeError, match="int64"):
        address_of(jit(lambda number: number / 2), 1)
