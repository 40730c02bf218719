"""What holds for every kind in the catalogue: its whole life on the emulator, and what the seam promises of it. The
promises hold for the fake kinds as well, which have what no kind of the catalogue has yet.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fakes.fake_emulator import fake_app
from fakes.fake_project import FakeProject
from fakes.kinds import KINDS as FAKE_MODULES
from hypothesis import given
from hypothesis import strategies as st
from values import ManualClock

from gemctl.api.client import Client, ServerClock
from gemctl.cli.main import run
from gemctl.core.call import put
from gemctl.core.errors import Refused
from gemctl.core.kind import Chosen, Patch, Rule
from gemctl.core.lifetime import Renewable
from gemctl.core.mark import Mark, address_tag, owner_tag
from gemctl.core.members import as_resource
from gemctl.core.moment import show_instant
from gemctl.core.project import Timing
from gemctl.emulator.surfaces import everything
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World
from gemctl.files.attached import open_binary, read_text
from gemctl.kinds import CATALOGUE
from gemctl.manifest.load import load
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack

ROOT = Path(__file__).parent.parent.parent
MANIFESTS = ROOT / "manifests"
MODULES = sorted(
    path.stem for path in (ROOT / "gemctl/kinds").glob("*.py") if path.stem not in ("__init__", "api_types")
)
KINDS = sorted(CATALOGUE)
FAKES = {name: import_module(module).KIND for name, module in sorted(FAKE_MODULES.items())}
MEMBERS = {kind.members.name: kind.name for kind in CATALOGUE.values() if kind.members}
ALL = {**CATALOGUE, **{name: CATALOGUE[name] for name in MEMBERS}, **FAKES}
LIVE = [name for name in sorted(ALL) if ALL[name].remote]
PATCHED = [name for name in LIVE if ALL[name].remote.patch]
RENEWABLE = [name for name in LIVE if isinstance(ALL[name].lifetime, Renewable)]
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


@pytest.mark.usefixtures("example_secrets")
@pytest.mark.parametrize(("kind", "project"), examples())
def test_a_whole_life(tmp_path, kind, project):
    """Create, no drift, edit, replace or patch, delete; and deleting twice is deleting once. Edited are the texts, and
    the addresses among the variables: not every kind has a text.
    """
    folder, clock = tmp_path / project, ManualClock()
    shutil.copytree(MANIFESTS / project, folder, ignore=shutil.ignore_patterns("out", ".gemctl"))
    made = gemctl(folder, clock, "plan")["summary"]
    assert made["create"] > 0
    gemctl(folder, clock, "apply --yes")
    kept = gemctl(folder, clock, "plan --detailed-exitcode")["summary"]
    assert {action for action, count in kept.items() if count} == {"keep"} and kept["keep"] >= made["create"]
    before = gemctl(folder, clock, "output")["outputs"]
    for text in folder.rglob("*.md"):
        text.write_text(text.read_text(encoding="utf-8") + "\nOne sentence more.\n", encoding="utf-8")
    settings = folder / "gemctl.yaml"
    settings.write_text(
        re.sub(r"https://[\w./-]+", r"\g<0>/next", settings.read_text(encoding="utf-8")), encoding="utf-8"
    )
    changed = gemctl(folder, clock, "plan --detailed-exitcode", 2)
    edited = {change["address"]: change["action"] for change in changed["changes"] if change["reason"] == "edited"}
    remote = {address for address in edited if CATALOGUE[address.partition("/")[0]].remote}
    renamed = {address for address in remote if edited[address] != "update" and not _keeps_its_name(address)}
    assert any(address.startswith(f"{kind}/") for address in edited)
    gemctl(folder, clock, "apply --yes")
    after = gemctl(folder, clock, "output")["outputs"]
    assert {address for address in after if after[address]["name"] != before[address]["name"]} == renamed
    gemctl(folder, clock, "apply --yes")  # what was in use until now, or has ended since
    gemctl(folder, clock, "plan --detailed-exitcode")
    gemctl(folder, clock, "destroy --yes --allow-documents 1000")
    clock.advance(timedelta(hours=1))  # what ran, and was cancelled, has ended by now
    gemctl(folder, clock, "destroy --yes --allow-documents 1000")
    gemctl(folder, clock, "destroy --yes --allow-documents 1000")
    assert gemctl(folder, clock, "get")["objects"] == []
    assert gemctl(folder, clock, "state list")["records"] == []


def _keeps_its_name(address):
    """Whether the user chooses its live name, which another object has when it is made anew."""
    return isinstance(CATALOGUE[address.partition("/")[0]].remote.identity, Chosen)


def test_every_kind_has_an_example():
    assert {kind for kind, _ in examples()} == set(KINDS)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_in_the_catalogue_on_the_emulator_and_in_the_docs(name):
    (kind,) = [each for each in CATALOGUE.values() if each.declare.__module__ == f"gemctl.kinds.{name}"]
    assert CATALOGUE[kind.name] is kind
    served = {(route.method, route.template) for surface in everything() for route in surface.routes}
    x = f"{kind.collection}/x"
    made = kind.remote
    calls = [made.get(x), made.delete(x), made.collection.listing()] if made else []
    for call in filter(None, calls):
        assert (call.method, call.path.replace("/x", "/{id}")) in served
    file = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.collection)
    assert (ROOT / f"gemctl/emulator/surfaces/{file}.py").is_file()
    pages = [ROOT / "docs/adding-a-kind.md", *(ROOT / "docs/reference").rglob("*.md")]
    assert any(kind.name in page.read_text(encoding="utf-8") for page in pages if page.exists())


@pytest.mark.parametrize("name", sorted(ALL))
def test_rules_cover_every_managed_field(name):
    kind = ALL[name]
    fields = {field.alias or key for key, field in kind.spec.model_fields.items()}
    assert fields == set(kind.rules)


SPECS = {
    "FakeWebhook": {
        "uri": "https://example.com/h",
        "subscribedEvents": ["batch.failed"],
        "secret": {"file": "out/secret"},
    },
    "FakeAgent": {"id": "helper", "instruction": "Help."},
    "FakeCredential": {"id": "shop", "host": "shop.example.com", "description": "For the shop."},
    "FakeEnvironment": {"region": "eu", "description": "For tests.", "packages": ["a"]},
    "FakeTrigger": {"schedule": "0 9 * * 1", "agentRef": {"name": "fakeagent"}, "prompt": "Go."},
    "FakeRun": {"model": "gemini-3.8-flash", "input": "Look it up."},
}


def fake_folder(folder):
    """A project with one of each fake kind, named as its kind, and a document."""
    project = FakeProject(folder)
    project.write("docs/a.txt", "All about a.")
    for kind, spec in SPECS.items():
        project.declare(kind, kind.lower(), spec)
    return folder


class Live:
    """One kind's first example resource, or the first file that comes with one, and a client of a fresh emulator."""

    def __init__(self, name: str, tmp_path: Path) -> None:
        self.kind, self.clock = ALL[name], ManualClock()
        if name in FAKES:
            folder = fake_folder(tmp_path)
        else:
            wanted = MEMBERS.get(name, name)
            folder = next(
                MANIFESTS / project for kind, project in examples() if kind == wanted and project != "fixed-expiry"
            )
        loaded = load_project(str(folder))
        desired = load(loaded, choose_stack(loaded.project, None), ALL, (), now=self.clock.now())
        kind = MEMBERS.get(name, name)
        self.resource = next(each for each in desired.resources.values() if each.address.kind == kind)
        if name in MEMBERS:
            path = next(path for path, member in self.resource.declared.members.items() if member.source is None)
            self.resource = as_resource(self.resource, path, self.kind)
        self.desired, self.folder = desired, str(folder)
        app = fake_app(World(now=self.clock.now))
        self.client = Client(
            "http://emulator.invalid", "v1beta", None, self.clock, Timing(), _Keyed(app), ServerClock(self.clock)
        )
        self.parent = ""
        self.create = self.complete(self.resource)

    def complete(self, resource):
        """The whole call that makes it, with its texts and with what it refers to, which is made first."""
        mark = Mark(owner_tag("p", "s"), address_tag(resource.address), resource.spec_tag)
        call = ALL[resource.address.kind].remote.create(resource, mark, 1)
        body, path = call.body, call.path
        for fill in call.fills:
            body = put(body, fill.at, read_text(self.folder, self.desired.attachments[fill.digest]))
        for reference in call.references:
            made = self.made(self.desired.resources[reference.target])
            body = put(body, reference.at, made.outputs[reference.output])
        if call.under:
            self.parent = self.made(self.desired.resources[call.under]).name
            path = f"{self.parent}{path}"
        return replace(call, path=path, body=body, fills=(), references=(), under=None)

    def made(self, target):
        return ALL[target.address.kind].remote.read(self.send(self.complete(target)))

    def send(self, call):
        """The reply; to what an operation makes, that of a get of it."""
        if call.upload is None:
            reply = self.client.perform(call).body
        else:
            source = self.desired.attachments[call.upload.digest]
            reply = self.client.upload(call, lambda: open_binary(self.folder, source), lambda done, total: None).body
        operation = self.kind.remote.operation if call is getattr(self, "create", None) else None
        if operation is None:
            return reply
        started = operation.started(reply)
        assert operation.read(self.client.perform(operation.poll(started)).body) is None
        self.clock.advance(60)
        name = operation.read(self.client.perform(operation.poll(started)).body)
        return self.client.perform(self.kind.remote.get(name)).body

    def listed(self):
        return [
            item
            for page in self.client.pages(self.kind.remote.collection.listing(self.parent))
            for item in self.kind.remote.items(page)
        ]


