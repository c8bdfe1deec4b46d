"""The package's modules and what each imports, read from the source; nothing is run for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nncompress

PACKAGE = Path(nncompress.__file__).parent


@cache
def modules() -> dict[str, Path]:
    """The file of every module, by its dotted name; a package is its ``__init__``."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str, *, types: bool = True) -> frozenset[str]:
    """The modules of the package that a module names in imports, wherever in it they stand.

    Without ``types``, what only a type checker reads is left out.
    """
    path = modules()[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text("utf-8"))
    found = {name for node in _nodes(tree, types) for name in _named(node, package)}
    return frozenset(found - {module})


def _nodes(node: ast.AST, types: bool) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if types or not for_types:
            yield child
            yield from _nodes(child, types)


def _named(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            above = parts[: len(parts) - node.level + 1]
            base = ".".join([*above, *filter(None, [node.module])])
        inner = [f"{base}.{alias.name}" for alias in node.names]
        names = [name if name in modules() else base for name in inner]
    else:
        return
    yield from (name for name in names if name in modules())
