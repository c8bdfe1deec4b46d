"""The folder of compiled kernels is named after every file that can change what they do."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic

from nncompress.machine import jit
from tests.structure.modules import PACKAGE, imports, modules

CONSTANTS_ALLOWED = {"nncompress", "nncompress.errors"}
"""Modules outside the set that modules with kernels may import: nothing of them is compiled in."""


def compiled_functions(module: str) -> list[Any]:
    """The functions of a module that numba compiles, or that write machine code."""
    found = []
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, Dispatcher):
            found.append(value.py_func)
        elif isinstance(value, _Intrinsic):
            found.append(value._defn)
    return [function for function in found if function.__module__ == module]


NEVER_KEPT = {"nncompress.network.kernels"}
"""The trainer's kernels are compiled in every process: nothing of them is in the cache."""

BY_TRITON = "nncompress.exact.gpu"
"""Triton compiles the kernels there, and keeps them by itself; it may not be installed."""

WITH_KERNELS = [
    name
    for name in modules()
    if not name.endswith("__main__")
    and not name.startswith(BY_TRITON)
    and name not in NEVER_KEPT
    and compiled_functions(name)
]


def test_there_are_kernels_to_guard():
    assert len(WITH_KERNELS) > 15


@pytest.mark.parametrize("module", WITH_KERNELS)
def test_every_file_with_a_compiled_function_names_the_cache(module):
    files = set(jit.kernel_files())
    for function in compiled_functions(module):
        assert Path(inspect.getfile(function)) in files, (
            f"{function.__name__} is compiled, but its file is not among jit.kernel_files(): after "
            "a change in it old machine code would run, and archives would be wrong"
        )


@pytest.mark.parametrize("module", WITH_KERNELS)
def test_what_kernels_are_compiled_with_names_the_cache(module):
    # A number imported from elsewhere is a constant of the machine code as much as the function is.
    files = set(jit.kernel_files())
    outside = {name for name in imports(module, types=False) if modules()[name] not in files}
    assert outside <= CONSTANTS_ALLOWED, f"{module} has kernels and imports {outside}"


def test_the_cache_is_named_after_contents_and_places(tmp_path, monkeypatch):
    names = set()
    for content, place in (("a", "x/one.py"), ("b", "x/one.py"), ("a", "y/one.py")):
        folder = tmp_path / f"{content}{place[0]}"
        (folder / place).parent.mkdir(parents=True)
        (folder / place).write_text(content)
        monkeypatch.setattr(jit, "PACKAGE", folder)
        monkeypatch.setattr(jit, "WITH_KERNELS", ("x", "y"))
        names.add(jit.cache_folder.__wrapped__().name)
    assert len(names) == 3


def test_the_set_is_whole_packages():
    folders = [PACKAGE / name for name in jit.WITH_KERNELS]
    expected = {path for folder in folders if folder.is_dir() for path in folder.rglob("*.py")}
    expected |= {folder for folder in folders if folder.is_file()}
    assert set(jit.kernel_files()) == expected
