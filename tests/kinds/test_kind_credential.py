"""Credentials: what is sent, and what is read of answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gemctl.core.address import Address
from gemctl.core.call import Fill, put_all
from gemctl.core.kind import Patch
from gemctl.core.live import Phase
from gemctl.core.mark import Mark
from gemctl.core.resource import Lifecycle, Resource
from gemctl.core.secret import UNSEEN, keyed
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE

KIND = CATALOGUE["Credential"]
TOKEN = {"id": "crm", "type": "bearer_token", "token": {"valueFrom": {"env": "CRM_TOKEN"}}, "headerName": "X-Key"}
OAUTH = {
    "id": "post",
    "type": "oauth2",
    "clientId": "shop",
    "clientSecret": {"valueFrom": {"env": "A"}},
    "refreshToken": {"valueFrom": {"env": "B"}},
    "tokenUrl": "https://login.example.com/token",
    "scopes": ["write", "read"],
}
MARK = Mark("p" * 10, "a" * 13, "s" * 13)
SHOWN = {
    "id": "crm",
    "type": "bearer_token",
    "status": "active",
    "create_time": "2026-01-01T00:00:00.000000001Z",
    "update_time": "2026-01-02T00:00:00Z",
}


def resource(spec, *, sealed=False):
    declared = KIND.declare(KIND.spec.model_validate(spec), {})
    if sealed:
        digests = {
            one.at: keyed(f"value of {one.target}", "00ff00ff00ff00ff", str(one.at[0])) for one in declared.secrets
        }
        declared = replace(declared, fields=put_all(declared.fields, digests))
    nowhere = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("Credential", "crm"), declared, Lifecycle(), (), {}, {}, nowhere)


def test_the_form_with_known_values_is_for_ever():
    """As the ledger compares it, with a fixed salt: another one would send all secrets again."""
    assert resource(TOKEN, sealed=True).spec_tag == "uksfi6zhtd2nh"
    assert resource(OAUTH, sealed=True).spec_tag == "ppk3dwad255vt"


def test_a_create_has_all_of_it_and_names_the_places_of_secrets():
    call = KIND.remote.create(resource(TOKEN), MARK, 1)
    assert (call.method, call.path, call.repeatable) == ("POST", "credentials", False)
    assert call.body == {"id": "crm", "type": "bearer_token", "token": UNSEEN, "header_name": "X-Key"}
    assert call.secrets == (Fill(("token",), UNSEEN),)
    call = KIND.remote.create(resource(OAUTH), MARK, 1)
    assert call.secrets == (Fill(("client_secret",), UNSEEN), Fill(("refresh_token",), UNSEEN))
    assert call.body["scopes"] == ["read", "write"] and call.body["token_url"] == OAUTH["tokenUrl"]


def test_a_patch_repeats_the_type_and_has_what_differs():
    call = KIND.remote.patch("credentials/crm", Patch(resource(TOKEN), MARK, frozenset({"prefix", "token", "scopes"})))
    assert (call.method, call.path, call.query) == ("PATCH", "credentials/crm", (("update_mask", "prefix,token"),))
    assert call.body == {"type": "bearer_token", "prefix": "Bearer", "token": UNSEEN}  # declared no more
    assert call.secrets == (Fill(("token",), UNSEEN),) and call.repeatable
    call = KIND.remote.patch("credentials/crm", Patch(resource(TOKEN), MARK, frozenset({"headerName"})))
    assert call.secrets == () and call.body == {"type": "bearer_token", "header_name": "X-Key"}


def test_what_is_shown():
    item = KIND.remote.read(SHOWN)
    assert (item.name, item.display_name, item.mark) == ("credentials/crm", "crm", None)
    assert item.fields == {"id": "crm", "type": "bearer_token"}
    assert item.outputs == {"name": "credentials/crm", "id": "crm", "type": "bearer_token", "status": "active"}
    assert item.created < item.updated and item.phase is Phase.READY
    revoked = KIND.remote.read({**SHOWN, "status": "revoked"})
    assert (revoked.phase, revoked.state) == (Phase.FAILED, "revoked") and "revoked" in revoked.why
    assert KIND.remote.read({**SHOWN, "type": "oauth2"}).updated is None  # the service refreshes it by itself


@pytest.mark.parametrize("wrong", [{"id": "../x"}, {"id": 5}, {"type": "a secret"}, {"status": "no word"}, {"id": ""}])
def test_what_is_no_credential(wrong):
    with pytest.raises((TypeError, ValueError)):
        KIND.remote.read({**SHOWN, **wrong})


def test_what_a_person_fills_in_depends_on_the_type():
    assert set(KIND.blanks_of({"type": "oauth2"})) == {"clientId", "clientSecret", "refreshToken", "tokenUrl"}
    assert set(KIND.blanks_of({"type": "environment_variable"})) == {"value", "injectionLocation"}
    assert KIND.blanks_of({}) == {} == KIND.blanks_of({"type": "new"})
