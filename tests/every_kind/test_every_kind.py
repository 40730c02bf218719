"""What holds for every kind in the catalogue: its whole life on the emulator, and what the seam promises of it."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import ManualClock

from gemctl.api.client import Client, ServerClock
from gemctl.cli.main import run
from gemctl.core.call import put
from gemctl.core.errors import Refused
from gemctl.core.lifetime import Renewable
from gemctl.core.mark import Mark, address_tag, owner_tag
from gemctl.core.moment import show_instant
from gemctl.core.project import Timing
from gemctl.emulator.app import App
from gemctl.emulator.surfaces import everything
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World
from gemctl.files.attached import open_binary, read_text
from gemctl.kinds import CATALOGUE
from gemctl.manifest.load import load, load_project
from gemctl.manifest.project import choose_stack

ROOT = Path(__file__).parent.parent.parent
MANIFESTS = ROOT / "manifests"
MODULES = sorted(
    path.stem for path in (ROOT / "gemctl/kinds").glob("*.py") if path.stem not in ("__init__", "api_types")
)
KINDS = sorted(CATALOGUE)
LIVE = [name for name in KINDS if CATALOGUE[name].remote]
RENEWABLE = [name for name in LIVE if isinstance(CATALOGUE[name].lifetime, Renewable)]
GARBAGE = (KeyError, TypeError, ValueError, AttributeError)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=12), inner, max_size=4)),
    max_leaves=12,
)


def examples():
    """(kind, project folder) for each kind that an example project declares."""
    found = []
    for file in sorted(MANIFESTS.glob("*/gemctl.yaml")):
        text = "".join(path.read_text(encoding="utf-8") for path in file.parent.rglob("*.yaml"))
        found += [(name, file.parent.name) for name in KINDS if f"kind: {name}\n" in text]
    return found


def gemctl(folder, clock, line, status=0):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        found = run(["-C", str(folder), "--json", *line.split()], clock=clock)
    assert found == status, (line, out.getvalue(), err.getvalue())
    return json.loads(out.getvalue()) if line.split()[0] not in ("apply", "destroy") else None


@pytest.mark.parametrize(("kind", "project"), examples())
def test_a_whole_life(tmp_path, kind, project):
    """Create, no drift, edit, replace, delete; and deleting twice is deleting once."""
    folder, clock = tmp_path / project, ManualClock()
    shutil.copytree(MANIFESTS / project, folder, ignore=shutil.ignore_patterns("out", ".gemctl"))
    made = gemctl(folder, clock, "plan")["summary"]
    assert made["create"] > 0
    gemctl(folder, clock, "apply --yes")
    kept = gemctl(folder, clock, "plan --detailed-exitcode")["summary"]
    assert {action for action, count in kept.items() if count} == {"keep"} and kept["keep"] >= made["create"]
    before = gemctl(folder, clock, "output")
    for text in folder.rglob("*.md"):
        text.write_text(text.read_text(encoding="utf-8") + "\nOne sentence more.\n", encoding="utf-8")
    changed = gemctl(folder, clock, "plan --detailed-exitcode", 2)
    edited = {change["address"] for change in changed["changes"] if change["reason"] == "edited"}
    renamed = {address for address in edited if CATALOGUE[address.partition("/")[0]].remote}
    assert any(address.startswith(f"{kind}/") for address in edited)
    gemctl(folder, clock, "apply --yes")
    after = gemctl(folder, clock, "output")
    assert {address for address in after if after[address]["name"] != before[address]["name"]} == renamed
    gemctl(folder, clock, "apply --yes")  # what was in use until now, or has ended since
    gemctl(folder, clock, "plan --detailed-exitcode")
    gemctl(folder, clock, "destroy --yes")
    clock.advance(timedelta(hours=1))  # what ran, and was cancelled, has ended by now
    gemctl(folder, clock, "destroy --yes")
    gemctl(folder, clock, "destroy --yes")
    assert gemctl(folder, clock, "get") == []
    assert gemctl(folder, clock, "state list")["records"] == []


def test_every_kind_has_an_example():
    assert {kind for kind, _ in examples()} == set(KINDS)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_in_the_catalogue_on_the_emulator_and_in_the_docs(name):
    (kind,) = [each for each in CATALOGUE.values() if each.declare.__module__ == f"gemctl.kinds.{name}"]
    assert CATALOGUE[kind.name] is kind
    served = {(route.method, route.template) for surface in everything() for route in surface.routes}
    x = f"{kind.collection}/x"
    made = kind.remote
    for call in [made.get(x), made.delete(x), made.collection.listing()] if made else []:
        assert (call.method, call.path.replace("/x", "/{id}")) in served
    file = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.collection)
    assert (ROOT / f"gemctl/emulator/surfaces/{file}.py").is_file()
    pages = [ROOT / "docs/adding-a-kind.md", *(ROOT / "docs/reference").rglob("*.md")]
    assert any(kind.name in page.read_text(encoding="utf-8") for page in pages if page.exists())


@pytest.mark.parametrize("name", KINDS)
def test_rules_cover_every_managed_field(name):
    kind = CATALOGUE[name]
    fields = {field.alias or key for key, field in kind.spec.model_fields.items()}
    assert fields == set(kind.rules)


class Live:
    """One kind's first example resource, and a client of a fresh emulator."""

    def __init__(self, name: str) -> None:
        self.kind, self.clock = CATALOGUE[name], ManualClock()
        folder = next(MANIFESTS / project for kind, project in examples() if kind == name and project != "fixed-expiry")
        loaded = load_project(str(folder))
        desired = load(loaded, choose_stack(loaded.project, None), CATALOGUE, (), now=self.clock.now())
        self.resource = next(each for each in desired.resources.values() if each.address.kind == name)
        self.desired, self.folder = desired, str(folder)
        app = App(World(now=self.clock.now))
        self.client = Client(
            "http://emulator.invalid", "v1beta", None, self.clock, Timing(), _Keyed(app), ServerClock(self.clock)
        )
        self.create = self.complete(self.resource)

    def complete(self, resource):
        """The whole call that makes it, with its texts and with what it refers to, which is made first."""
        mark = Mark(owner_tag("p", "s"), address_tag(resource.address), resource.spec_tag)
        call = CATALOGUE[resource.address.kind].remote.create(resource, mark, 1)
        body = call.body
        for fill in call.fills:
            body = put(body, fill.at, read_text(self.folder, self.desired.attachments[fill.digest]))
        for reference in call.references:
            target = self.desired.resources[reference.target]
            made = CATALOGUE[target.address.kind].remote.read(self.send(self.complete(target)))
            body = put(body, reference.at, made.facts[reference.fact])
        return replace(call, body=body, fills=(), references=())

    def send(self, call):
        if call.upload is None:
            return self.client.perform(call).body
        source = self.desired.attachments[call.upload.digest]
        return self.client.upload(call, lambda: open_binary(self.folder, source), lambda done, total: None).body

    def listed(self):
        return [
            item
            for page in self.client.pages(self.kind.remote.collection.listing())
            for item in self.kind.remote.items(page)
        ]


