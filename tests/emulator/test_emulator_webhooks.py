"""Webhooks: what is answered, and what is delivered to whom, when, and for how long."""

import base64
import hashlib
import hmac
import json
import string

import pytest
from conformance.served import KEY as SERVED_KEY
from conformance.served import serving
from receiver import receiving

from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request
from gemctl.emulator.courier import Courier
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

MODEL = "models/gemini-2.5-flash"
EVENTS = ["batch.succeeded", "batch.failed", "batch.expired"]
DAY = 24 * 3600


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


def hook(caller, uri="https://example.com/h", events=EVENTS, **more):
    return caller.json("POST", "webhooks", {"uri": uri, "subscribed_events": events, **more})


def batch(caller, name="job", key="some-key", **more):
    requests = {"requests": [{"request": {"contents": [{"parts": [{"text": "a"}]}]}}]}
    body = {"batch": {"displayName": name, "inputConfig": {"requests": requests}, **more}}
    return caller.json("POST", f"{MODEL}:batchGenerateContent", body, key=key)["name"]


def refused(caller, method, path, body=None, **how):
    response = caller.ask(method, path, body, **how)
    return response.status, json.loads(response.body)["error"]


def states(caller):
    return [(one["event"], one["state"], len(one["attempts"])) for one in caller.app.deliveries()]


