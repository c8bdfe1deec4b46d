"""What commands print as JSON is what the documented schemas say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import click
import pytest

import nncompress
from nncompress.cli.app import app
from tests.children import ROOT
from tests.cli.conftest import Run
from tests.golden.cases import CASES
from tests.models import text, write_model

jsonschema = pytest.importorskip("jsonschema", reason="needs nncompress[test]")

SCHEMAS = ROOT / "docs" / "schemas"
COMMANDS = {
    "list": {"list"},
    "models list": {"models"},
    "models show": {"models"},
    "compare": {"compare"},
    "eval": {"eval", "baselines"},
}
"""The commands that print JSON, and the schemas that they keep to."""


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    return found


def validate(output: bytes, name: str) -> Any:
    facts = json.loads(output)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.Draft202012Validator(schema(name), format_checker=checker).validate(facts)
    return facts


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{word} ")
        else:
            yield before + word, command


def test_every_command_with_json_has_a_schema_that_is_documented() -> None:
    found = {
        name
        for name, command in commands(app)
        if any("--json" in option.opts for option in command.params)
    }
    assert found == COMMANDS.keys()
    page = (ROOT / "docs" / "json.md").read_text("utf-8")
    names = {path.name.removesuffix(".schema.json") for path in SCHEMAS.iterdir()}
    assert names == set().union(*COMMANDS.values())
    for name in names:
        jsonschema.Draft202012Validator.check_schema(schema(name))
        assert f"literalinclude}} schemas/{name}.schema.json" in page
    for name in COMMANDS:
        assert f"nncompress {name}" in page


@pytest.mark.parametrize("name", sorted(set().union(*COMMANDS.values())))
def test_schemas_forbid_what_they_do_not_name(name: str) -> None:
    """So that no key can be added without a word."""
    whole = schema(name)
    objects = [whole, *whole.get("$defs", {}).values()]
    for each in objects:
        if "properties" in each:
            assert each["additionalProperties"] is False
            assert set(each["required"]) <= each["properties"].keys()


def test_lists_of_archives(real_nnc: Run, tmp_path: Path) -> None:
    for case in CASES:
        (tmp_path / case.path.name).write_bytes(case.path.read_bytes())
    names = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / "cut.nnc").write_bytes((tmp_path / "blocks.nnc").read_bytes()[:-40])
    result = real_nnc("list", "--json", *names, "cut.nnc")
    facts = validate(result.stdout, "list")
    assert [archive["name"] for archive in facts] == [*names, "cut.nnc"]
    assert [archive["complete"] for archive in facts] == [True] * len(names) + [False]
    assert facts[-1]["fault"] in result.stderr.decode()
    for archive in facts:
        assert nncompress.info(tmp_path / archive["name"]) == archive | {
            "name": str(tmp_path / archive["name"])
        }


def test_models(real_nnc: Run, tmp_path: Path) -> None:
    write_model(tmp_path / "sound.nncmodel")
    (tmp_path / "broken.nncmodel").write_bytes(b"no model")
    listed = real_nnc("models", "list", "--json", NNCOMPRESS_MODELS=str(tmp_path))
    facts = {model["name"]: model for model in validate(listed.stdout, "models")}
    assert facts.keys() >= {"sound", "broken", "default", "quick", "large"}
    assert facts["broken"]["fault"]
    for name in ("sound.nncmodel", "default", "broken.nncmodel"):
        assert isinstance(
            validate(real_nnc("models", "show", name, "--json").stdout, "models"), dict
        )


def test_comparisons(real_nnc: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(text(2000))
    model = write_model(tmp_path / "tiny.nncmodel")
    codecs = [f"--codec={name}" for name in ("nncompress", "nncompress mixing", "gzip", "cmix")]
    result = real_nnc("compare", "file", "-m", model, "--json", *codecs)
    trials = validate(result.stdout, "compare")["trials"]
    assert [trial["model"] for trial in trials[:3]] == ["tiny", None, None]


def test_evaluations(real_nnc: Run, tmp_path: Path) -> None:
    for name, size in (("a", 700), ("b", 900)):
        (tmp_path / name).write_bytes(text(size))
    model = write_model(tmp_path / "tiny.nncmodel")
    other = write_model(tmp_path / "other.nncmodel", seed=1)
    plain = validate(real_nnc("eval", "a", "-m", model, "--json").stdout, "eval")
    assert plain["against"] is plain["published"] is None
    more = ("--against", other, "--coded", "--float", model)
    both = validate(real_nnc("eval", "a", "b", "-m", model, *more, "--json").stdout, "eval")
    assert len(both["files"]) == both["total"]["files"] == 2
    validate(real_nnc("eval", "--baselines", "--json").stdout, "baselines")


def test_published_figures_keep_to_the_schema() -> None:
    from tests.reports.test_evaluate_text import facts

    for what in (("enwik8 test", None), (None, "enwik8"), (None, "enwik9")):
        found = facts(*what)["published"]
        part = schema("eval")
        part = part["$defs"]["published"] | {"$defs": part["$defs"]}
        jsonschema.Draft202012Validator(part).validate(json.loads(json.dumps(found)))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (nncompress.ArchiveInfo, "archive"),
        (nncompress.BlockInfo, "block"),
        (nncompress.EmbeddedInfo, "embedded"),
    ],
)
def test_types_in_python_have_the_same_keys(kind: type, name: str) -> None:
    assert get_type_hints(kind).keys() == schema("list")["$defs"][name]["properties"].keys()
