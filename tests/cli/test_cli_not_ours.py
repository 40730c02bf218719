"""A service that answers a create with another object, and one that keeps no display names."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import httpx
import pytest
from cli_world import TEXT, cache, here, make_project

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.emulator.transport import EmulatorTransport
from gemctl.state.codec import snapshot_from_bytes, snapshot_to_bytes

THEIRS = {"model": "models/gemini-3.8-flash", "displayName": "theirs", "contents": [{"parts": [{"text": TEXT}]}]}


class Service:
    """The embedded emulator, with something between it and gemctl. `sent` are the requests that change something."""

    def __init__(self, monkeypatch) -> None:
        self.sent, self.altered, self.theirs = [], lambda request, reply: reply, None
        plain, once = EmulatorTransport.handle_request, threading.Lock()

        def handle(transport, request):
            with once:  # all kinds are listed at the same time
                if self.theirs is None:
                    body = json.dumps(THEIRS).encode()
                    url = httpx.URL("http://emulator.invalid/v1beta/cachedContents")
                    made = plain(transport, httpx.Request("POST", url, headers=request.headers, content=body))
                    self.theirs = json.loads(made.read())
            if request.method != "GET":
                self.sent.append(f"{request.method} {request.url.path.removeprefix('/v1beta/')}")
            response = plain(transport, request)
            if response.status_code != 200:
                return response
            reply = self.altered(request, json.loads(response.read() or b"{}"))
            headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
            return httpx.Response(200, headers=headers, content=json.dumps(reply).encode(), request=request)

        monkeypatch.setattr(EmulatorTransport, "handle_request", handle)


@pytest.fixture
def service(monkeypatch):
    return Service(monkeypatch)


def live(shop):
    return {
        one["name"]: one["owner"] for one in json.loads(here(shop, "get", "CachedContent", "--json").stdout)["objects"]
    }


def test_a_create_that_is_answered_with_another_object(tmp_path, service):
    shop = make_project(tmp_path / "shop")
    service.altered = lambda request, reply: service.theirs if request.method == "POST" else reply
    done = here(shop, "apply", "--yes")
    assert done.returncode == 5 and "E567" in done.stderr and service.theirs["name"] in done.stderr, done.stderr
    service.altered = lambda request, reply: reply
    done = here(shop, "apply", "--yes")
    assert done.returncode == 0, done.stderr
    assert here(shop, "plan", "--detailed-exitcode").returncode == 0
    (shop / "caches.yaml").write_text(cache("one", f"{TEXT} And more.").removesuffix("---\n"))
    assert here(shop, "apply", "--yes").returncode == 0
    assert here(shop, "destroy", "--yes").returncode == 0
    assert list(live(shop)) == [service.theirs["name"]], "it outlives all of ours"
    assert not [one for one in service.sent if service.theirs["name"] in one], "and nothing was sent to it"
    assert sum(one == "POST cachedContents" for one in service.sent) == 2, "each declaration was made once"


def test_a_service_that_keeps_no_display_names(tmp_path, service):
    """What was made is known by its name and its birth: it is renewed, replaced and deleted all the same."""

    def nameless(request, reply):
        for one in (reply, *reply.get("cachedContents", ())):
            one.pop("displayName", None)
        return reply

    service.altered = nameless
    shop = make_project(tmp_path / "shop")
    done = here(shop, "apply", "--yes")
    assert done.returncode == 0 and "W521" in done.stderr, done.stderr
    assert here(shop, "plan", "--detailed-exitcode").returncode == 0
    (shop / "caches.yaml").write_text(cache("one", f"{TEXT} And more.").removesuffix("---\n"))
    assert here(shop, "apply", "--yes").returncode == 0
    assert here(shop, "destroy", "--yes").returncode == 0
    assert list(live(shop)) == [service.theirs["name"]]
    assert not [one for one in service.sent if service.theirs["name"] in one]


def test_an_answer_about_another_object_than_was_changed(tmp_path, service):
    shop = make_project(tmp_path / "shop")
    assert here(shop, "apply", "--yes").returncode == 0
    (name,) = (name for name, owner in live(shop).items() if owner == "CachedContent/one")
    text = (shop / "caches.yaml").read_text()
    (shop / "caches.yaml").write_text(text.replace("spec:\n", "spec:\n  ttl: 48h\n"))
    service.altered = lambda request, reply: service.theirs if request.method == "PATCH" else reply
    done = here(shop, "apply", "--yes")
    assert done.returncode == 5 and "E304" in done.stderr, done.stderr
    service.altered = lambda request, reply: reply
    assert here(shop, "apply", "--yes").returncode == 0
    assert json.loads(here(shop, "output", "--json").stdout)["outputs"]["CachedContent/one"]["name"] == name


def test_a_name_in_the_state_is_no_proof(tmp_path, service):
    """Whoever edits it, and signs it again: it is put right, or left alone, and readers are told of nothing."""
    shop = make_project(tmp_path / "shop")
    text = (shop / "caches.yaml").read_text()
    (shop / "caches.yaml").write_text(f"{text}publish: [{{file: out.json, key: one}}]\n")
    assert here(shop, "apply", "--yes").returncode == 0
    state, at = shop / ".gemctl/local/state.json", Address("CachedContent", "one")
    identity, ledger = snapshot_from_bytes(state.read_bytes(), "state")
    own = ledger.records[at].name
    wrong = replace(ledger.records[at], name=service.theirs["name"])
    edited = snapshot_to_bytes(identity, replace(ledger, records={at: wrong}))

    state.write_bytes(edited)
    done = here(shop, "apply", "--yes")
    assert done.returncode == 0 and "W568" in done.stderr, done.stderr
    assert json.loads((shop / "out.json").read_text()) == {"one": own}

    assert here(shop, "destroy", "--yes").returncode == 0
    (shop / "out.json").unlink(missing_ok=True)
    state.write_bytes(edited)
    (shop / "caches.yaml").write_text((shop / "caches.yaml").read_text().replace("All there is", "All that is"))
    for words, status in ((("apply", "--yes"), 5), (("destroy", "--yes"), 0)):
        state.write_bytes(edited)
        done = here(shop, *words)
        assert done.returncode == status and ("E568" in done.stderr) is (status == 5), (words, done.stderr)
        assert not (shop / "out.json").exists(), words
    assert list(live(shop)) == [service.theirs["name"]]
    assert here(shop, "state", "rm", "CachedContent/one").returncode == 0
    assert here(shop, "apply", "--yes").returncode == 0
    assert not [one for one in service.sent if service.theirs["name"] in one]


def test_a_saved_plan_that_names_it_is_not_carried_out(tmp_path, service):
    shop = make_project(tmp_path / "shop")
    assert here(shop, "apply", "--yes").returncode == 0
    (shop / "caches.yaml").unlink()
    assert here(shop, "plan", "--allow-empty", "--out", "it.plan").returncode == 0
    document = json.loads((shop / "it.plan").read_bytes())
    plan = json.loads(document["plan"])
    for step in plan["steps"]:
        step["name"] = step["call"]["path"] = service.theirs["name"]
    body = json.dumps(plan)
    (shop / "it.plan").write_text(json.dumps({**document, "plan": body, "checksum": sha256(body.encode())}))
    done = here(shop, "apply", "--yes", "it.plan")
    assert done.returncode == 4 and service.theirs["name"] in done.stderr, done.stderr
    assert service.theirs["name"] in live(shop)
    assert not [one for one in service.sent if service.theirs["name"] in one]


def test_a_copied_mark_outlives_what_it_was_copied_from(tmp_path, monkeypatch):
    """Also when nothing is declared any more, and when nothing is recorded."""
    shop, plain, once = make_project(tmp_path / "shop"), EmulatorTransport.handle_request, []

    def handle(transport, request):
        reply = plain(transport, request)
        if request.method == "POST" and not once:
            once.append(request)
            body = {**json.loads(request.read()), "model": "models/gemini-3.5-flash-lite"}
            copy = httpx.Request("POST", request.url, headers=request.headers, content=json.dumps(body).encode())
            once.append(json.loads(plain(transport, copy).read())["name"])
        return reply

    monkeypatch.setattr(EmulatorTransport, "handle_request", handle)
    assert here(shop, "apply", "--yes").returncode == 0
    assert len(live(shop)) == 2
    for words in (("apply", "--yes"), ("destroy", "--yes")):
        done = here(shop, *words)
        assert done.returncode == 0 and "W504" in done.stderr, (words, done.stderr)
        assert once[1] in live(shop), words
    assert list(live(shop)) == [once[1]]
    (shop / "caches.yaml").write_text(cache("two").removesuffix("---\n"))
    done = here(shop, "apply", "--yes")
    assert done.returncode == 0 and "W504" in done.stderr, done.stderr
    assert len(live(shop)) == 2 and once[1] in live(shop)
