"""The documentation builds without a warning, and says what the program does."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest

import nncompress
from nncompress.cli.app import COMMANDS, app
from tests.children import ROOT

MANUAL = ROOT / "docs" / "nncompress.1"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("[bm]*/*.md")]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

PATH = re.compile(r"`((?:nncompress|tests|benchmarks|docs|models)/[\w./-]+)`")
"""A file or folder of the project as the pages name it."""

NAMES = re.compile(r"(nncompress/[\w./]+\.py)`(?:: ((?:`\w+`(?:, )?)+))?")
"""A file in the table of where to find things, and the names to look for in it."""


def build(kind: str, folder: Path) -> Path:
    """Build the documentation, where Sphinx and its extensions are installed."""
    for name in ("sphinx", "furo", "myst_parser", "sphinx_click"):
        pytest.importorskip(name, reason="needs nncompress[docs]")
    out = folder / kind
    options = ["-q", "-W", "--keep-going", "-b", kind, "-d", folder / "doctrees"]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ROOT / "docs", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    return out


def pinned(name: str) -> bool:
    """Whether a package has a version that constraints.txt states."""
    return f"{name}=={version(name)}" in (ROOT / "constraints.txt").read_text("utf-8")


def test_site_builds_without_warnings(tmp_path):
    site = build("html", tmp_path)
    for page in (ROOT / "docs").rglob("*.md"):
        assert (site / page.relative_to(ROOT / "docs").with_suffix(".html")).is_file()
    assert "The nncompress archive format" in (site / "format.html").read_text("utf-8")
    assert 'id="nncompress.compress"' in (site / "api.html").read_text("utf-8")
    for page in site.glob("*.html"):
        # Two hyphens before an option stay two hyphens.
        assert not re.search("[\u2013\u2014][a-z]", page.read_text("utf-8")), page


def test_manual_page_is_the_one_that_sphinx_makes(tmp_path):
    made = build("man", tmp_path) / "nncompress.1"
    # Values have placeholders in capitals, and not the names of variables.
    assert not re.search(r"<\w+>", made.read_text("utf-8"))
    if not (pinned("sphinx") and pinned("docutils")):
        pytest.skip("needs the versions in constraints.txt")
    assert made.read_text("utf-8") == MANUAL.read_text("utf-8"), "run 'make docs'"


def commands(group: click.Group, name: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group, info_name=name)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        yield word, command
        if isinstance(command, click.Group):
            yield from commands(command, word)


def test_manual_page_has_every_command_and_option():
    text = MANUAL.read_text("utf-8").replace("\\", "")
    found = dict(commands(app, "nncompress"))
    assert set(found) >= set(COMMANDS)
    for name, command in found.items():
        assert re.search(rf"^\.SS {name}$", text, re.MULTILINE), f"{name}: run 'make docs'"
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in text, f"{name} {option.opts}: run 'make docs'"


def test_help_names_the_default_level():
    from nncompress.coding.levels import DEFAULT_LEVEL

    assert f"the default is \\-{DEFAULT_LEVEL}" in MANUAL.read_text("utf-8")


@EACH_PAGE
def test_links_to_files_resolve(page):
    for target in re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8")):
        if ":" not in target:
            assert (page.parent / target).exists(), target


@EACH_PAGE
def test_files_that_are_named_exist(page):
    named = PATH.findall(page.read_text("utf-8"))
    assert not [path for path in named if "NAME" not in path and not (ROOT / path).exists()]


def table(page: str, title: str) -> str:
    """The section of a page with that title."""
    return (ROOT / "docs" / page).read_text("utf-8").split(f"## {title}\n")[1].split("\n## ")[0]


def test_things_are_where_the_architecture_says():
    rows = [row for row in table("architecture.md", "Where to find things").splitlines() if row]
    assert len(rows) > 25
    for path, names in NAMES.findall("\n".join(rows)):
        text = (ROOT / path).read_text("utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"^ *(def |class )?{name}\b", text, re.MULTILINE), f"{path}: {name}"


def test_layers_are_those_that_imports_keep():
    from tests.structure.test_layers import LAYERS

    named = re.findall(r"^\| `nncompress/(\w+)", table("architecture.md", "The tree"), re.MULTILINE)
    layers = [names[0] for names in LAYERS]
    assert named == [name for name in layers if not name.startswith("__")]


def test_every_promise_has_its_test():
    rows = re.findall(
        r"`(tests/[\w/]+\.py)`:\s+`(\w+)`", (ROOT / "docs" / "promises.md").read_text("utf-8")
    )
    assert len(rows) > 25
    for path, name in rows:
        assert f"def {name}(" in (ROOT / path).read_text("utf-8"), f"{path}: {name}"


def test_site_has_benchmarks_and_a_page_for_every_model():
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    for page in ("benchmarks", "models/index", "performance", "choosing", "json"):
        assert re.search(rf"^{page}$", index, re.MULTILINE)
    cards = {path.name for path in (ROOT / "models").glob("*.md")} - {"README.md"}
    assert {path.name for path in (ROOT / "docs" / "models").glob("*.md")} == cards | {"index.md"}


def test_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    facts = dict(re.findall(r"^([\w-]+): *(.*)$", text, re.MULTILINE))
    assert facts["version"] == nncompress.__version__
    assert facts["license"] == "Apache-2.0"
    assert {"cff-version", "message", "title", "authors"} <= facts.keys()
    assert "arxiv.org/abs/1911.11423" in text


def test_glossary_is_in_alphabetical_order():
    words = re.findall(
        r"^- \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M
    )
    assert len(words) > 60
    keys = [word.lower().replace("-", " ") for word in words]
    assert keys == sorted(keys)
