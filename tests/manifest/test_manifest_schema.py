"""The schema for editors: every field has a text, what is right passes, and a validator's best match for a misspelt
field is that field.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from jsonschema.exceptions import best_match

from gemctl.schema.walk import Node
from gemctl.workflows.init import SCHEMA, init
from gemctl.workflows.schema import schema, schema_text

ROOT = Path(__file__).parent.parent.parent
KEYWORDS = ("items", "additionalProperties", "then", "else", "not")
ALTERNATIVES = ("agentConfig",)  # of which the field `type` decides: the best match is there


@cache
def whole() -> Any:
    return schema(None)


@cache
def validator() -> Any:
    return jsonschema.Draft202012Validator(whole())


def parts(entry: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Every schema within a schema, with its place; conditions are none that a person sees."""
    if not isinstance(entry, dict):
        return
    yield path, entry
    for word in ("properties", "$defs"):
        for name, inner in entry.get(word, {}).items():
            yield from parts(inner, (*path, word, name))
    for word in KEYWORDS:
        yield from parts(entry.get(word), (*path, word))
    for word in ("anyOf", "oneOf", "allOf"):
        for index, inner in enumerate(entry.get(word, ())):
            yield from parts(inner, (*path, word, index))


@pytest.mark.parametrize("kind", [None, "Project"])
def test_every_field_has_a_text(kind: str | None) -> None:
    found = schema(kind)
    jsonschema.Draft202012Validator.check_schema(found)
    properties = [(path, entry) for path, entry in parts(found) if path[-2:-1] == ("properties",)]
    assert len(properties) > (30 if kind else 300)
    for path, entry in properties:
        assert Node(entry, found).resolved().entry.get("description"), path
    for path, entry in parts(found):
        said = entry.get("description", "")
        assert entry.get("markdownDescription") == (said if "`" in said else None), path


def documents() -> Iterator[tuple[str, Any]]:
    """The documents of all examples but for what is laid over others."""
    for project in sorted(ROOT.glob("manifests/*/gemctl.yaml")):
        stacks = yaml.safe_load(project.read_text())["stacks"].values()
        over = tuple(f"{folder}/" for stack in stacks for folder in stack.get("overlays", ()))
        for path in sorted(project.parent.rglob("*.y*ml")):
            if path.relative_to(project.parent).as_posix().startswith(over):
                continue
            for document in yaml.safe_load_all(path.read_text()):
                if isinstance(document, dict) and document.get("kind") not in (None, "Facts"):
                    yield str(path.relative_to(ROOT)), json.loads(json.dumps(document, default=str))


def test_all_examples_pass() -> None:
    found = list(documents())
    assert len({document["kind"] for _, document in found}) > 10
    for path, document in found:
        assert not list(validator().iter_errors(document)), path


def mappings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from mappings(inner, (*path, key))


def misspelt(found: list[tuple[str, Any]]) -> int:
    """Misspell each key of these documents in turn. Returns how many of that the schema refuses."""
    refused = 0
    for where, document in found:
        for path in mappings(document):
            wrong = copy.deepcopy(document)
            place = wrong
            for step in path:
                place = place[step]
            for key in list(place):
                place[f"{key}x"] = place.pop(key)
                match = best_match(validator().iter_errors(wrong))
                place[key] = place.pop(f"{key}x")
                if match is None or path[-1:] in [(name,) for name in ALTERNATIVES]:
                    continue  # the user's own key, as of a label
                refused += 1
                lacks = path in ((), ("items", 0), ("items", 1)) and match.message == f"'{key}' is a required property"
                assert lacks or f"'{key}x'" in match.message, (where, path, key, match.message)
    return refused


def test_the_best_match_of_a_misspelt_field_is_that_field() -> None:
    one_of_each = {document["kind"]: (path, document) for path, document in documents()}
    assert misspelt(list(one_of_each.values())) > 80


@pytest.mark.slow
def test_the_best_match_of_any_misspelt_field_of_the_examples_is_that_field() -> None:
    assert misspelt(list(documents())) > 1000


def test_an_unknown_kind_and_a_kind_in_the_wrong_place_are_said_so() -> None:
    head = {"apiVersion": "gemctl/v1", "metadata": {"name": "a"}, "spec": {}}
    for wrong, said in (
        ({**head, "kind": "CachedContents"}, "'CachedContents' is not one of"),
        ({**head, "kind": "CachedContent", "apiVersion": "v1"}, "'gemctl/v1' was expected"),
        ({"apiVersion": "gemctl/v1", "kind": "List", "items": [{**head, "kind": "List"}]}, "'List' is not one of"),
        ({**head, "kind": "CachedContent", "spec": {"contents": [{"parts": [{"txt": "a"}]}]}}, "'txt'"),
    ):
        match = best_match(validator().iter_errors(wrong))
        assert match and said in match.message, match


def test_a_new_project_names_the_schema_that_is_beside_it(tmp_path: Path) -> None:
    made = init(str(tmp_path / "shop"))
    assert (made.folder / SCHEMA).read_text() == schema_text()
    for name in ("gemctl.yaml", "handbook.yaml"):
        text = (made.folder / name).read_text()
        modeline = text.splitlines()[0]
        assert modeline.startswith("# yaml-language-server: $schema=")
        beside = made.folder / modeline.partition("=")[2]
        assert not list(
            jsonschema.Draft202012Validator(json.loads(beside.read_text())).iter_errors(yaml.safe_load(text))
        )
    ignored = (made.folder / ".gitignore").read_text().splitlines()
    assert not [line for line in ignored if SCHEMA.startswith(line.rstrip("/") + "/") or line == SCHEMA], (
        "it is committed"
    )


@pytest.mark.slow
def test_check_jsonschema_says_which_field_is_misspelt(tmp_path: Path) -> None:
    folder = init(str(tmp_path / "shop")).folder
    argv = [sys.executable, "-m", "check_jsonschema", "--schemafile", SCHEMA, "gemctl.yaml", "handbook.yaml"]
    assert subprocess.run(argv, cwd=folder, check=False).returncode == 0
    text = (folder / "handbook.yaml").read_text()
    (folder / "handbook.yaml").write_text(text.replace("textFiles", "textFils"))
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "textFils" in done.stdout
