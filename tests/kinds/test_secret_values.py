"""Secrets in specs: named by where they are read, and what is refused without a word of it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gemctl.core.call import Fill
from gemctl.core.resource import Declared, SecretSource
from gemctl.kinds.parts.secret_values import SecretField, fills, source_of
from gemctl.schema.shape import Shape, optional


class Sample(Shape):
    token: SecretField = optional("A secret.")


def read(value):
    return source_of(Sample.model_validate({"token": value}).token, ("token",))


def test_the_sources():
    at = ("token", "valueFrom")
    assert read({"valueFrom": {"env": "CRM"}}) == SecretSource(("token",), "env", "CRM", (*at, "env"))
    assert read({"valueFrom": {"file": "a/b"}}) == SecretSource(("token",), "file", "a/b", (*at, "file"))
    entry = {"service": "gemctl-crm", "username": "me@example.com"}
    found = read({"valueFrom": {"keyring": entry}})
    assert found == SecretSource(("token",), "keyring", "gemctl-crm/me@example.com", (*at, "keyring"))
    assert [read({"valueFrom": one}).shown for one in ({"env": "A"}, {"file": "a"}, {"keyring": entry})] == [
        "the variable A", "the file a", "the entry of the keyring gemctl-crm/me@example.com",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("hunter2", "E275"),
        (12345, "E275"),
        (None, "E275"),
        (["hunter2"], "E275"),
        ({}, "E275"),
        ({"value": "hunter2"}, "E275"),
        ({"valueFrom": "hunter2"}, "E275"),
        ({"valueFrom": {"value": "hunter2"}}, "E275"),
        ({"valueFrom": {"env": "A"}, "value": "hunter2"}, "E275"),
        ({"valueFrom": {"env": ["hunter2"]}}, "E275"),
        ({"valueFrom": {"env": "hunter-2"}}, "E275"),
        ({"valueFrom": {"env": ""}}, "E275"),
        ({"valueFrom": {"keyring": "hunter2"}}, "E275"),
        ({"valueFrom": {"keyring": {"password": "hunter2"}}}, "E275"),
        ({"valueFrom": {"keyring": {"service": 5, "username": "a"}}}, "E275"),
        ({"valueFrom": {}}, "E242"),
        ({"valueFrom": {"env": "A", "file": "a"}}, "E242"),
        ({"valueFrom": {"env": "GEMINI_API_KEY"}}, "E276"),
        ({"valueFrom": {"env": "google_api_key_prod"}}, "E276"),
        ({"valueFrom": {"env": "GEMCTL_VAR_x"}}, "E276"),
        ({"valueFrom": {"keyring": {"service": "chrome", "username": "a"}}}, "E276"),
        ({"valueFrom": {"keyring": {"service": "gemctl", "username": "a b"}}}, "E276"),
        ({"valueFrom": {"keyring": {"service": "gemctl"}}}, "E276"),
        ({"valueFrom": {"keyring": {}}}, "E276"),
    ],
)
def test_what_is_no_source(value, code):
    with pytest.raises(ValidationError) as raised:
        read(value)
    (found,) = raised.value.errors()
    assert found["ctx"]["code"] == code
    said = found["msg"] + str(found["ctx"])
    assert "hunter" not in said and "12345" not in said


def test_the_secrets_of_a_call_are_those_that_it_has():
    source = SecretSource(("token",), "env", "A", ())
    other = SecretSource(("value",), "env", "B", ())
    declared = Declared({"token": "scrypt:1", "value": "scrypt:2"}, secrets=(source, other))
    assert fills(declared, {("token",): ("auth", "token")}) == (Fill(("auth", "token"), "scrypt:1"),)
    assert declared.secret_fills == (Fill(("token",), "scrypt:1"), Fill(("value",), "scrypt:2"))
