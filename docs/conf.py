"""How Sphinx builds the site and the manual page: ``make docs``."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
nitpick_ignore_regex = [("py:.*", r"(os|lzma|bz2|shutil)(\..*)?")]  # Python's own
myst_heading_anchors = 3
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


def setup(app: Sphinx) -> None:
    """Leave out the lists of arguments, which say no more than the usage above them."""
    app.connect("sphinx-click-process-arguments", lambda app, ctx, lines: lines.clear())
