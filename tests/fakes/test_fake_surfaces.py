"""The surfaces of the fake kinds: what each answers, refuses and leaves in the world; and how gemctl comes to them."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random

import pytest
import values
from fakes.fake_emulator import embedded, fake_app, live, made
from fakes.surfaces import FAKES, everything, fake_runs, fake_triggers

from gemctl.api.errors import Refused
from gemctl.core.call import Call
from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.faults import Fault
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World
from gemctl.workflows.wiring import Settings, connect, open_session

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks: {local: {endpoint: emulator}}
"""
BODIES = {
    "fakeWebhooks": {"name": "ours", "uri": "https://example.com/h", "subscribedEvents": ["batch.failed"]},
    "fakeAgents": {"id": "helper"},
    "fakeTriggers": {"schedule": "0 9 * * 1", "agent": "fakeAgents/helper", "prompt": "Go."},
    "fakeRuns": {"model": "gemini-3.8-flash", "input": "Look it up.", "background": True},
}
LISTS = {  # the key, the token's names in the query and in the answer, the name of the size
    "fakeWebhooks": ("webhooks", "page_token", "next_page_token", "page_size"),
    "fakeAgents": ("agents", "page_token", "next_page_token", "page_size"),
    "fakeTriggers": ("triggers", "cursor", "nextCursor", "limit"),
}


class Caller:
    """Asks an App without any door."""

    def __init__(self, app: App, clock: ManualClock) -> None:
        self.app, self.clock = app, clock

    def ask(self, method, path, body=None, key="some-key", **query):
        data = b"" if body is None else json.dumps(body).encode()
        pairs = tuple((name, str(value)) for name, value in query.items())
        response = self.app.handle(Request(method, f"/v1beta/{path}", pairs, {"x-goog-api-key": key}, data))
        assert not self.app.bugs
        return response

    def json(self, method, path, body=None, **how):
        response = self.ask(method, path, body, **how)
        assert response.status == 200, response.body
        return json.loads(response.body)

    def refused(self, method, path, body=None, **how):
        response = self.ask(method, path, body, **how)
        error = json.loads(response.body)["error"]
        assert error["code"] == response.status
        return error["code"], error["status"]

    def create(self, collection, **fields):
        """The answer, and the path of what was made."""
        answer = self.json("POST", collection, {**BODIES[collection], **fields})
        path = f"{collection}/{answer['id']}" if "id" in answer else answer["name"]
        return answer, path

    def pass_time(self, nanoseconds):
        self.clock.advance(timedelta(microseconds=nanoseconds / 1_000))


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def caller(clock):
    return Caller(fake_app(World(now=clock, ids=Random(7))), clock)


def test_what_the_emulator_has_anyway_is_served_too(caller):
    assert caller.json("GET", "cachedContents") == {}
    assert {surface.name for surface in everything()} > {*FAKES, "cachedContents", "files"}
    plain = Caller(App(World()), caller.clock)
    assert all(plain.ask("POST", collection, body).status == 404 for collection, body in BODIES.items())


@pytest.mark.parametrize("collection", LISTS)
def test_lists_page_each_in_its_own_style(caller, collection):
    key, token, following, size = LISTS[collection]
    caller.create("fakeAgents")
    assert caller.json("GET", collection) == {} or collection == "fakeAgents"
    names = ["helper"] if collection == "fakeAgents" else []
    for index in range(7 - len(names)):
        more = {"id": f"helper-{index}"} if collection == "fakeAgents" else {}
        names.append(caller.create(collection, **more)[1].removeprefix("fakeAgents/"))
    names = [name.removeprefix("fakeWebhooks/") for name in names]
    pages, query = [], {size: 1_000}
    while True:
        page = caller.json("GET", collection, **query)
        pages.append([each["id"] if "id" in each else each["name"] for each in page[key]])
        if following not in page:
            break
        query = {**query, token: page[following]}
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [name for page in pages for name in page] == names
    other = "page_token" if token == "pageToken" else "pageToken"
    again = caller.json("GET", collection, **{other: page.get(following, "x"), size: 2})
    assert len(again[key]) == 2


@pytest.mark.parametrize("collection", BODIES)
def test_create_get_delete_and_what_the_world_says_of_it(caller, collection):
    caller.create("fakeAgents")
    answer, path = caller.create(collection, **({"id": "other"} if collection == "fakeAgents" else {}))
    shown = {name: value for name, value in answer.items() if name != "new_signing_secret"}
    assert caller.json("GET", path) == shown
    assert live(caller.app, collection)[-1].name == path
    assert made(caller.app, collection)[-1].name == path
    assert caller.json("DELETE", path) == {}
    gone = caller.refused("GET", path)
    assert gone == (404, "NOT_FOUND")
    assert caller.refused("DELETE", path) == gone
    assert path not in {row.name for row in live(caller.app, collection)}
    assert made(caller.app, collection)[-1].name == path


