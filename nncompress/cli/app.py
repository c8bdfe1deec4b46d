"""Define the command group, and do what every command needs: signals, errors, exit status."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from nncompress._version import __version__
from nncompress.errors import NNCompressError

from .console import ERROR, say_status, show_notices
from .escape import say, write_names_as_bytes
from .shells import ASKED, answer
from .shorthand import expand_shorthand, refuse_levels
from .signals import SIGPIPE, Terminated, end_by_signal, raise_on_signals, report_on_signals
from .standard import leave, open_missing, silence_stdout

FEW_COLLECTIONS = 1_000_000
"""New objects before Python looks for garbage. The libraries make several 100,000 that stay."""

SECTIONS = {
    "Files": {
        "compress": ("compress", "Compress files."),
        "decompress": ("decompress", "Restore files from archives."),
        "test": ("test", "Check archives without writing anything."),
        "list": ("list", "Show sizes, method and model of archives."),
        "cat": ("cat", "Write contents, or a range of them, to standard output."),
    },
    "Models": {
        "models": ("models", "List, verify, import, export, rename and remove models."),
        "train": ("train", "Train a SHA-RNN."),
        "average": ("average", "Average trained weights, and compare them on held-out text."),
        "quantize": ("quantize", "Turn a trained network into an integer model."),
        "generate": ("generate", "Sample text from a model."),
    },
    "Measurements": {
        "compare": ("compare", "Compare with other compressors."),
        "eval": ("evaluate", "Measure a model on files, in bits per byte."),
        "explain": ("explain", "Show what every byte of a file costs."),
    },
    "Shell": {
        "completion": ("completion", "Print a completion script."),
        "warm-up": ("warm_up", "Compile what commands need, as for a container's image."),
        "help": ("help", "Show help, also of a command."),
        "version": ("version", "Print the version."),
    },
}
"""By section of the help and name of a command: its module under nncompress.cli, whose ``command``
it is, and its line in the help."""

COMMANDS = {name: place[0] for section in SECTIONS.values() for name, place in section.items()}
"""The module of each command."""

ALIASES = {"bench": "compare"}
"""Other names of commands."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None where there is none of this name."""
        module = COMMANDS.get(ALIASES.get(cmd_name, cmd_name))
        if module is None:
            return None
        command = importlib.import_module(f"nncompress.cli.{module}").command
        assert isinstance(command, click.Command)
        command.name = ALIASES.get(cmd_name, cmd_name)  # its function is called "command"
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Offer the commands from the table, so that none is imported, and options."""
        lines = {name: line for section in SECTIONS.values() for name, (_, line) in section.items()}
        return [
            *(
                CompletionItem(name, help=line)
                for name, line in lines.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both ways of calling the program."""
        formatter.write_usage(ctx.command_path, "COMMAND [OPTION]... [FILE]...")
        formatter.write_usage(ctx.command_path, "[-d|-t|-l] [OPTION]... [FILE]...", "   or: ")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, so that none is imported."""
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), place[1]) for name, place in commands.items()]
                )


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Without a command, FILEs are compressed, with -d decompressed, with -t tested, with -l "
    "listed, as gzip, xz and zstd do. 'nncompress COMMAND --help' shows a command's options. "
    "Exit status: 0 all is well, 1 an error, 2 a warning.",
)
@click.version_option(__version__, "-V", "--version", message="nncompress %(version)s")
def app() -> None:
    """Lossless compression with a trained SHA-RNN, exact on any machine."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status."""
    gc.set_threshold(FEW_COLLECTIONS)
    open_missing()
    write_names_as_bytes()
    raise_on_signals()
    report_on_signals(say_status)
    status, number = ERROR, None
    try:
        status = run(list(sys.argv[1:] if arguments is None else arguments))
    except Terminated as signal:
        number = signal.number
    except BrokenPipeError:
        number = SIGPIPE
    if number is not None:
        end_by_signal(number)
    leave(status)


def unnncompress() -> NoReturn:
    """Run ``unnncompress``, as gunzip is gzip -d."""
    main(_with_mode("-d"))


def nnccat() -> NoReturn:
    """Run ``nnccat``, as zcat is gzip -dc."""
    main(_with_mode("cat"))


def _with_mode(mode: str) -> list[str]:
    arguments = sys.argv[1:]
    asks_version = arguments[:1] in (["-V"], ["--version"])
    return arguments if asks_version else [mode, *arguments]


def run(arguments: list[str]) -> int:
    """Run the command line; report what goes wrong, and return the exit status."""
    show_notices()
    names = {*COMMANDS, *ALIASES}
    if ASKED in os.environ:
        click.echo(answer(app, names, arguments))
        return 0
    words = [""]
    try:
        words = expand_shorthand(arguments, names, interactive=sys.stdin.isatty())
        refuse_levels(words[1:], _options_of(words[0]))
        status = app.main(words, prog_name="nncompress", standalone_mode=False) or 0
        sys.stdout.flush()
        return status
    except click.Abort:
        return _fail("stopped")
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context is not None else f"nncompress {words[0]}".strip()
        hint = f" (see {where} --help)" if isinstance(error, click.UsageError) else ""
        return _fail(" ".join(error.format_message().split()).rstrip(".") + hint)
    except NNCompressError as error:
        return _fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_stdout()  # which it was, or at least may be
        return _fail(f"{error.filename or 'standard output'}: {error.strerror or error}")
    except MemoryError:
        return _fail("not enough memory; fewer threads (-T) or a lower level take less")
    except Exception as error:
        if os.environ.get("NNCOMPRESS_DEBUG"):
            raise
        text = " ".join(str(error).split())
        return _fail(
            f"internal error, {type(error).__name__}: {text} (NNCOMPRESS_DEBUG=1 shows more)"
        )


def _options_of(name: str) -> list[click.Option]:
    command = app.get_command(click.Context(app), name)
    found = command.params if command is not None else []
    return [option for option in found if isinstance(option, click.Option)]


def _fail(message: str) -> int:
    say(f"nncompress: {message}")
    return ERROR
