"""A public name stands for one thing in the whole package, so that a search finds it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.structure.modules import modules

TWINS = {
    "nncompress.exact.kernels.attention",
    "nncompress.exact.kernels.fused",
    "nncompress.exact.kernels.norm",
    "nncompress.exact.kernels.reference",
}
"""Modules whose functions have the same names on purpose: two forms of one kernel."""

ALLOWED = {
    "Array": "short for a type, in modules with kernels",
    "Compressor": "the public class and the one it extends",
    "Decompressor": "the public class and the one it extends",
    "command": "each module of a command has one",
    "log": "the package's logger",
    "main": "entry points",
    "verify": "the command 'models verify', and the check of a new archive",
}
"""Names that several modules may define, and why."""


REFERENCE = "nncompress.mixing.reference"
"""The plain reference of the predictor names its parts as the kernels do."""


def public_names(path: Path) -> Iterator[str]:
    """The names that a module defines at its top level."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found = [node.name]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            parts = [part for target in targets for part in _parts(target)]
            found = [part.id for part in parts if isinstance(part, ast.Name)]
        else:
            continue
        yield from (name for name in found if not name.startswith("_"))


def _parts(target: ast.expr) -> list[ast.expr]:
    return target.elts if isinstance(target, ast.Tuple) else [target]


def test_a_public_name_is_defined_once():
    places: defaultdict[str, set[str]] = defaultdict(set)
    for module, path in modules().items():
        if module.startswith(REFERENCE):
            continue
        for name in public_names(path):
            places[name].add("kernels" if module in TWINS else module)
    twice = {name: sorted(own) for name, own in places.items() if len(own) > 1}
    assert {name: own for name, own in twice.items() if name not in ALLOWED} == {}
    assert ALLOWED.keys() <= twice.keys(), "an allowed name is defined once by now"