class _Keyed(EmulatorTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["x-goog-api-key"] = "any-word"
        return super().handle_request(request)


@pytest.fixture(params=LIVE)
def live(request, tmp_path):
    return Live(request.param, tmp_path)


def test_the_list_and_the_reply_show_the_same_object(live):
    reply = live.send(live.create)
    item = live.kind.remote.read(reply)
    if live.kind.remote.listed:
        assert live.listed() == [item]
    assert live.kind.remote.read(live.client.perform(live.kind.remote.get(item.name)).body) == item
    assert item.kind == live.kind.name
    if live.kind.remote.marked:
        assert item.display_name == live.resource.display_name
        assert item.mark is not None
        assert item.mark.address_tag == address_tag(live.resource.address)
        assert item.mark.of(live.resource.spec_tag)
    else:
        assert item.mark is None
    if isinstance(live.kind.remote.identity, Chosen):
        assert live.kind.remote.identity.name(live.resource) == item.name
    assert item.outputs.get("name", item.name) == item.name
    assert item.parent == live.parent
    declared = live.resource.declared.fields
    assert {field: value for field, value in item.fields.items() if field in declared}.items() <= declared.items()


def test_calls_say_whether_they_can_be_repeated(live):
    remote, name = live.kind.remote, live.kind.remote.read(live.send(live.create)).name
    assert not live.create.repeatable
    listing = remote.collection.listing(live.parent)
    assert (listing is None) == (not remote.listed)
    calls = [*([listing] if listing else []), remote.get(name), remote.delete(name)]
    assert all(call.repeatable for call in calls)
    assert [call.method for call in calls] == [*(["GET"] if listing else []), "GET", "DELETE"]
    assert not any(act.call(live.resource, name).repeatable for act in live.kind.acts.values())


@pytest.mark.parametrize("live", PATCHED, indirect=True)
def test_a_patch_changes_what_it_names_and_twice_is_once(live):
    item = live.kind.remote.read(live.send(live.create))
    fields = frozenset(name for name, rule in live.kind.rules.items() if rule is Rule.UPDATABLE)
    call = live.kind.remote.patch(item.name, Patch(live.resource, item.mark, fields))
    assert call.repeatable
    first, second = (live.kind.remote.read(live.client.perform(call).body) for _ in range(2))
    assert (first.name, first.mark, first.fields) == (second.name, second.mark, second.fields)
    assert (first.name, first.mark) == (item.name, item.mark)


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
    if live.kind.remote.listed:
        assert live.listed() == []
    for call in (live.kind.remote.delete(name), live.kind.remote.get(name)):
        with pytest.raises(Refused) as refused:
            live.client.perform(call)
        assert refused.value.missing


def test_replies_with_unknown_fields_and_nulls_can_be_read(live):
    reply, remote = live.send(live.create), live.kind.remote
    item = remote.read(reply)
    assert remote.read({**reply, "somethingNew": {"a": [1]}, "": None}) == item
    for field, value in reply.items():
        if value != item.name and field != "id":
            assert remote.read({**reply, field: None}).name == item.name
            assert remote.read({key: value for key, value in reply.items() if key != field}).name == item.name
    if not remote.listed:
        return
    page = live.client.perform(remote.collection.listing(live.parent)).body
    (key,) = (key for key, value in page.items() if isinstance(value, list))
    assert key == remote.collection.pages.items
    assert remote.items({key: [reply], "somethingNew": 1, remote.collection.pages.following: None}) == (item,)
    assert remote.items({}) == remote.items({key: None}) == ()


KNOWN = {
    "name": "{}/abc",
    "id": "abc",
    "model": "models/x",
    "displayName": "x",
    "expireTime": None,
    "createTime": "2026-01-01T00:00:00Z",
    "created": "2026-01-01T00:00:00Z",
    "usageMetadata": {"totalTokenCount": 1},
    "customMetadata": [{"key": "gemctl", "stringValue": "x"}],
    "state": "STATE_ACTIVE",
    "activeDocumentsCount": "1",
    "outputs": [],
}


@pytest.mark.parametrize("name", LIVE)
@given(data=st.data())
def test_garbage_raises_what_the_seam_allows_and_nothing_else(name, data):
    kind, remote = ALL[name], ALL[name].remote
    parent = f"{ALL[remote.collection.parent].collection}/s/" if remote.collection.parent else ""
    known = {**KNOWN, "name": KNOWN["name"].format(f"{parent}{kind.collection}")}
    key = remote.collection.pages.items if remote.listed else ""
    field, value = data.draw(st.sampled_from(sorted(known))), data.draw(json_values)
    for reply in (value, {**known, field: value}):
        with contextlib.suppress(*GARBAGE):
            assert remote.collection.name.fullmatch(remote.read(reply).name)
        with contextlib.suppress(*GARBAGE):
            assert isinstance(remote.items({key: [reply]}), tuple)
        with contextlib.suppress(*GARBAGE):
            assert isinstance(remote.items({key: reply}), tuple)
        if operation := remote.operation:
            with contextlib.suppress(*GARBAGE, Refused):
                operation.started(reply)
            with contextlib.suppress(*GARBAGE, Refused):
                operation.read({"done": value, "error": reply, "response": reply})
        for act in kind.acts.values():
            if act.secret:
                with contextlib.suppress(TypeError, ValueError):
                    assert act.secret(reply)
        if kind.once:
            with contextlib.suppress(*GARBAGE):
                kind.once.results(reply)


def test_garbage_is_held_against_what_can_be_read():
    """The fields that are garbled are such that without that they can be read."""
    for name in LIVE:
        collection = ALL[name].remote.collection
        parent = f"{ALL[collection.parent].collection}/s/" if collection.parent else ""
        live_name = KNOWN["name"].format(f"{parent}{collection.path}")
        assert ALL[name].remote.read({**KNOWN, "name": live_name}).name == live_name


@pytest.mark.parametrize("name", LIVE)
@given(text=st.text(max_size=30))
def test_no_name_steers_a_call_elsewhere(name, text):
    kind, remote = ALL[name], ALL[name].remote
    parent = f"{ALL[remote.collection.parent].collection}/s/" if remote.collection.parent else ""
    calls = [remote.get, remote.delete]
    calls += [kind.lifetime.renew] if name in RENEWABLE else []
    calls += [kind.once.cancel] if kind.once and kind.once.cancel else []
    calls += [partial(act.call, None) for act in kind.acts.values()]
    if remote.patch:
        resource = SimpleNamespace(declared=SimpleNamespace(fields={}), display_name="x")
        patch = Patch(resource, Mark("p", "a", "s"), frozenset())
        calls.append(lambda given_name: remote.patch(given_name, patch))
    collection = f"{parent}{kind.collection}"
    for call in calls:
        for given_name in (text, f"{collection}/{text}", f"{collection}/../{text}"):
            with contextlib.suppress(ValueError):
                path = call(given_name).path
                assert path.startswith(given_name)
                assert re.fullmatch(r"(:[a-zA-Z]+|/cancel|/executions)?", path.removeprefix(given_name), re.ASCII)
                assert given_name.startswith(f"{collection}/")
                identity = given_name.removeprefix(f"{collection}/")
                assert identity not in ("", ".", "..") and not set(identity) & set("/?#%\\ :")
        if remote.operation:
            with contextlib.suppress(ValueError):
                assert "/operations/" in remote.operation.poll(f"{parent}operations/{text}").path
                assert not set(text) & set("/?#%\\ :.")
