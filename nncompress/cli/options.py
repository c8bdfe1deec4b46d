"""Options that several commands share, and what becomes of them.

Options that belong together reach a command as one object: ``console``, ``coder``, ``limits``,
``request``.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nncompress.coding.levels import LEVELS
from nncompress.coding.options import METHODS, CodingOptions
from nncompress.errors import FileError
from nncompress.files.convert import Request
from nncompress.files.names import SUFFIX, ends_as_folder
from nncompress.pipeline.coder import Coder
from nncompress.pipeline.limits import Limits
from nncompress.pipeline.remote import is_url, place_of

from . import candidates
from .console import Console

if TYPE_CHECKING:
    from nncompress.pipeline.cluster import Cluster

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


class Target(click.Path):
    """The name of a result: a file or a URL, or a folder for results; ``-`` for standard output."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name, or raise :class:`FileError` where it can be none."""
        text = os.fspath(value)
        if not text:
            raise FileError("an empty name is no file's")
        if is_url(text):
            return text
        if ends_as_folder(text) and not os.path.isdir(text):  # noqa: PTH112
            raise FileError(f"{text}: there is no such folder", text)
        return super().convert(value, param, ctx)


LEVEL_WORDS = {min(LEVELS): ("--fast",), max(LEVELS): ("--best",)}
"""Other names of the options that set a level, as gzip has them."""

# Arguments and options that stand alone.

_FILES: Any = {"metavar": "[FILE]...", "nargs": -1}
files = click.argument("names", **_FILES, shell_complete=candidates.offer_files)
archives = click.argument("names", **_FILES, shell_complete=candidates.offer_archives)
_FILES_NEEDED: Any = {"metavar": "FILE...", "nargs": -1, "required": True}
files_needed = click.argument("names", **_FILES_NEEDED, shell_complete=candidates.offer_files)
archives_needed = click.argument("names", **_FILES_NEEDED, shell_complete=candidates.offer_archives)
model = click.option(
    "-m",
    "--model",
    metavar="MODEL",
    help="Model file, or a known one by its name or the first digits of its identity.",
    shell_complete=candidates.offer_models,
)
device = click.option(
    "--device",
    metavar="DEVICE",
    default="auto",
    help="auto, cpu, cuda or cuda:N.",
    shell_complete=candidates.offer_devices,
)
threads = click.option(
    "-T",
    "--threads",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Threads in all, which the blocks at once share; 0, the default: one a core.",
)
cluster = click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Have the blocks done by a Dask cluster, tcp://HOST:PORT, or by N processes, local:N.",
)
level = click.option(
    "--level",
    metavar="N",
    type=click.IntRange(min(LEVELS), max(LEVELS)),
    help="Level of compression.",
)
force = click.option("-f", "--force", is_flag=True, help="Replace existing files.")
no_name = click.option(
    *("-n", "--no-name"),
    is_flag=True,
    expose_value=False,
    help="No effect, for gzip's sake: names are never stored.",
)


def _proved_suffix(_: click.Context, __: click.Parameter, value: str) -> str:
    if not value or "/" in value or os.sep in value:
        raise click.BadParameter(f"{value!r} cannot end the name of a file")
    return value


