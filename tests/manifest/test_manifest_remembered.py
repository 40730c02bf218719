"""What is remembered of manifests never declares anything else than the manifests do, and is not read where they were
edited.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import HEAD, NOW, PROJECT, Workspace, manifest

from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.project import Project
from gemctl.core.resource import Declared, Desired, Expiry, Resource, Until
from gemctl.core.source import Json, JsonObject, Positions
from gemctl.core.source import Path as JsonPath
from gemctl.files import kept
from gemctl.kinds import CATALOGUE
from gemctl.manifest import load as loading
from gemctl.manifest import project as projects
from gemctl.manifest import refs, remembered
from gemctl.manifest.load import load
from gemctl.manifest.plain import NOT_READ, plain
from gemctl.manifest.remembered import FILE, DeclaredBefore
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack

EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "manifests").rglob("gemctl.yaml"))
FOLDER = Path("kept")


class Parsed:
    """The manifests that are parsed to know what is declared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        parse = loading.parse

        def counted(source: Any, *more: Any) -> Any:
            if not LOOKING:
                self.paths.append(source.path)
            return parse(source, *more)

        monkeypatch.setattr(loading, "parse", counted)

    def taken(self) -> list[str]:
        paths, self.paths = self.paths, []
        return paths


LOOKING: list[None] = []


@contextmanager
def looking() -> Iterator[None]:
    """Meanwhile manifests are parsed for the places in them."""
    LOOKING.append(None)
    yield
    LOOKING.pop()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    return Parsed(monkeypatch)


def bare(resource: Resource) -> Resource:
    """The resource without texts, and without places but that of the whole."""
    attachments = tuple(replace(one, text=None) for one in resource.declared.attachments)
    declared = replace(resource.declared, attachments=attachments)
    return replace(resource, declared=declared, positions=Positions(resource.positions.root))


def shown(desired: Desired) -> Any:
    """All of it but texts, and where each resource was written."""
    resources = {address: (bare(one), all_places(one.positions)) for address, one in desired.resources.items()}
    attached = {digest: replace(one, text=None) for digest, one in desired.attachments.items()}
    return resources, attached, desired.warnings, desired.digest, desired.moved, desired.inputs, desired.named


def all_places(positions: Positions) -> Any:
    return dict(positions.values), dict(positions.keys)


def declared(root: Path, stack: str | None, before: DeclaredBefore | None, now: datetime = NOW) -> Any:
    """What is declared, or what is wrong with it."""
    loaded = load_project(str(root))
    try:
        desired = load(loaded, choose_stack(loaded.project, stack), CATALOGUE, now=now, before=before)
    except Rejected as rejected:
        return rejected.diagnostics
    with looking():
        return shown(desired)


def before_of(place: Path, key: str = "key") -> DeclaredBefore:
    (place / FOLDER).mkdir(parents=True, exist_ok=True)
    return DeclaredBefore(str(place), place / FOLDER, key)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_examples_declare_the_same_when_they_are_remembered(folder: Path, tmp_path: Path, parsed: Parsed) -> None:
    for stack in load_project(str(folder)).project.stacks:
        anew = declared(folder, stack, None)
        parsed.taken()
        place = tmp_path / stack
        assert declared(folder, stack, before_of(place)) == anew
        every = parsed.taken()
        assert declared(folder, stack, before_of(place)) == anew
        assert set(parsed.taken()) <= set(every)


