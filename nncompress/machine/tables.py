"""Hand arrays and numbers to compiled functions as one table of addresses.

To unpack an array at every call costs numba 0.3 us. A function that is called often is therefore
given one table of addresses and lengths, and opens in compiled code what the table names.

A table is described once, by a :class:`typing.NamedTuple` whose annotations are the schema::

    class Port(NamedTuple):
        symbols: Annotated[NDArray[np.uint8], 1]    # an array: its dtype, and how many dimensions
        position: int                               # a number
        product: Operands                           # a named tuple of the same kind

    PORT = Schema(Port)
    open_port = PORT.opener()

``PORT.fill(Port(...))`` makes the table, and checks types and dimensions while it does;
``open_port(table)`` in compiled code, of a table or of its address, gives the named tuple back, and
a named tuple within it as a plain tuple, which can be passed on as arguments:
``f(*port.product, 1)``. Nothing is checked there, and a table is of use only as long as its arrays
live.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array
from numba.np.numpy_support import from_dtype

from .intrinsics import cgutils

Table = Annotated[npt.NDArray[np.int64], 2]
"""int64 [rows, COLUMNS], as an entry of a schema: a table within a table."""

COLUMNS = 5
"""Of a table: an address, and the lengths of up to four axes. A number stands in the first."""


@dataclass(frozen=True)
class Entry:
    """One row of a table: an array of this dtype and number of dimensions, or a number if 0."""

    name: str
    dtype: np.dtype[Any]
    dimensions: int


class Schema:
    """Describes the tables for one class of named tuples.

    Args:
        record: the class; see the module's docstring.
    """

    def __init__(self, record: type[NamedTuple]) -> None:
        self.record = record
        self.entries = tuple(_entries(record, ""))

    def fill(self, record: NamedTuple) -> npt.NDArray[np.int64]:
        """Return the table of a record, int64 [rows, COLUMNS].

        Raises:
            TypeError: the record, or an array's dtype or number of dimensions, is not the schema's.
            ValueError: an array has gaps, so that it has no single address.
        """
        if not isinstance(record, self.record):
            raise TypeError(f"expected {self.record.__name__}, not {type(record).__name__}")
        rows = [_row(*pair) for pair in zip(self.entries, _flat(record), strict=True)]
        return np.array(rows, np.int64)

    def opener(self) -> Any:
        """Return the function, for compiled code, that opens a table.

        It takes the table, int64 [rows, COLUMNS], or its address, int64.
        """
        kind = _record_type(self.record)

        def open_table(typing_context: Any, table: Any) -> Any:
            by_address = table == types.int64
            whole = isinstance(table, types.Array) and table.layout == "C" and table.ndim == 2
            if not (by_address or whole):
                return None

            def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
                if by_address:
                    place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
                else:
                    place = context.make_array(table)(context, builder, arguments[0]).data
                return _Opening(context, builder, place).value(kind)

            return kind(table), generate

        return intrinsic(open_table)


def _entries(record: type[NamedTuple], prefix: str) -> Iterator[Entry]:
    for name, hint in typing.get_type_hints(record, include_extras=True).items():
        if _is_record(hint):
            yield from _entries(hint, f"{prefix}{name}.")
        else:
            yield Entry(prefix + name, *_array_of(hint))


def _is_record(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, tuple)


def _array_of(hint: Any) -> tuple[np.dtype[Any], int]:
    """Return the dtype and the dimensions that an annotation states."""
    if hint is int:
        return np.dtype(np.int64), 0
    array, dimensions = typing.get_args(hint)
    kind = typing.get_args(array)[1]  # NDArray[t] is ndarray[shape, dtype[t]]
    return np.dtype(typing.get_args(kind)[0]), dimensions


def _flat(record: NamedTuple) -> Iterator[Any]:
    for value in record:
        if isinstance(value, tuple):
            yield from _flat(cast(NamedTuple, value))
        else:
            yield value


def _row(entry: Entry, value: Any) -> list[int]:
    if not entry.dimensions:
        if not isinstance(value, (int, np.integer)):
            raise TypeError(f"{entry.name} must be a whole number, not {type(value).__name__}")
        return [int(value)] + [0] * (COLUMNS - 1)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{entry.name} must be an array, not {type(value).__name__}")
    if (value.dtype, value.ndim) != (entry.dtype, entry.dimensions):
        raise TypeError(
            f"{entry.name} must be {entry.dtype} of {entry.dimensions} dimensions, "
            f"not {value.dtype} of {value.ndim}"
        )
    if not value.flags.c_contiguous:
        raise ValueError(f"{entry.name} has gaps: only a whole array has one address")
    return [value.ctypes.data, *value.shape] + [0] * (COLUMNS - 1 - value.ndim)


def _entry_types(record: type[NamedTuple]) -> list[Any]:
    kinds: list[Any] = []
    for hint in typing.get_type_hints(record, include_extras=True).values():
        if _is_record(hint):
            kinds.append(types.BaseTuple.from_types(_entry_types(hint)))
            continue
        dtype, dimensions = _array_of(hint)
        number = from_dtype(dtype)
        kinds.append(types.Array(number, dimensions, "C") if dimensions else types.int64)
    return kinds


def _record_type(record: type[NamedTuple]) -> Any:
    kinds = _entry_types(record)
    # numba has a class of its own for tuples whose entries are all of one type.
    if len(set(kinds)) == 1:
        return types.NamedUniTuple(kinds[0], len(kinds), record)
    return types.NamedTuple(kinds, record)


class _Opening:
    """Writes code that reads the rows of a table one after the other."""

    def __init__(self, context: Any, builder: Any, table: Any) -> None:
        self.context, self.builder, self.table, self.row = context, builder, table, 0

    def value(self, kind: Any) -> Any:
        """Write the value of the next row, or of the next rows for a named tuple."""
        parts: Any = kind  # numba's types are themselves untyped
        if isinstance(kind, types.BaseTuple):
            values = [self.value(part) for part in parts]
            return self.context.make_tuple(self.builder, kind, values)
        row, self.row = self.row, self.row + 1
        if isinstance(kind, types.Array):
            return self._array(row, kind)
        return self._load(row, 0)

    def _array(self, row: int, kind: Any) -> Any:
        context, builder = self.context, self.builder
        element = context.get_data_type(kind.dtype)
        size = context.get_constant(types.intp, context.get_abi_sizeof(element))
        shape = [self._load(row, 1 + axis) for axis in range(kind.ndim)]
        strides = [size]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        array = make_array(kind)(context, builder)
        populate_array(
            array,
            data=builder.inttoptr(self._load(row, 0), element.as_pointer()),
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides),
            itemsize=size,
            meminfo=None,
        )
        return array._getvalue()

    def _load(self, row: int, column: int) -> Any:
        place = ir.Constant(ir.IntType(64), row * COLUMNS + column)
        return self.builder.load(self.builder.gep(self.table, [place]))