class _Keyed(EmulatorTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["x-goog-api-key"] = "any-word"
        return super().handle_request(request)


@pytest.fixture(params=LIVE)
def live(request):
    return Live(request.param)


def test_the_list_and_the_reply_show_the_same_object(live):
    reply = live.send(live.create)
    item = live.kind.remote.read(reply)
    assert live.listed() == [item]
    assert live.kind.remote.read(live.client.perform(live.kind.remote.get(item.name)).body) == item
    assert (item.kind, item.human) == (live.kind.name, live.resource.human)
    assert item.mark is not None
    assert item.mark.address == address_tag(live.resource.address)
    assert item.mark.of(live.resource.spec_tag)
    assert item.facts["name"] == item.name
    declared = live.resource.declared.fields
    assert {field: value for field, value in item.fields.items() if field in declared}.items() <= declared.items()


def test_calls_say_whether_they_can_be_repeated(live):
    kind, name = live.kind, live.kind.remote.read(live.send(live.create)).name
    assert not live.create.repeatable
    assert all(
        call.repeatable for call in (kind.remote.collection.listing(), kind.remote.get(name), kind.remote.delete(name))
    )
    assert (kind.remote.get(name).method, kind.remote.collection.listing().method, kind.remote.delete(name).method) == (
        "GET",
        "GET",
        "DELETE",
    )


@pytest.mark.parametrize("live", RENEWABLE, indirect=True)
def test_an_update_moves_the_deadline_and_twice_is_once(live):
    item = live.kind.remote.read(live.send(live.create))
    call = live.kind.lifetime.renew(item.name)
    at = live.clock.now().replace(hour=23)
    whole = type(call)(call.method, call.path, call.query, put(call.body or {}, call.deadline, show_instant(at)))
    first, second = (live.kind.remote.read(live.client.perform(whole).body) for _ in range(2))
    assert first.deadline == second.deadline == at
    assert live.listed()[0].deadline == at


def test_gone_is_gone_twice(live):
    name = live.kind.remote.read(live.send(live.create)).name
    live.client.perform(live.kind.remote.delete(name))
    assert live.listed() == []
    for call in (live.kind.remote.delete(name), live.kind.remote.get(name)):
        with pytest.raises(Refused) as refused:
            live.client.perform(call)
        assert refused.value.missing


def test_replies_with_unknown_fields_and_nulls_can_be_read(live):
    reply = live.send(live.create)
    item = live.kind.remote.read(reply)
    assert live.kind.remote.read({**reply, "somethingNew": {"a": [1]}, "": None}) == item
    for field in reply:
        if field != "name":
            assert live.kind.remote.read({**reply, field: None}).name == item.name
            assert live.kind.remote.read({key: value for key, value in reply.items() if key != field}).name == item.name
    page = live.client.perform(live.kind.remote.collection.listing()).body
    (key,) = (key for key, value in page.items() if isinstance(value, list))
    assert live.kind.remote.items({key: [reply], "somethingNew": 1, "nextPageToken": None}) == (item,)
    assert live.kind.remote.items({}) == live.kind.remote.items({key: None}) == ()


@pytest.mark.parametrize("name", LIVE)
@given(data=st.data())
def test_garbage_raises_what_the_seam_allows_and_nothing_else(name, data):
    kind = CATALOGUE[name]
    known = {"name": f"{kind.collection}/abc", "model": "models/x", "displayName": "x", "expireTime": None}
    known |= {"createTime": "2026-01-01T00:00:00Z", "usageMetadata": {"totalTokenCount": 1}}
    field, value = data.draw(st.sampled_from(sorted(known))), data.draw(json_values)
    for reply in (value, {**known, field: value}):
        with contextlib.suppress(*GARBAGE):
            assert kind.remote.read(reply).name.startswith(f"{kind.collection}/")
        with contextlib.suppress(*GARBAGE):
            assert isinstance(kind.remote.items({kind.collection: [reply]}), tuple)
        with contextlib.suppress(*GARBAGE):
            assert isinstance(kind.remote.items({kind.collection: reply}), tuple)


@pytest.mark.parametrize("name", LIVE)
@given(text=st.text(max_size=30))
def test_no_name_steers_a_call_elsewhere(name, text):
    kind = CATALOGUE[name]
    for call in (kind.remote.get, kind.remote.delete, *([kind.lifetime.renew] if name in RENEWABLE else [])):
        for given_name in (text, f"{kind.collection}/{text}", f"{kind.collection}/../{text}"):
            with contextlib.suppress(ValueError):
                path = call(given_name).path
                assert path == given_name
                collection, identity = path.split("/")
                assert collection == kind.collection
                assert identity not in ("", ".", "..") and not set(identity) & set("/?#%\\ :")
