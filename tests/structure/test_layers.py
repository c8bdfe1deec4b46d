"""Imports point downwards only, and the top of the package stays small.

Imports for a type checker count like all others: who reads a module must read what it names.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import pytest

from tests.structure.modules import PACKAGE, imports, modules

LAYERS = (
    ("errors", "_version"),
    ("machine",),
    ("lanes",),
    ("transforms",),
    ("archive",),
    ("exact",),
    ("mixing",),
    ("coding",),
    ("pipeline",),
    ("api",),
    ("files",),
    ("network",),
    ("quantize",),
    ("training",),
    ("reports",),
    ("cli",),
    ("integrations",),
    ("__main__",),
)
"""Lowest first: a module imports from lower layers and from its own folder alone."""

LEVEL = {name: number for number, names in enumerate(LAYERS) for name in names}
FACADE = "nncompress"
"""The package itself: it names the public interface, which it imports when that is first used."""

MOST_UNITS = 21
"""Files and folders at the top of the package."""


def unit(module: str) -> str:
    """The file or folder at the top of the package that a module belongs to."""
    return module.split(".")[1]


OWN = [name for name in modules() if name != FACADE]


@pytest.mark.parametrize("module", OWN)
def test_imports_point_downwards(module):
    own = LEVEL[unit(module)]
    for other in imports(module) - {FACADE}:
        same = unit(other) == unit(module)
        assert same or LEVEL[unit(other)] < own, f"{module} imports {other}, which lies above it"


def test_no_imports_go_in_a_circle():
    graph = {name: imports(name) - {FACADE} for name in OWN}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {' -> '.join(error.args[1])}")


def test_the_facade_imports_nothing_that_imports_it_back():
    users = {name for name in OWN if FACADE in imports(name)}
    reachable, waiting = set(), set(imports(FACADE))
    while waiting:
        name = waiting.pop()
        reachable.add(name)
        waiting |= imports(name) - reachable - {FACADE}
    assert not users & reachable


def test_the_top_of_the_package_is_small():
    units = [path for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "models")]
    assert len(units) <= MOST_UNITS, sorted(path.name for path in units)