def signatures(headers, body, *secrets):
    """What Standard Webhooks say they are."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    return " ".join("v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


# On the wire


def test_it_is_answered_as_newer_surfaces_do(caller):
    made = hook(caller, name="alerts")
    assert set(made) == {"id", "name", "uri", "subscribed_events", "state", "signing_secrets", "new_signing_secret"}
    assert set(made["id"]) <= set(string.ascii_lowercase + string.digits) and len(made["id"]) == 36
    path = f"webhooks/{made['id']}"
    shown = {name: value for name, value in made.items() if name != "new_signing_secret"}
    assert caller.json("GET", path) == shown
    assert caller.json("GET", "webhooks", query={"pageSize": "x", "filter": "y"}) == {"webhooks": [shown]}
    assert caller.json("PATCH", path, {"state": "disabled"}, query={"update_mask": "uri"})["state"] == "disabled"
    assert caller.json("PATCH", path, {})["uri"] == made["uri"]
    assert caller.json("PATCH", path, {"name": ""}).keys() == shown.keys() - {"name"}
    assert caller.json("DELETE", path) == {} == caller.json("GET", "webhooks")
    assert refused(caller, "GET", path) == (404, {"message": "Webhook not found.", "code": "not_found"})


GOOD = {"uri": "https://a.b", "subscribed_events": EVENTS}
NOT_HTTPS = "Invalid parameter 'uri': it must be an https address."
UNKNOWN = "Unknown parameter"
WRONG = {
    "camel case": ({"subscribedEvents": EVENTS}, f"{UNKNOWN} 'subscribedEvents'. Did you mean 'subscribed_events'?"),
    "nothing like it": ({**GOOD, "zzz": 1}, f"{UNKNOWN} 'zzz'."),
    "no event": ({**GOOD, "subscribed_events": ["batch.completed"]}, "Invalid value at 'subscribed_events[0]' (one of"),
    "no events": ({"uri": "https://a.b"}, "Missing required parameter 'subscribed_events'."),
    "no address": ({"subscribed_events": EVENTS}, "Missing required parameter 'uri'."),
    "http": ({**GOOD, "uri": "http://example.com"}, NOT_HTTPS),
    "nonsense": ({**GOOD, "uri": "https://["}, NOT_HTTPS),
    "a state at its create": ({**GOOD, "state": "disabled"}, f"{UNKNOWN} 'state'."),
    "no text": ({**GOOD, "uri": 1}, "Invalid value at 'uri' (TYPE_STRING), 1"),
    "no object": (b"[]", "Invalid JSON payload received. The body must be a JSON object."),
}


@pytest.mark.parametrize(("body", "said"), WRONG.values(), ids=WRONG)
def test_a_create_is_refused_by_a_message_and_a_word(caller, body, said):
    status, error = refused(caller, "POST", "webhooks", body)
    assert (status, error["code"], set(error)) == (400, "invalid_request", {"code", "message"})
    assert error["message"].startswith(said)


def test_other_refusals_have_that_envelope_too(caller):
    made = hook(caller)
    assert refused(caller, "GET", "webhooks", query={"page_token": "x"})[1]["code"] == "invalid_request"
    assert refused(caller, "GET", "webhooks", query={"page_size": "-1"})[1]["code"] == "invalid_request"
    assert refused(caller, "POST", f"webhooks/{made['id']}:ping", {"a": 1})[0] == 400
    how = {"revocation_behavior": "never"}
    assert refused(caller, "POST", f"webhooks/{made['id']}:rotateSigningSecret", how)[0] == 400
    assert caller.ask("POST", f"webhooks/{made['id']}/rotate_secret", {}).status == 404


def test_webhooks_of_another_project_are_not_seen(make):
    caller = make(keys={"some-key": "one", "other-key": "two"})
    made = hook(caller)
    assert caller.json("GET", "webhooks", key="other-key") == {}
    assert refused(caller, "GET", f"webhooks/{made['id']}", key="other-key")[0] == 404


# Deliveries


@pytest.mark.parametrize(
    ("name", "event", "data"),
    [
        ("job", "batch.succeeded", {}),
        ("[[emulator: job ends FAILED 8]]", "batch.failed",
         {"error_code": 8, "error_message": "This end was asked for by the display name: BATCH_STATE_FAILED."}),
        ("[[emulator: job ends EXPIRED]]", "batch.expired", {}),
    ],
)  # fmt: skip
def test_the_end_of_a_batch_is_delivered(caller, receiver, clock, name, event, data):
    secret = hook(caller, receiver.uri)["new_signing_secret"]
    job = batch(caller, name)
    clock.advance(10)
    assert states(caller) == [(event, "delivered", 1)]
    headers, body = receiver.next()
    assert json.loads(body) == {
        "type": event, "version": "v1", "timestamp": "2026-01-01T00:00:03.000000Z", "data": {"id": job, **data},
    }  # fmt: skip
    assert headers["content-type"] == "application/json"
    assert headers["webhook-timestamp"] == "1767225610"  # when it was tried
    assert headers["webhook-signature"] == signatures(headers, body, secret)


def test_the_file_of_results_is_named(caller, receiver, clock):
    hook(caller, receiver.uri)
    line = b'{"key": "a", "request": {"contents": [{"parts": [{"text": "a"}]}]}}'
    with caller.app.world.turn():
        from gemctl.emulator.surfaces import files

        blob = caller.app.world.blobs.new()
        caller.app.world.blobs.append(blob, line)
        files.make_generated(
            caller.app.world, caller.app.world.blobs, "emulated-project", "files/a", blob, "application/jsonl", ""
        )
    name = caller.json("POST", f"{MODEL}:batchGenerateContent", {"batch": {"inputConfig": {"fileName": "files/a"}}})[
        "name"
    ]
    clock.advance(10)
    assert states(caller) == [("batch.succeeded", "delivered", 1)]
    output = f"files/batch-{name.removeprefix('batches/')}"
    assert receiver.event()["data"] == {"id": name, "output_file_uri": output}


def test_who_is_not_told(make, receiver, clock):
    caller = make(keys={"some-key": "one", "other-key": "two"})
    other = hook(caller, receiver.uri, ["batch.failed"])
    disabled = hook(caller, receiver.uri)
    caller.json("PATCH", f"webhooks/{disabled['id']}", {"state": "disabled"})
    deleted = hook(caller, receiver.uri)
    caller.json("DELETE", f"webhooks/{deleted['id']}")
    batch(caller)
    cancelled = batch(caller, "[[emulator: job stays PENDING]]")
    caller.json("POST", f"{cancelled}:cancel")
    hook(caller, receiver.uri, ["batch.succeeded"])
    batch(caller, key="other-key")
    clock.advance(10)
    assert states(caller) == [("batch.succeeded", "delivered", 1)]
    assert caller.app.deliveries()[0]["webhook"] != f"webhooks/{other['id']}"


def test_addresses_of_a_batch_are_told_in_place_of_webhooks(caller, receiver, clock):
    hook(caller, receiver.uri)
    config = {"uris": [receiver.uri, "https://example.com/elsewhere"], "userMetadata": {"box": 12}}
    batch(caller, webhookConfig=config)
    clock.advance(10)
    assert states(caller) == [("batch.succeeded", "delivered", 1), ("batch.succeeded", "not_contacted", 0)]
    headers, body = receiver.next()
    assert json.loads(body)["user_metadata"] == {"box": 12}
    assert "webhook-signature" not in headers  # the service has a key for that, and nobody else has
    assert receiver.came.empty()


@pytest.mark.parametrize("uri", ["https://example.com/h", "https://127.0.0.1.example.com/", "https://[2001:db8::1]/"])
def test_no_other_host_is_ever_called(caller, clock, uri):
    hook(caller, uri)
    batch(caller)
    clock.advance(10)
    (found,) = caller.app.deliveries()
    assert (found["state"], found["attempts"], found["uri"]) == ("not_contacted", [], uri)


def test_a_rotation_signs_twice_for_a_day(caller, receiver, clock):
    made = hook(caller, receiver.uri)
    one, path = made["new_signing_secret"], f"webhooks/{made['id']}"
    clock.advance(60)
    two = caller.json("POST", f"{path}:rotateSigningSecret")["secret"]

    def ping(*secrets):
        caller.json("POST", f"{path}:ping")
        headers, body = receiver.next()
        assert headers["webhook-signature"] == signatures(headers, body, *secrets)
        assert len(caller.json("GET", path)["signing_secrets"]) == len(secrets)

    ping(two, one)
    clock.advance(DAY - 1)
    ping(two, one)
    clock.advance(1)
    ping(two)
    three = caller.json("POST", f"{path}:rotateSigningSecret", {})["secret"]
    ping(three, two)
    how = {"revocation_behavior": "revoke_previous_secrets_immediately"}
    ping(caller.json("POST", f"{path}:rotateSigningSecret", how)["secret"])


def test_a_delivery_is_repeated_later_and_later_and_then_given_up(caller, receiver, clock):
    made = hook(caller, receiver.uri)
    receiver.status = 503
    batch(caller)
    clock.advance(3)
    ids, pauses, spent = set(), [], 0
    while (found := caller.app.deliveries()[0])["state"] == "pending":
        headers, _ = receiver.next()
        ids.add(headers["webhook-id"])
        assert found["attempts"][-1]["status"] == 503
        waits = 10 * 2 ** (len(found["attempts"]) - 1)
        pauses.append(min(waits, 4 * 3600))
        clock.advance(pauses[-1] - 1)
        assert len(caller.app.deliveries()[0]["attempts"]) == len(pauses)  # not before its time
        clock.advance(1)
        spent += pauses[-1]
    assert len(ids) == 1 and pauses[:3] == [10, 20, 40]
    assert DAY - 4 * 3600 < spent <= DAY
    assert found["state"] == "failed" and found["next"] is None
    path = f"webhooks/{made['id']}"
    assert caller.json("GET", path)["state"] == "disabled_due_to_failed_deliveries"
    batch(caller)
    clock.advance(10)
    assert len(caller.app.deliveries()) == 1
    receiver.status = 200
    caller.json("PATCH", path, {"state": "enabled"})
    batch(caller)
    clock.advance(10)
    assert states(caller)[1:] == [("batch.succeeded", "delivered", 1)]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_a_2xx_is_an_answer_and_nothing_is_followed(caller, receiver, clock, status):
    hook(caller, receiver.uri)
    receiver.status = status
    batch(caller)
    clock.advance(10)
    assert states(caller) == [("batch.succeeded", "pending", 1)]
    receiver.next()
    assert receiver.came.empty()
    receiver.status = 204
    clock.advance(10)
    assert states(caller) == [("batch.succeeded", "delivered", 2)]


def test_nobody_there(caller, clock):
    with receiving() as gone:
        uri = gone.uri
    made = hook(caller, uri)
    assert caller.json("POST", f"webhooks/{made['id']}:ping") == {}
    batch(caller)
    clock.advance(10)
    ping, event = caller.app.deliveries()
    assert (ping["state"], event["state"]) == ("failed", "pending")
    assert ping["attempts"][0]["error"] == "Connection refused"
    assert caller.json("GET", f"webhooks/{made['id']}")["state"] == "enabled"


def test_what_waits_follows_its_webhook(caller, receiver, clock):
    """To its new address, signed with its new secret; and nowhere once it is gone."""
    with receiving() as gone:
        uri = gone.uri
    one, two = hook(caller, uri), hook(caller, uri)
    batch(caller)
    clock.advance(3)
    assert states(caller) == [("batch.succeeded", "pending", 1)] * 2
    caller.json("PATCH", f"webhooks/{one['id']}", {"uri": receiver.uri})
    how = {"revocation_behavior": "revoke_previous_secrets_immediately"}
    secret = caller.json("POST", f"webhooks/{one['id']}:rotateSigningSecret", how)["secret"]
    caller.json("DELETE", f"webhooks/{two['id']}")
    clock.advance(10)
    assert states(caller) == [("batch.succeeded", "delivered", 2), ("batch.succeeded", "dropped", 1)]
    headers, body = receiver.next()
    assert headers["webhook-signature"] == signatures(headers, body, secret)


def test_no_request_waits_for_a_receiver(caller, receiver, clock):
    hook(caller, receiver.uri)
    batch(caller)
    clock.advance(10)
    receiver.free.clear()
    assert caller.json("GET", "webhooks")["webhooks"]
    receiver.next()  # it has it, and does not answer
    clock.advance(3600)
    assert caller.json("GET", "webhooks")["webhooks"]
    receiver.free.set()
    assert states(caller) == [("batch.succeeded", "delivered", 1)]


def test_what_a_killed_process_did_not_deliver_another_one_does(tmp_path, receiver, clock, monkeypatch):
    first = App(World(FileStore(tmp_path / "e"), now=clock))
    headers = {"x-goog-api-key": "k"}

    def ask(app, path, body):
        return json.loads(app.handle(Request("POST", f"/v1beta/{path}", (), headers, json.dumps(body).encode())).body)

    secret = ask(first, "webhooks", {"uri": receiver.uri, "subscribed_events": EVENTS})["new_signing_secret"]
    requests = {"requests": [{"request": {"contents": [{"parts": [{"text": "a"}]}]}}]}
    ask(first, f"{MODEL}:batchGenerateContent", {"batch": {"inputConfig": {"requests": requests}}})
    clock.advance(10)
    with monkeypatch.context() as patch:  # it ends with what it was about to send
        patch.setattr(Courier, "send", lambda self, post: None)
        first.catch_up()
    second = App(World(FileStore(tmp_path / "e"), now=clock))
    second.catch_up()
    headers, body = receiver.next()
    assert headers["webhook-signature"] == signatures(headers, body, secret)
    assert (
        [one["state"] for one in second.deliveries()] == ["delivered"] == [one["state"] for one in first.deliveries()]
    )


def test_a_delivery_is_known_for_a_week(caller, receiver, clock):
    hook(caller, receiver.uri)
    batch(caller)
    clock.advance(3)
    assert len(caller.app.deliveries()) == 1
    clock.advance(7 * DAY)
    assert caller.app.deliveries() == []


def test_the_door_lists_deliveries_without_secrets(caller, receiver, clock):
    made = hook(caller, receiver.uri)
    rotated = caller.json("POST", f"webhooks/{made['id']}:rotateSigningSecret")["secret"]
    for _ in range(2):
        caller.json("POST", f"webhooks/{made['id']}:ping")
    admin = Admin(caller.app, clock)
    (last,) = json.loads(admin.handle(Request("GET", "/emulator/deliveries", (("last", "1"),))).body)["deliveries"]
    assert (last["event"], last["state"], last["webhook"]) == ("ping", "delivered", f"webhooks/{made['id']}")
    said = b"".join(
        admin.handle(Request("GET", f"/emulator/{what}")).body for what in ("deliveries", "effects", "requests")
    ).decode()
    assert made["new_signing_secret"] not in said and rotated not in said


def test_a_served_emulator_delivers_although_nobody_asks(receiver):
    with serving("--set", "batch_pending=0", "--set", "batch_running=0") as emulator:
        ask = {"headers": {"x-goog-api-key": SERVED_KEY}}
        body = {"uri": receiver.uri, "subscribed_events": EVENTS}
        assert emulator.http.post("/v1beta/webhooks", json=body, **ask).status_code == 200
        requests = {"requests": [{"request": {"contents": [{"parts": [{"text": "a"}]}]}}]}
        body = {"batch": {"inputConfig": {"requests": requests}}}
        made = emulator.http.post(f"/v1beta/{MODEL}:batchGenerateContent", json=body, **ask)
        assert receiver.event()["data"] == {"id": made.json()["name"]}
