"""``nncompress FILE`` and ``nncompress -d FILE.nnc``: gzip's and xz's way, without a command."""

from __future__ import annotations

from collections.abc import Container

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
VALUE_LETTERS = "omT"
VALUE_OPTIONS = (
    "--output",
    "--model",
    "--method",
    "--device",
    "--threads",
    "--processes",
    "--block-size",
    "--memory-limit",
    "--max-output-size",
)


def expand_shorthand(
    arguments: list[str], commands: Container[str], *, interactive: bool
) -> list[str]:
    """Return ``arguments`` beginning with a command's name.

    Without arguments, a terminal gets help and anything else is compressed. The last of several
    modes counts.
    """
    if not arguments:
        return ["--help"] if interactive else ["compress"]
    if arguments[0] in commands or arguments[0] in GLOBAL_OPTIONS:
        return arguments
    mode = "compress"
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in MODES:
            mode = MODES[word]
        elif word.startswith("--"):
            rest.append(word)
            if word in VALUE_OPTIONS:
                rest += [value for value in [next(words, None)] if value is not None]
        elif word.startswith("-") and len(word) > 1:
            found, letters, takes_next = _split_cluster(word[1:])
            mode = found or mode
            rest += ["-" + letters] if letters else []
            if takes_next:
                rest += [value for value in [next(words, None)] if value is not None]
        else:
            rest.append(word)
    return [mode, *rest]


def _split_cluster(letters: str) -> tuple[str | None, str, bool]:
    """Take the mode out of letters such as ``dc``.

    Returns it, the other letters, and whether the next word is the value of the last of them.
    """
    mode, rest = None, ""
    for position, letter in enumerate(letters):
        if letter in VALUE_LETTERS:
            return mode, rest + letters[position:], position == len(letters) - 1
        if "-" + letter in MODES:
            mode = MODES["-" + letter]
        else:
            rest += letter
    return mode, rest, False
