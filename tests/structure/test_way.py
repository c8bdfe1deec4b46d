"""A byte's way from a command to its kernel stays short enough to be kept in mind."""

from __future__ import annotations

import traceback
from pathlib import Path

from nncompress.cli.app import run
from nncompress.coding import compiled_loop
from nncompress.pipeline.workers import Workers
from tests.golden.cases import MODEL, TEXT
from tests.structure.modules import PACKAGE

MOST_CALLS = 12


def own_calls() -> list[str]:
    """The functions of the package that are at work in this thread, the outermost first.

    List comprehensions, which only older releases of Python call, do not count.
    """
    stack = traceback.extract_stack()
    own = [frame.name for frame in stack if PACKAGE in Path(frame.filename).parents]
    return [name for name in own if name != "<listcomp>"]


def test_at_most_twelve_calls_from_a_command_to_its_kernel(tmp_path, monkeypatch):
    found: dict[str, list[str]] = {}

    def spy(name, function):
        def watched(*arguments):
            found.setdefault(name, own_calls())
            return function(*arguments)

        return watched

    monkeypatch.setattr(Workers, "run", spy("run", Workers.run))
    kernel = compiled_loop._run_jobs
    monkeypatch.setattr(compiled_loop, "_run_jobs", spy("kernel", kernel))
    source = tmp_path / "text"
    source.write_bytes(TEXT)
    assert run(["compress", "--method=network+mixing", "-m", str(MODEL), str(source)]) == 0
    before = found["run"][found["run"].index("command") + 1 :]
    in_worker = [*found["kernel"], "_run_jobs"]
    way = [*before, *in_worker]
    assert len(way) <= MOST_CALLS, way