suffix = click.option(
    *("-S", "--suffix"),
    metavar="SUFFIX",
    default=SUFFIX,
    callback=_proved_suffix,
    help=f"Suffix of archives, in place of {SUFFIX}.",
)
recursive = click.option("-r", "--recursive", is_flag=True, help="Take the files in folders.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def first_bytes(**settings: Any) -> Callable[[Command], Command]:
    """Add --bytes, how much of a file is taken."""
    words = "Take no more than the first so many bytes."
    return click.option("--bytes", "size", metavar="SIZE", type=Size(), help=words, **settings)


@contextmanager
def on_cluster(address: str | None, coder: Coder) -> Iterator[Cluster | None]:
    """Let ``coder`` use a cluster for as long as the context lasts, where there is an address."""
    if address is None:
        yield None
        return
    from nncompress.pipeline.dask_cluster import open_cluster

    with open_cluster(address) as cluster:
        coder.cluster = cluster
        yield cluster


def refuse_existing(path: str, force: bool) -> None:
    """Raise :class:`FileError` where a file is there and --force is not given."""
    if os.path.lexists(path) and not force:  # a link to nothing too
        raise FileError(f"{path}: exists already; use -f to overwrite", path)


# Options that make an object.


def messages(command: Command) -> Command:
    """Add -q and -v; they make ``console``."""
    options = [
        click.option("-q", "--quiet", is_flag=True, help="No warnings and no progress bar."),
        click.option(
            *("-v", "--verbose"), count=True, help="Say how each file went; -vv each block, too."
        ),
    ]
    return _gather(command, options, _console)


def _console(*, quiet: bool, verbose: int) -> dict[str, object]:
    return {"console": Console(quiet=quiet, verbose=verbose)}


def encoding(command: Command) -> Command:
    """Add the level, the method, the model and the machine; they make ``coder``."""
    embed = click.option(
        "--embed-model",
        is_flag=True,
        help="Put the model into the archive, so that it opens anywhere.",
    )
    no_adjust = click.option(
        "--no-adjust",
        is_flag=True,
        help="Rather fail than take smaller blocks or a lower level for --memory-limit.",
    )
    engine = _engine(_MODEL_OR_AUTO)
    return _gather(command, [strength, window, *engine, embed, no_adjust], _encoder)


def _encoder(*, no_adjust: bool, **options: Any) -> dict[str, object]:
    return {"coder": Coder(CodingOptions(**options), adjust=not no_adjust)}


def decoding(command: Command) -> Command:
    """Add the model, the machine and what may come out; they make ``coder`` and ``limits``."""
    limit = click.option(
        "--max-output-size", metavar="SIZE", type=Size(), help="Most bytes to restore."
    )
    command = _gather(command, [*_engine(), limit], _decoder)
    return _add(command, _levels(hidden=True, expose_value=False))


def _decoder(
    *, max_output_size: int | None, memory_limit: int | None, **options: Any
) -> dict[str, object]:
    coder = Coder(CodingOptions(memory_limit=memory_limit, **options))
    return {"coder": coder, "limits": Limits(memory_limit, max_output_size)}


_MODEL_OR_AUTO = click.option(
    "-m",
    "--model",
    metavar="MODEL",
    help="Model file, or a known one by its name or the first digits of its identity; auto: for "
    "each block the one that fits it best.",
    shell_complete=candidates.offer_models,
)


def _engine(named: Callable[..., Any] = model) -> list[Callable[..., Any]]:
    return [
        named,
        device,
        threads,
        click.option(
            "--memory-limit",
            metavar="SIZE",
            type=Size(),
            callback=lambda _, __, size: size or None,
            help="Memory that the blocks coded at once may take; 0: as without it.",
        ),
    ]


def strength(command: Command) -> Command:
    """Add the level, in two ways, and the method."""
    method = click.option("--method", type=click.Choice(METHODS), help="How blocks are coded.")
    return _add(command, [*_levels(), level, method])


def _levels(**settings: Any) -> list[Callable[[Command], Command]]:
    """Return an option for each level; decoders take them for nothing, as those of gzip do.

    So ``tar --use-compress-program='nncompress -9'`` works in both directions.
    """
    help_texts = {
        min(LEVELS): "Fastest.",
        max(LEVELS): "Smallest; -2 to -8 are between, the default is -6.",
    }
    return [
        click.option(
            *(f"-{number}", *LEVEL_WORDS.get(number, ())),
            "level",
            flag_value=number,
            type=int,
            help=help_texts.get(number),
            **{"hidden": number not in help_texts, **settings},
        )
        for number in LEVELS
    ]


window = click.option(
    "--window",
    metavar="SIZE",
    type=Size(),
    help="How far back repeats are sought; 0: not at all.",
)


def writing(command: Command) -> Command:
    """Add where results go and what becomes of sources; they make ``request``."""
    options = [
        click.option(
            "-o",
            "--output",
            metavar="PATH",
            type=Target(),
            help="File or folder for results; - for standard output.",
        ),
        click.option("-c", "--stdout", "to_stdout", is_flag=True, help="Write to standard output."),
        force,
        click.option("-k", "--keep", is_flag=True, help="Keep the source (the default)."),
        click.option("--rm", "remove", is_flag=True, help="Delete the source at the end."),
        suffix,
    ]
    return _gather(command, options, _request)


def _request(
    *, keep: bool, remove: bool, output: str | None, to_stdout: bool, **options: Any
) -> dict[str, object]:
    request = Request(
        output=None if output is None or output == "-" else place_of(output),
        to_stdout=to_stdout or output == "-",
        remove=remove and not keep,
        **options,
    )
    return {"request": request}


def _gather(
    command: Command,
    options: list[Callable[..., Any]],
    make: Callable[..., dict[str, object]],
) -> Command:
    """Add ``options`` to ``command``, which gets what ``make`` makes of their values instead."""

    @functools.wraps(command)
    def run(**given: Any) -> Any:
        made = make(**{name: given.pop(name) for name in names})
        return command(**given, **made)

    before = len(getattr(run, "__click_params__", []))
    gathered: Any = _add(run, options)
    names = {parameter.name for parameter in gathered.__click_params__[before:]}
    wrapped: Command = gathered
    return wrapped


def _add(command: Command, options: list[Callable[..., Any]]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