def test_an_edit_makes_only_its_own_table_anew(tmp_path: Path, parsed: Parsed, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is edited, added and removed in turns is always what the manifests declare, in as few tables."""
    monkeypatch.setattr(remembered, "MANY", 4)
    made = Workspace(tmp_path)

    def write(numbers: Iterable[int], ttl: str = "2h") -> None:
        made.write({f"{n:02}.yaml": manifest(f"contents: a\nttl: {ttl}").replace("faq", f"faq{n}") for n in numbers})

    def tables() -> list[bytes]:
        return (tmp_path / FOLDER / FILE).read_bytes().splitlines()[1:]

    made.write({"gemctl.yaml": PROJECT})
    write(range(12))
    declared(tmp_path, None, before_of(tmp_path))
    first = tables()
    assert len(first) == 3
    write([5], "3h")
    declared(tmp_path, None, before_of(tmp_path))
    assert len(tables()) == 3 and set(first) - set(tables()) == {first[1]}
    for change in range(20):
        if change % 3 == 2:
            (tmp_path / f"{change - 2:02}.yaml").unlink()
        else:
            write([change % 7, 12 + change], f"{change + 200}m")
        parsed.taken()
        found = declared(tmp_path, None, before_of(tmp_path))
        assert len(parsed.taken()) == (0 if change % 3 == 2 else 2)
        assert found == declared(tmp_path, None, None)
        assert len(tables()) <= 2 * len(found[0]) // 4 + 1


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """Three manifests: with a text of its own, with files, and with what another one declares."""
    made = Workspace(tmp_path)
    made.write(
        {
            "gemctl.yaml": PROJECT,
            "own.yaml": manifest(
                "systemInstruction: Be short, and secretive.\nttl: ${var.ttl}\ndisplayName: ${var.name}"
            ),
            "files.yaml": manifest("contents: [{role: user, parts: [{textFiles: 'texts/*.md'}]}]").replace(
                "faq", "files"
            ),
            "uploads.yaml": "apiVersion: gemctl/v1\nkind: File\nmetadata: {name: up}\nspec: {source: up.txt}\n"
            "---\n" + manifest("contents: [{role: user, parts: [{fileRef: {name: up}}]}]").replace("faq", "uploaded"),
            "texts/one.md": "One.",
            "up.txt": "To be uploaded.",
        }
    )
    return made


def edits() -> Iterator[Any]:
    """What is edited, and the manifests that are read anew."""
    all_of_them = ["files.yaml", "own.yaml", "uploads.yaml"]
    yield pytest.param({}, [], id="nothing")
    yield pytest.param({"own.yaml": manifest("systemInstruction: Be long.")}, ["own.yaml"], id="a manifest")
    yield pytest.param({"own.yaml": manifest("ttl: 1")}, ["own.yaml"], id="a wrong manifest")
    yield pytest.param({"own.yaml": "a: [\n"}, ["own.yaml"], id="a broken manifest")
    yield pytest.param({"own.yaml": None}, [], id="no manifest")
    yield pytest.param({"new.yaml": manifest("contents: a").replace("faq", "new")}, ["new.yaml"], id="a new manifest")
    yield pytest.param({"new.yaml": manifest("contents: a")}, ["new.yaml", "own.yaml"], id="the same address again")
    yield pytest.param({"texts/one.md": "Two."}, ["files.yaml"], id="a text")
    yield pytest.param({"texts/two.md": "Two."}, ["files.yaml"], id="one more text")
    yield pytest.param({"texts/one.md": None}, ["files.yaml"], id="no text")
    yield pytest.param({"up.txt": "Another one."}, ["uploads.yaml"], id="an upload")
    yield pytest.param(
        {
            "uploads.yaml": manifest(
                "contents: [{role: user, parts: [{fileRef: {name: up}}]}]", HEAD.replace("faq", "new")
            )
        },
        ["uploads.yaml"],
        id="a reference",
    )
    over = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: faq}\nspec: {systemInstruction: Over it.}\n"
    project = PROJECT.replace("vars:", "overlays: [over], vars:")
    yield pytest.param({"gemctl.yaml": project, "over/o.yaml": over}, ["over/o.yaml", "own.yaml"], id="an overlay")
    project, over = project.replace("vars: {", "vars: {over: faq, "), over.replace("faq", "'${var.over}'")
    changed = {"gemctl.yaml": project, "over/o.yaml": over}
    yield pytest.param(changed, ["over/o.yaml", *all_of_them], id="an overlay whose name is a variable")
    yield pytest.param({"gemctl.yaml": PROJECT.replace("2h", "3h")}, all_of_them, id="a variable")


@pytest.mark.parametrize(("edit", "anew"), [*edits()])
def test_only_what_was_edited_is_read_anew(
    shop: Workspace, parsed: Parsed, edit: dict[str, str | None], anew: list[str]
) -> None:
    def remembering() -> Any:
        return declared(shop.root, None, DeclaredBefore(str(shop.root), shop.root / ".gemctl/local", key()))

    def key() -> str:  # as workflows/plan.py has it; of an overlay nothing else need be known
        return "1" if "3h" not in (shop.root / "gemctl.yaml").read_text() else "2"

    (shop.root / ".gemctl/local").mkdir(parents=True)
    assert remembering() == declared(shop.root, None, None)
    shop.write({path: text for path, text in edit.items() if text is not None})
    for path in (path for path, text in edit.items() if text is None):
        (shop.root / path).unlink()
    expected = declared(shop.root, None, None)
    parsed.taken()
    found = remembering()
    read = parsed.taken()
    assert found == expected
    assert set(read) == set(anew)
    assert remembering() == expected


@pytest.mark.parametrize("edited", ["first.yaml", "second.yaml"])
def test_variables_add_no_more_text_where_some_of_it_was_added_before(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, edited: str
) -> None:
    without = {name: manifest("contents: a").replace("faq", name[:5]) for name in ("first.yaml", "second.yaml")}
    with_variable = {name: f"{text}  displayName: ${{var.name}}\n" for name, text in without.items()}
    shop.write(with_variable | {edited: without[edited]})
    monkeypatch.setattr(refs, "MAX_TEXT", len("Ada") * 2 + len("2h"))  # own.yaml has some of both
    before = declared(shop.root, None, before_of(shop.root))
    shop.write(with_variable)
    expected = declared(shop.root, None, None)
    assert declared(shop.root, None, before_of(shop.root)) == expected != before
    assert [one.code for one in expected] == ["E214"]


def test_a_file_that_changes_between_two_reads_is_read_anew(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = "contents: [{role: user, parts: [{textFile: own.md}]}]"
    shop.write(
        {"a.yaml": manifest(spec).replace("faq", "a") + "---\n" + manifest(spec).replace("faq", "b"), "own.md": "Own."}
    )
    attach = loading.attach

    def edited_meanwhile(*given: Any) -> Any:
        found = attach(*given)
        shop.write({"own.md": "Edited."})
        return found

    with monkeypatch.context() as patch:
        patch.setattr(loading, "attach", edited_meanwhile)
        declared(shop.root, None, before_of(shop.root))
    assert declared(shop.root, None, before_of(shop.root)) == declared(shop.root, None, None)


def test_an_overlay_leaves_what_is_remembered_as_it_is(shop: Workspace) -> None:
    over = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: faq}\nspec: {displayName: Over it}\n"
    shop.write({"gemctl.yaml": PROJECT.replace("vars:", "overlays: [over], vars:"), "over/o.yaml": over})
    place = shop.root / FOLDER / FILE
    declared(shop.root, None, before_of(shop.root))
    first = place.stat()
    declared(shop.root, None, before_of(shop.root))
    assert place.stat() == first and b"over/o.yaml" not in place.read_bytes()


def test_what_something_was_said_of_is_not_remembered(shop: Workspace, parsed: Parsed) -> None:
    shop.write({"own.yaml": manifest("contents: a\nttl: 30s")})  # W202
    assert declared(shop.root, None, before_of(shop.root))[2]
    parsed.taken()
    assert declared(shop.root, None, before_of(shop.root))[2]
    assert parsed.taken() == ["own.yaml"]


def test_what_is_made_of_hundreds_of_files_is_read_again(shop: Workspace, parsed: Parsed) -> None:
    shop.write({f"texts/{number}.md": "A text." for number in range(remembered.MANY)})
    expected = declared(shop.root, None, before_of(shop.root))
    parsed.taken()
    assert declared(shop.root, None, before_of(shop.root)) == expected
    assert parsed.taken() == ["files.yaml"]


def test_an_instant_that_passes_is_told_although_nothing_was_edited(shop: Workspace) -> None:
    shop.write({"own.yaml": manifest(f"contents: a\nexpireTime: {NOW + timedelta(days=1):%FT%TZ}")})
    assert not declared(shop.root, None, before_of(shop.root))[2]
    later = NOW + timedelta(days=2)
    found = declared(shop.root, None, before_of(shop.root), later)
    assert found == declared(shop.root, None, None, later)
    assert [one.code for one in found[2]] == ["W203"]


def test_no_text_is_in_what_is_remembered(shop: Workspace) -> None:
    declared(shop.root, None, before_of(shop.root))
    data = (shop.root / FOLDER / FILE).read_bytes()
    assert data.count(b"\n") == 2
    assert not any(text in data for text in (b"secretive", b"One.", b"uploaded."))


def damaged(data: bytes) -> Iterator[bytes]:
    yield b""
    yield data[:-1]
    yield data[: len(data) // 2]
    for place in range(0, len(data), 37):
        yield data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    yield data.replace(b'"format": ', b'"format": 1')
    yield b"{}\n" + data.partition(b"\n")[2]
    yield b"[" * 100_000


def test_what_is_damaged_is_not_believed(shop: Workspace, parsed: Parsed) -> None:
    expected = declared(shop.root, None, before_of(shop.root))
    place = shop.root / FOLDER / FILE
    data = place.read_bytes()
    for bad in damaged(data):
        place.write_bytes(bad)
        parsed.taken()
        assert declared(shop.root, None, before_of(shop.root)) == expected
        assert len(parsed.taken()) == 3
        assert place.read_bytes() == data


def test_another_key_or_version_reads_all_anew(
    shop: Workspace, parsed: Parsed, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = declared(shop.root, None, before_of(shop.root))
    parsed.taken()
    assert declared(shop.root, None, before_of(shop.root, "another")) == expected
    assert len(parsed.taken()) == 3
    monkeypatch.setattr(kept, "__version__", "99.0")
    assert declared(shop.root, None, before_of(shop.root, "another")) == expected
    assert len(parsed.taken()) == 3


def test_nothing_is_remembered_where_the_stack_has_no_folder_yet(shop: Workspace) -> None:
    expected = declared(shop.root, None, None)
    place = shop.root / "nowhere"
    assert declared(shop.root, None, DeclaredBefore(str(shop.root), place, "key")) == expected
    assert not place.exists()
    place.write_text("a file in the place of the folder")
    assert declared(shop.root, None, DeclaredBefore(str(shop.root), place, "key")) == expected


def test_a_plan_with_a_text_that_may_be_the_name_of_a_file_is_not_remembered(shop: Workspace) -> None:
    """Once there is such a file, something is to be said of the text."""
    assert shop.load().inputs
    shop.write({"own.yaml": manifest("contents: texts/later.md")})
    assert shop.load().inputs == "" and not shop.load().warnings
    declared(shop.root, None, before_of(shop.root))
    shop.write({"texts/later.md": "Later."})
    found = declared(shop.root, None, before_of(shop.root))
    assert found == declared(shop.root, None, None)
    assert [one.code for one in found[2]] == ["W214"]


# The project.


def test_the_project_is_remembered_for_what_only_shows_something(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    read_project = projects.read_project

    def counted(documents: Any, path: str) -> Any:
        read.append(path)
        return read_project(documents, path)

    monkeypatch.setattr(projects, "read_project", counted)

    def shown(times: int, **how: bool) -> Any:
        read.clear()
        loaded = load_project(str(shop.root), **how)
        assert len(read) == times
        expected = load_project(str(shop.root))
        assert loaded.project == expected.project
        assert all_places(loaded.positions) == all_places(expected.positions)
        return loaded.project

    place = shop.root / ".gemctl/project.json"
    shown(1, shown=True)
    assert not place.exists()  # where gemctl keeps nothing yet
    place.parent.mkdir()
    first = shown(1, shown=True)
    shown(0, shown=True)
    shown(1)  # what acts reads it
    shop.write({"gemctl.yaml": PROJECT.replace("2h", "3h")})
    assert shown(1, shown=True) != first
    shown(0, shown=True)
    data = place.read_bytes()
    for bad in damaged(data):
        place.write_bytes(bad)
        shown(1, shown=True)
        assert place.read_bytes() == data
    monkeypatch.setattr(kept, "__version__", "99.0")
    shown(1, shown=True)


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_projects_are_read_as_they_were_written(folder: Path) -> None:
    write, read = plain(Project)
    project = load_project(str(folder)).project
    assert read(json.loads(json.dumps(write(project)))) == project


# Plain values.


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Everything:
    number: int
    text: str | None = None
    either: Expiry | None = None
    path: JsonPath = ()
    pair: tuple[int, str] | None = None
    paths: frozenset[JsonPath] = frozenset()
    places: dict[JsonPath, JsonPath] | None = None
    amount: Decimal | None = None
    length: timedelta = timedelta()
    colour: Colour | None = None
    any: Json = None
    object: JsonObject | None = None
    inner: Everything | None = None


FIELDS = {
    "number": st.integers(),
    "text": st.none() | st.text(),
    "path": st.just(()) | st.lists(st.integers(0, 9) | st.text(max_size=2), max_size=3).map(tuple),
    "pair": st.none() | st.tuples(st.integers(), st.text(max_size=2)),
}
VALUES = [
    Everything(1),
    Everything(1, "", Until(NOW), ("a", 0), (1, "b"), frozenset({("c",), (1,)}), {("d",): ("e", 2)}),
    Everything(-1, amount=Decimal("0.10"), length=timedelta(microseconds=1), colour=Colour.RED, any=[1, {"f": None}]),
    Everything(0, object={"g": 1.5}, inner=Everything(2, inner=Everything(3, text="h"))),
]


@pytest.mark.parametrize("value", VALUES)
def test_values_are_read_as_they_were_written(value: Everything) -> None:
    write, read = plain(Everything)
    assert read(json.loads(json.dumps(write(value)))) == value


@given(st.lists(st.builds(lambda one, **more: replace(one, **more), st.sampled_from(VALUES), **FIELDS), max_size=5))
def test_many_values_are_read_as_each_of_them(values: list[Everything]) -> None:
    """Together they are columns."""
    write, read = plain(tuple[Everything, ...])
    assert read(json.loads(json.dumps(write(values)))) == tuple(values)
    one, read_one = plain(Everything)
    assert [read_one(json.loads(json.dumps(one(value)))) for value in values] == values


def test_what_is_left_out_is_neither_written_nor_read() -> None:
    without = ((Everything, "text"),)
    write, read = plain(Everything, without)
    value = Everything(1, "a text", inner=Everything(2, "another"))
    told = json.loads(json.dumps(write(value)))
    assert "text" not in json.dumps(told)
    assert read(told) == Everything(1, inner=Everything(2))
    with pytest.raises(NOT_READ):
        read({**told, "text": ["a text"]})


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {},
        {"number": 1},
        {"number": []},
        {"number": [1, 2]},
        {"number": ["1"]},
        {"number": [True]},
        {"number": [1], "text": [1]},
        {"number": [1], "text": []},
        {"number": [1], "more": [1]},
        {"number": [1], "either": [[1]]},
        {"number": [1], "either": [[3], {}, {}]},
        {"number": [1], "either": [[True], {"ttl": [1]}, {}]},
        {"number": [1], "either": [[1], {}, {}]},
        {"number": [1], "either": [[-1], {}, {}]},
        {"number": [1], "path": ["a"]},
        {"number": [1], "path": [[1.5]]},
        {"number": [1], "pair": [[1], [[1]]]},
        {"number": [1], "pair": [[1], [[1], [1]]]},
        {"number": [1], "paths": [{}]},
        {"number": [1], "places": [[1], [[-1], [[], []]]]},
        {"number": [1], "places": [[1], [[1, -1], [[], []]]]},
        {"number": [1], "places": [[1], [[1000000000000], [[["a"]], [["b"]]]]]},
        {"number": [1], "amount": [[1], [1]]},
        {"number": [1], "length": ["1"]},
        {"number": [1], "colour": [[1], ["blue"]]},
        {"number": [1], "object": [[1], [[]]]},
        {"number": [1], "inner": [[1], {"number": [None]}]},
        {"number": [1], "inner": [[1], {}]},
    ],
)
def test_nothing_is_made_of_what_was_not_written(told: Any) -> None:
    with pytest.raises(NOT_READ):
        plain(Everything)[1](told)


def test_a_type_without_a_plain_form_is_refused_when_it_is_asked_for() -> None:
    with pytest.raises(TypeError):
        plain(bytes)
    assert plain(Declared) is plain(Declared)
    assert datetime(2026, 1, 1, tzinfo=UTC) == plain(datetime)[1](["2026-01-01T00:00:00+00:00"])