@pytest.mark.parametrize("collection", BODIES)
def test_bad_bodies_faults_quotas_and_projects_are_those_of_every_surface(clock, collection):
    caller = Caller(fake_app(World(now=clock), keys={"some-key": "ours", "other": "theirs"}), clock)
    assert caller.refused("POST", collection, {**BODIES[collection], "nonsense": 1}) == (400, "INVALID_ARGUMENT")
    caller.create("fakeAgents")
    before = len(made(caller.app, collection))
    caller.app.set_faults([Fault("after", method="POST")])
    fields = {"id": "lost"} if collection == "fakeAgents" else {}
    assert caller.ask("POST", collection, {**BODIES[collection], **fields}).drop
    caller.app.set_faults([])
    path = made(caller.app, collection)[before].name
    assert caller.ask("GET", path).status == 200
    assert caller.refused("GET", path, key="other")[0] in (403, 404)
    caller.app.turn(requests_per_minute=1)
    caller.ask("GET", path)
    assert caller.refused("GET", path) == (429, "RESOURCE_EXHAUSTED")


def test_a_world_of_fakes_outlives_its_process(clock, tmp_path):
    caller = Caller(fake_app(World(FileStore(tmp_path), now=clock)), clock)
    _, hook = caller.create("fakeWebhooks")
    _, run = caller.create("fakeRuns")
    caller.pass_time(fake_runs.RUNNING)
    later = Caller(fake_app(World(FileStore(tmp_path), now=clock)), clock)
    assert later.json("GET", hook)["uri"] == BODIES["fakeWebhooks"]["uri"]
    assert later.json("GET", run)["status"] == "completed"


def test_gemctl_finds_the_fakes_on_its_embedded_emulator_while_it_is_told_to(tmp_path):
    (tmp_path / "gemctl.yaml").write_text(PROJECT, encoding="utf-8")
    settings = Settings(str(tmp_path), {}, values.ManualClock())
    with embedded():
        client = connect(open_session(settings)).new_client()
        made = client.perform(Call("POST", "fakeAgents", body=BODIES["fakeAgents"])).body
    with pytest.raises(Refused):
        connect(open_session(settings)).new_client().perform(Call("GET", "fakeAgents/helper"))
    assert made["id"] == "helper"


# Webhooks


def test_a_webhooks_secret_is_shown_once(caller):
    answer, path = caller.create("fakeWebhooks")
    secret = answer["new_signing_secret"]
    assert secret.startswith("whsec_")
    shown = caller.json("GET", path)
    assert "new_signing_secret" not in shown
    assert shown["truncated_signing_secret"] == f"whsec_...{secret[-5:]}"
    at_once = {"revocation_behavior": "revoke_previous_secrets_immediately"}
    rotated = caller.json("POST", f"{path}:rotateSigningSecret", at_once)["new_signing_secret"]
    assert rotated != secret
    assert caller.json("GET", path)["truncated_signing_secret"] == f"whsec_...{rotated[-5:]}"
    assert secret not in str(caller.app.world.effects()) + str(live(caller.app, "fakeWebhooks"))
    assert caller.json("POST", f"{path}:ping") == {}
    assert [(effect.kind, effect.display_name) for effect in caller.app.effects] == [
        ("created", "ours"),
        ("patched", "ours"),
    ]


def test_a_webhook_is_patched_as_its_mask_says(caller):
    _, path = caller.create("fakeWebhooks")
    body = {"name": "new", "state": "disabled", "subscribed_events": ["video.generated"]}
    shown = caller.json("PATCH", path, body, update_mask="name,subscribed_events")
    assert (shown["name"], shown["state"], shown["subscribed_events"]) == ("new", "enabled", ["video.generated"])
    assert caller.json("PATCH", path, {"state": "disabled"})["state"] == "disabled"
    for body, query in (
        ({"uri": "https://example.com"}, {"updateMask": "uri,id"}),
        ({}, {"updateMask": "uri"}),
        ({"uri": "http://example.com"}, {}),
        ({"state": "disabled_due_to_failed_deliveries"}, {}),
        ({"subscribedEvents": ["batch.completed"]}, {}),
    ):
        assert caller.refused("PATCH", path, body, **query) == (400, "INVALID_ARGUMENT")
    assert caller.refused("POST", "fakeWebhooks", {"uri": "https://example.com"}) == (400, "INVALID_ARGUMENT")


# Agents


def test_an_agents_id_is_the_users_and_is_taken_once(caller):
    answer, path = caller.create("fakeAgents", tools=[{"type": "google_search"}], instruction="Be kind.")
    assert path == "fakeAgents/helper"
    assert answer["tools"] == [{"type": "google_search"}]
    assert answer["environment"] == {"type": "remote"}
    assert answer["model"] == "models/gemini-3.8-flash"
    assert "description" not in answer
    assert caller.refused("POST", "fakeAgents", {"id": "helper"}) == (409, "ALREADY_EXISTS")
    assert caller.ask("PATCH", path, {"description": "x"}).status == 404
    assert caller.refused("POST", "fakeAgents", {"id": "Helper"}) == (400, "INVALID_ARGUMENT")
    assert caller.refused("POST", "fakeAgents", {"id": "a", "model": "models/none"}) == (404, "NOT_FOUND")
    caller.json("DELETE", path)
    assert caller.create("fakeAgents", environment="remote")[0]["environment"] == "remote"


