"""Webhooks: what is sent, and what is read of answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gemctl.core.address import Address
from gemctl.core.kind import Patch
from gemctl.core.mark import Mark, write
from gemctl.core.resource import Lifecycle, Resource, SecretSink
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE

KIND = CATALOGUE["Webhook"]
SPEC = {
    "uri": "https://example.com/h",
    "subscribedEvents": ["batch.succeeded", "batch.failed"],
    "secret": {"file": "s"},
}
NAME = "webhooks/95fy7kv40bvx7t0rm7p12jdciinp7f4bfhzz"
MARK = Mark("p" * 10, "a" * 13, "s" * 13)
SHOWN = {
    "id": NAME.removeprefix("webhooks/"),
    "name": write("alerts", MARK),
    "uri": SPEC["uri"],
    "subscribed_events": ["batch.succeeded", "batch.failed"],
    "state": "enabled",
    "signing_secrets": [{"truncated_secret": "whsec_...MnM="}],
}


def resource(**spec):
    declared = KIND.declare(KIND.spec.model_validate({**SPEC, **spec}), {})
    nowhere = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("Webhook", "alerts"), declared, Lifecycle(), (), {}, {}, nowhere)


def test_a_create_has_no_state():
    call = KIND.remote.create(resource(state="disabled"), MARK, 1)
    assert (call.method, call.path, call.repeatable) == ("POST", "webhooks", False)
    assert set(call.body) == {"uri", "subscribed_events", "name"}
    assert call.body["subscribed_events"] == ["batch.failed", "batch.succeeded"]


def test_a_patch_has_what_differs_and_the_mark():
    call = KIND.remote.patch(NAME, Patch(resource(), MARK, frozenset({"state", "uri"})))
    assert (call.method, call.path, call.query) == ("PATCH", NAME, (("update_mask", "name,state,uri"),))
    assert call.body == {"uri": SPEC["uri"], "state": "enabled", "name": call.body["name"]}  # declared no more


def test_what_is_shown():
    item = KIND.remote.read(SHOWN)
    assert (item.name, item.display_name, item.mark, item.created) == (NAME, "alerts", MARK, None)
    assert item.fields == {**resource().declared.fields, "state": "enabled"}
    assert item.outputs == {"name": NAME, "uri": SPEC["uri"], "state": "enabled"}
    assert KIND.remote.read({**SHOWN, "create_time": "2026-01-01T00:00:00Z"}).created is not None


@pytest.mark.parametrize("wrong", [{"id": "../x"}, {"id": 1}, {"uri": 1}, {"subscribed_events": [1]}, {"id": ""}])
def test_what_is_not_of_the_apis_shape(wrong):
    with pytest.raises((TypeError, ValueError)):
        KIND.remote.read({**SHOWN, **wrong})


@pytest.mark.parametrize(
    "reply", [{}, {"new_signing_secret": "", "secret": ""}, {"new_signing_secret": "x y", "secret": 7}]
)
def test_a_reply_without_a_secret_is_told_without_a_word_of_it(reply):
    for read in (KIND.remote.secret.read, KIND.acts["rotate"].secret, KIND.acts["revoke"].secret):
        with pytest.raises((TypeError, ValueError)) as raised:
            read(reply)
        assert "x y" not in str(raised.value)


def test_acts():
    calls = {name: KIND.acts[name].call(resource(), NAME) for name in ("rotate", "revoke", "ping")}
    assert not any(call.repeatable for call in calls.values())
    assert calls["rotate"].body == {"revocation_behavior": "revoke_previous_secrets_after_h24"}
    assert calls["revoke"].body == {"revocation_behavior": "revoke_previous_secrets_immediately"}
    assert calls["ping"].path == f"{NAME}:ping"
    with pytest.raises(ValueError, match="not the name of a webhook"):
        KIND.acts["ping"].call(resource(), "webhooks/../x")


def test_where_the_secret_goes_is_no_part_of_the_form():
    one, two = resource(), resource(secret={"command": "gh secret set A"})
    assert one.spec_tag == two.spec_tag
    assert (one.declared.sink, two.declared.sink) == (
        SecretSink("file", "s", ("secret", "file")),
        SecretSink("command", "gh secret set A", ("secret", "command")),
    )
    assert replace(one.declared, sink=None) == replace(two.declared, sink=None)
