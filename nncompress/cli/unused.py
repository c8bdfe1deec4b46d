"""Tell of options that were given and do nothing in the case at hand."""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.core import ParameterSource

from nncompress.coding.levels import DEFAULT_LEVEL, LEVELS
from nncompress.files.names import STDIN


def unused_options() -> Iterator[str]:
    """Yield a line for each option of the present command that was given and does nothing."""
    context = click.get_current_context()
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if "method" in context.params:
        yield from _of_coding(given)
    if "to_stdout" in context.params:
        yield from _of_writing(given)


def _of_coding(given: dict[str, object]) -> Iterator[str]:
    """Yield what the level and the method make useless."""
    level, method = given.get("level") or DEFAULT_LEVEL, given.get("method") or "auto"
    assert isinstance(level, int)
    if method in ("mixing", "stored"):
        reason = f"--method {method} uses no model"
    elif method == "auto" and not LEVELS[level].network:
        reason = f"level {level} uses no model"
    else:
        return
    names = {"model": "-m", "device": "--device"}
    yield from (f"{names[name]} has no effect: {reason}" for name in names if name in given)
    if method == "stored":
        names = {"level": "a level", "window": "--window"}
        reason = "--method stored compresses nothing"
        yield from (f"{names[name]} has no effect: {reason}" for name in names if name in given)


def _of_writing(given: dict[str, object]) -> Iterator[str]:
    """Yield what cannot be done where results go."""
    output = given.get("output")
    if given.get("to_stdout") and output not in (None, "-"):
        yield "-o has no effect beside -c"
    sources = given.get("names") or (STDIN,)
    assert isinstance(sources, tuple)
    if given.get("keep") and given.get("remove"):
        yield "--rm has no effect beside -k"
    elif given.get("to_stdout") or output == "-" or (output is None and set(sources) == {STDIN}):
        names = {"remove": "--rm", "verify": "--verify", "sparse": "--sparse"}
        reason = "the result goes to standard output"
        yield from (f"{names[name]} has no effect: {reason}" for name in names if given.get(name))
    elif given.get("remove") and given.get("verify") is False:
        yield "--no-verify has no effect beside --rm, which deletes nothing unverified"