# Triggers


def test_a_trigger_needs_its_agent_and_hides_its_prompt(caller):
    body = BODIES["fakeTriggers"]
    assert caller.refused("POST", "fakeTriggers", body) == (400, "INVALID_ARGUMENT")
    caller.create("fakeAgents")
    answer, path = caller.create("fakeTriggers", displayName="ours")
    assert (answer["status"], answer["timeZone"], answer["agent"]) == ("ACTIVE", "UTC", "fakeAgents/helper")
    assert "prompt" not in answer
    assert caller.json("PATCH", path, {"status": "PAUSED"})["status"] == "PAUSED"
    assert caller.json("PATCH", path, {"displayName": "new"})["displayName"] == "new"
    assert caller.refused("PATCH", path, {"status": "ACTIVE", "schedule": "* * * * *"}) == (400, "INVALID_ARGUMENT")
    assert caller.json("GET", path)["status"] == "PAUSED"
    assert [effect.display_name for effect in caller.app.effects if effect.collection == "fakeTriggers"][-1] == "new"
    assert caller.refused("POST", "fakeTriggers", {**body, "schedule": "daily"}) == (400, "INVALID_ARGUMENT")
    assert caller.refused("POST", "fakeTriggers", {**body, "timeZone": "here"}) == (400, "INVALID_ARGUMENT")


def test_a_trigger_runs_now(caller):
    caller.create("fakeAgents")
    _, path = caller.create("fakeTriggers", agent="helper")
    started = caller.json("POST", f"{path}:run")
    assert (started["trigger"], started["status"]) == (path, "IN_PROGRESS")
    caller.pass_time(fake_triggers.RUNNING)
    caller.json("DELETE", "fakeAgents/helper")
    caller.json("POST", f"{path}:run")
    caller.pass_time(fake_triggers.RUNNING)
    ended = caller.json("GET", f"{path}/executions")["triggerExecutions"]
    assert [each["status"] for each in ended] == ["COMPLETED", "FAILED"]
    assert caller.json("GET", path)["lastRunTime"] == ended[1]["startTime"]
    assert len(made(caller.app, fake_triggers.executions(path))) == 2


# Runs


@pytest.mark.parametrize("ends", ["completed", "failed", "cancelled", "budget_exceeded"])
def test_a_run_ends_as_its_input_says(caller, ends):
    answer, path = caller.create("fakeRuns", input=f"[[emulator: run ends {ends}]]")
    assert answer["status"] == "in_progress"
    caller.pass_time(fake_runs.RUNNING - 1_000_000)
    assert caller.json("GET", path) == answer
    caller.pass_time(1_000_000)
    shown = caller.json("GET", path)
    assert shown["status"] == ends
    assert ("outputs" in shown) == (ends == "completed")
    assert ("error" in shown) == (ends == "failed")
    assert caller.refused("POST", f"{path}/cancel") == (400, "FAILED_PRECONDITION")
    assert [(effect.kind, effect.state) for effect in caller.app.effects] == [
        ("created", "in_progress"),
        ("ended", ends),
    ]
    caller.pass_time(fake_runs.RETENTION)
    assert caller.refused("GET", path) == (404, "NOT_FOUND")


def test_a_run_cannot_be_listed_and_can_be_cancelled(caller):
    caller.create("fakeAgents")
    fields = {"agent": "helper", "model": "", "input": "[[emulator: run stays requires_action]]"}
    answer, path = caller.create("fakeRuns", **fields)
    assert (answer["status"], answer["agent"]) == ("requires_action", "helper")
    assert caller.ask("GET", "fakeRuns").status == 404
    assert caller.ask("POST", f"{path}:cancel").status == 404
    caller.pass_time(10 * fake_runs.RUNNING)
    assert caller.json("POST", f"{path}/cancel")["status"] == "cancelled"
    assert "outputs" not in caller.json("GET", path)
    for wrong in ({"agent": "helper"}, {"background": False}, {"input": ""}, {"model": "", "agent": "nobody"}):
        assert caller.refused("POST", "fakeRuns", {**BODIES["fakeRuns"], **wrong}) == (400, "INVALID_ARGUMENT")


def test_each_run_is_paid_although_nobody_heard_of_it(caller):
    caller.app.set_faults([Fault("status_after", method="POST", nth=frozenset({1})), Fault("duplicate", every=2)])
    assert caller.refused("POST", "fakeRuns", BODIES["fakeRuns"]) == (503, "UNAVAILABLE")
    _, path = caller.create("fakeRuns", input="Another.")
    caller.app.set_faults([])
    caller.json("DELETE", path)
    paid = made(caller.app, "fakeRuns")
    assert len(paid) == 3
    assert len({effect.digest for effect in paid}) == 2
