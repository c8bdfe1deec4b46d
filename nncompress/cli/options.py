"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from nncompress.codecs import LEVELS, METHODS

Command = TypeVar("Command", bound=Callable[..., Any])

UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes: 1000, 64K, 2MiB, 1.5G; units are powers of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", value.strip().lower())
        if match is None:
            self.fail(f"{value!r} is no size such as 1000, 64K or 2GiB", param, ctx)
        return int(float(match[1]) * UNITS[match[2]])


def files(command: Command) -> Command:
    """Add the FILE arguments."""
    return click.argument("names", metavar="[FILE]...", nargs=-1)(command)


def messages(command: Command) -> Command:
    """Add -q and -v."""
    return _add(
        command,
        click.option("-q", "--quiet", is_flag=True, help="No warnings and no progress bar."),
        click.option("-v", "--verbose", is_flag=True, help="Say how each file went."),
    )


def engine(command: Command) -> Command:
    """Add the options for the model and the machine."""
    return _add(
        command,
        click.option("-m", "--model", metavar="MODEL", help="Model file, or name of a known one."),
        click.option("--device", default="auto", help="auto, cpu, cuda or cuda:N."),
        click.option(
            "--threads", type=click.IntRange(0), default=0, help="Threads in a block; 0: all cores."
        ),
        click.option(
            "-T",
            "--processes",
            type=click.IntRange(0),
            default=1,
            show_default=True,
            help="Blocks coded at once, each in a process; 0: one a core.",
        ),
        click.option("--memory-limit", type=Size(), help="Memory that a block may take."),
    )


def strength(command: Command) -> Command:
    """Add the level and the method."""
    levels = [
        click.option(
            f"-{level}",
            "level",
            flag_value=level,
            type=int,
            hidden=level not in (1, 9),
            help={
                1: "Level 1, the fastest.",
                9: "Level 9, the smallest; -2 to -8 are between.",
            }.get(level),
        )
        for level in LEVELS
    ]
    method = click.option("--method", type=click.Choice(METHODS), help="How blocks are coded.")
    return _add(command, *levels, method)


def writing(command: Command) -> Command:
    """Add the options for where results go and what becomes of sources."""
    return _add(
        command,
        click.option(
            "-o", "--output", type=click.Path(path_type=Path), help="File or folder for results."
        ),
        click.option("-c", "--stdout", "to_stdout", is_flag=True, help="Write to standard output."),
        click.option("-f", "--force", is_flag=True, help="Replace existing files."),
        click.option("-k", "--keep", is_flag=True, help="Keep the source (the default)."),
        click.option("--rm", "remove", is_flag=True, help="Delete the source at the end."),
    )


def recursive(command: Command) -> Command:
    """Add -r."""
    return click.option("-r", "--recursive", is_flag=True, help="Take the files in folders.")(
        command
    )


def output_limit(command: Command) -> Command:
    """Add --max-output-size."""
    return click.option("--max-output-size", type=Size(), help="Most bytes to restore.")(command)


def _add(command: Command, *decorators: Callable[[Command], Command]) -> Command:
    for decorator in reversed(decorators):
        command = decorator(command)
    return command
