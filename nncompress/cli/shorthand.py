"""``nncompress FILE`` and ``nncompress -d FILE.nnc``: gzip's and xz's way, without a command."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches

import click

from nncompress.files.names import STDIN

GLOBAL_OPTIONS = ("-h", "--help", "-V", "--version")
MODES = {
    "-d": "decompress",
    "--decompress": "decompress",
    "--uncompress": "decompress",
    "-z": "compress",
    "--compress": "compress",
    "-t": "test",
    "--test": "test",
    "-l": "list",
    "--list": "list",
}


ALIKE = 0.75
"""A word and a command count as alike from this similarity on; ``tset`` and ``test`` have it."""


def expand_shorthand(
    arguments: list[str], commands: Collection[str], *, interactive: bool
) -> list[str]:
    """Return ``arguments`` beginning with a command's name.

    Without arguments, a terminal gets help and anything else is compressed. Options may stand
    before a command, too. The last of several modes counts; after one, all names are files.

    Raises:
        click.UsageError: a word without a mode is no file, but nearly a command.
    """
    if not arguments:
        return ["--help"] if interactive else ["compress"]
    if arguments[0] in commands or arguments[0] in GLOBAL_OPTIONS:
        return arguments
    taking = value_options(_options_of_modes())
    mode = None
    rest: list[str] = []
    names: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in MODES:
            mode = MODES[word]
        elif word.startswith("--"):
            rest.append(word)
            if word in taking:
                rest += _next(words)
        elif word.startswith("-") and len(word) > 1:
            found, letters, takes_next = _split_cluster(word[1:], taking)
            mode = found or mode
            rest += ["-" + letters] if letters else []
            if takes_next:
                rest += _next(words)
        elif word in commands and mode is None and not names:
            return [word, *rest, *words]
        else:
            names.append(word)
            rest.append(word)
    if mode is None:
        _refuse_misspelt(names, commands)
    return [mode or "compress", *rest]


def _refuse_misspelt(names: list[str], commands: Collection[str]) -> None:
    """Raise UsageError where a name is no file and nearly a command: nothing is done then."""
    for name in names:
        if name == STDIN or os.path.lexists(name):
            continue
        if name in commands:
            raise click.UsageError(f"{name!r} is no file; as a command it stands before the files")
        if near := get_close_matches(name, commands, 1, ALIKE):
            raise click.UsageError(f"{name!r} is no file and no command: did you mean {near[0]!r}?")


def refuse_levels(words: Iterable[str], options: Collection[click.Option]) -> None:
    """Raise UsageError for a level such as -10, which reads as two short options.

    Args:
        words: the words after the command.
        options: those of the command.
    """
    digits = {name[1:] for option in options for name in option.opts if name[1:].isdecimal()}
    taking = value_options(options)
    left = iter(words)
    for word in left if digits else ():
        if word == "--":
            return
        if word in taking:
            _next(left)
        elif re.match("-[^-]", word):
            _, letters, takes_next = _split_cluster(word[1:], taking)
            flags = letters[: next((i for i, c in enumerate(letters) if "-" + c in taking), None)]
            for number in re.findall("[0-9]+", flags):
                if number not in digits:
                    least, most = min(digits), max(digits)
                    raise click.UsageError(
                        f"no level {number}: levels are -{least} (fastest) to -{most} (smallest)"
                    )
            if takes_next:
                _next(left)


def _next(words: Iterator[str]) -> list[str]:
    word = next(words, None)
    return [] if word is None else [word]


def _split_cluster(letters: str, taking: Collection[str]) -> tuple[str | None, str, bool]:
    """Take the mode out of letters such as ``dc``; ``taking`` are the options that take a value.

    Returns it, the other letters, and whether the next word is the value of the last of them.
    """
    mode, rest = None, ""
    for position, letter in enumerate(letters):
        if "-" + letter in taking:
            return mode, rest + letters[position:], position == len(letters) - 1
        if "-" + letter in MODES:
            mode = MODES["-" + letter]
        else:
            rest += letter
    return mode, rest, False


def value_options(options: Iterable[click.Option]) -> set[str]:
    """Return the names of those options whose next word is their value."""
    return {
        name
        for option in options
        if not option.is_flag and not option.count
        for name in option.opts
    }


def _options_of_modes() -> list[click.Option]:
    """Return the options of the commands above."""
    modules = [importlib.import_module(f"nncompress.cli.{name}") for name in set(MODES.values())]
    found = [option for module in modules for option in module.command.params]
    return [option for option in found if isinstance(option, click.Option)]
