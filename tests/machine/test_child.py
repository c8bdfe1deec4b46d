"""Functions of the package are called in other processes, which find modules as this one does."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from nncompress.machine.child import start_child


def note() -> None:
    """Write the name of this module's file to the file that a variable names."""
    with Path(os.environ["NOTE"]).open("a") as file:
        print(Path(__file__).name, file=file)


def fail() -> None:
    raise RuntimeError("not to be seen")


def test_functions_are_called_in_order_until_one_fails(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("NOTE", str(tmp_path / "note"))
    own = f"{__name__}:"
    process = start_child(own + "note", own + "note", own + "fail", own + "note")
    assert process is not None
    assert process.wait(60) != 0
    assert (tmp_path / "note").read_text() == "test_child.py\n" * 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("executable", ["", None, "/no/such/python"])
def test_without_a_python_there_is_no_child(monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    assert start_child(f"{__name__}:note") is None


def test_nothing_is_imported_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "here.py").write_text("from pathlib import Path; Path('seen').touch()")
    monkeypatch.chdir(tmp_path)
    process = start_child("here:anything")
    assert process is not None
    assert process.wait(60) != 0
    assert not (tmp_path / "seen").exists()
