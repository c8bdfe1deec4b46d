"""How Sphinx builds the site and the manual page: ``make docs``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

import nncompress

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "nncompress"
author = "the authors of nncompress"
project_copyright = "the authors of nncompress; Apache-2.0"
version = release = nncompress.__version__
today = " "  # no date, so that the manual page changes only with its text

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
]
nitpicky = True
nitpick_ignore = [
    ("py:class", name)
    for name in (
        "BinaryIO",
        "BinaryMode",
        "Buffer",
        "Executor",
        "FilePath",
        "TextIO",
        "TextMode",
        "TypedDict",
        "Unpack",
        "optional",
        "incremental.Compressor",
        "incremental.Decompressor",
    )
]
# Python's own:
nitpick_ignore_regex = [("py:.*", r"(os|lzma|bz2|shutil|concurrent|pathlib)(\..*)?")]
myst_heading_anchors = 3
smartquotes = False  # they would make a dash of the two hyphens before an option
suppress_warnings = ["myst.header"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = True
add_module_names = False
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"nncompress {version}"
html_copy_source = False
html_show_sphinx = False

man_pages = [("commands", "nncompress", "lossless compression with a neural network", "", 1)]
man_show_urls = True


def placeholder(option: click.Option) -> str:
    """Return what stands for the value of an option, in capitals."""
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return option.opts[-1].lstrip("-").upper()
    if isinstance(option.type, click.Path):
        return "FILE"
    if isinstance(option.type, click.types.FloatParamType):  # ranges of floats too
        return "NUMBER"
    return "N" if isinstance(option.type, click.types.IntParamType) else "TEXT"


def name_values(app: Sphinx, context: click.Context, lines: list[str]) -> None:
    """Put placeholders where sphinx-click has the names of variables: FILE for <target>."""
    options = {
        option.opts[-1]: option
        for option in context.command.params
        if isinstance(option, click.Option)
    }
    for number, line in enumerate(lines):
        found = re.fullmatch(r"(\.\. option:: .*?([^\s,]+)) <.*>", line)
        if found:
            lines[number] = f"{found[1]} {placeholder(options[found[2]])}"


def setup(app: Sphinx) -> None:
    """Leave out the lists of arguments, which say no more than the usage above them."""
    app.connect("sphinx-click-process-arguments", lambda app, ctx, lines: lines.clear())
    app.connect("sphinx-click-process-options", name_values)
