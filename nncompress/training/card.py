"""Write the card of a model: what it was made of, how, and what it gains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nncompress.exact.modelfile import Model

from .gain import Gain
from .progress import network_words

FACTS = {
    "started_from": "started from",
    "corpus": "trained on, by bytes",
    "held_out": "held out",
    "bytes_seen": "bytes read in training",
    "minutes": "minutes of training",
    "batch": "lanes x bytes a step",
    "optimizer": "optimizer",
    "teachers": "teachers",
}
"""What a summary says of the training, in the card's words."""


def make_card(path: Path, model: Model, gain: Gain, command: str) -> str:
    """Return the card of a model that was just made, Markdown.

    Args:
        path: the model file.
        model: what it holds.
        gain: what it gains on held-out text.
        command: what made it.
    """
    return "\n".join(_lines(path, model, gain, command)) + "\n"


def _lines(path: Path, model: Model, gain: Gain, command: str) -> Iterator[str]:
    yield f"# Card of `{path.name}`"
    yield ""
    rows = {
        "network": network_words(model.parameters.config),
        "identity": f"`{model.identity.hex()}`",
        "size": f"{gain.model_size:,} bytes",
    }
    for name, words in FACTS.items():
        if value := model.summary.get(name):
            rows[words] = f"{value:,}" if isinstance(value, int) else _words(value)
    yield from _table([("", ""), *rows.items()], align="")
    yield ""
    yield "## On held-out text"
    yield ""
    yield "Bytes of archives, at the default level, of text that training has not seen in any way:"
    yield ""
    yield from _table(gain.table(), align="--:")
    yield ""
    yield gain.verdict()
    yield ""
    yield "## To make it again"
    yield ""
    yield f"    {command}"
    yield ""
    yield "Archives made with it open only where it is: keep this file with them."


def _words(value: object) -> str:
    parts = value if isinstance(value, list) else [value]
    return ", ".join(Path(str(part)).name for part in parts)


def _table(rows: list[tuple[str, ...]], align: str) -> Iterator[str]:
    heading, *body = rows
    yield _row(heading)
    yield _row(("---", *[align or "---"] * (len(heading) - 1)))
    yield from map(_row, body)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
