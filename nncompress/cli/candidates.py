"""Offer what a word of the command line may become, for the completion of a shell.

A candidate of the type ``file`` stands for all files, and one of the type ``suffix`` for folders
and files whose name ends as its value says. The shell itself looks for them, since it knows how to
quote their names.
"""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from nncompress.files.names import SUFFIX, TAR_SUFFIX


def offer_files(
    _: click.Context, __: click.Parameter | None = None, ___: str = ""
) -> list[CompletionItem[str]]:
    """Offer all files."""
    return [CompletionItem("", type="file")]


def offer_archives(_: click.Context, __: click.Parameter, ___: str) -> list[CompletionItem[str]]:
    """Offer archives."""
    return [CompletionItem(suffix, type="suffix") for suffix in (SUFFIX, TAR_SUFFIX)]


def offer_model_files(_: click.Context, __: click.Parameter, ___: str) -> list[CompletionItem[str]]:
    """Offer model files."""
    from nncompress.exact.modelfile import MODEL_SUFFIX

    return [CompletionItem(MODEL_SUFFIX, type="suffix")]


def offer_models(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer installed models by name, and model files."""
    from nncompress.exact.store import installed_models

    names = dict.fromkeys(path.stem for path in installed_models())
    return [*_beginning(names, incomplete), *offer_model_files(context, parameter, incomplete)]


def offer_own_models(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer the user's own models."""
    from nncompress.exact import store

    return _beginning([path.stem for path in store.own_models()], incomplete)


def offer_commands(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer the commands, each with its line in the help."""
    root = context.find_root()
    return root.command.shell_complete(root, incomplete)


def offer_codecs(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer what the comparison knows."""
    from nncompress.reports.peers import all_peers

    return _beginning(all_peers(), incomplete)


def offer_devices(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Offer what can compute a network."""
    return _beginning(["auto", "cpu", "cuda"], incomplete)


def _beginning(words: Iterable[str], incomplete: str) -> list[CompletionItem[str]]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]
