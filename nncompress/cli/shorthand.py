"""``nncompress FILE`` and ``nncompress -d FILE.nnc``: gzip's and xz's way, without a command."""

from __future__ import annotations

import importlib
from collections.abc import Container, Iterator

import click

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


def expand_shorthand(
    arguments: list[str], commands: Container[str], *, interactive: bool
) -> list[str]:
    """Return ``arguments`` beginning with a command's name.

    Without arguments, a terminal gets help and anything else is compressed. Options may stand
    before a command, too. The last of several modes counts; after one, all names are files.
    """
    if not arguments:
        return ["--help"] if interactive else ["compress"]
    if arguments[0] in commands or arguments[0] in GLOBAL_OPTIONS:
        return arguments
    mode = None
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in MODES:
            mode = MODES[word]
        elif word.startswith("--"):
            rest.append(word)
            if word in _value_options():
                rest += _next(words)
        elif word.startswith("-") and len(word) > 1:
            found, letters, takes_next = _split_cluster(word[1:])
            mode = found or mode
            rest += ["-" + letters] if letters else []
            if takes_next:
                rest += _next(words)
        elif word in commands and mode is None:
            return [word, *rest, *words]
        else:
            mode = mode or "compress"
            rest.append(word)
    return [mode or "compress", *rest]


def _next(words: Iterator[str]) -> list[str]:
    word = next(words, None)
    return [] if word is None else [word]


def _split_cluster(letters: str) -> tuple[str | None, str, bool]:
    """Take the mode out of letters such as ``dc``.

    Returns it, the other letters, and whether the next word is the value of the last of them.
    """
    mode, rest = None, ""
    for position, letter in enumerate(letters):
        if "-" + letter in _value_options():
            return mode, rest + letters[position:], position == len(letters) - 1
        if "-" + letter in MODES:
            mode = MODES["-" + letter]
        else:
            rest += letter
    return mode, rest, False


def _value_options() -> set[str]:
    """Return those options of the commands above whose next word is their value."""
    modules = [importlib.import_module(f"nncompress.cli.{name}") for name in set(MODES.values())]
    return {
        name
        for module in modules
        for option in module.command.params
        if isinstance(option, click.Option) and not option.is_flag
        for name in option.opts
    }
