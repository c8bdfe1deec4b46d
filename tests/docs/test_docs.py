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

from nncompress.cli.app import COMMANDS, app
from tests.children import ROOT

MANUAL = ROOT / "docs" / "nncompress.1"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("[bm]*/*.md")]


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
    for page in ("index", "guide", "commands", "api", "format", "exactness", "mixing", "faq"):
        assert (site / f"{page}.html").is_file()
    assert "The nncompress archive format" in (site / "format.html").read_text("utf-8")
    assert 'id="nncompress.compress"' in (site / "api.html").read_text("utf-8")


def test_manual_page_is_the_one_that_sphinx_makes(tmp_path):
    made = build("man", tmp_path) / "nncompress.1"
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_files_resolve(page):
    for target in re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8")):
        if ":" not in target:
            assert (page.parent / target).exists(), target
