"""Credentials: what is answered, what is kept, and what is never shown."""

import json

import pytest

from gemctl.emulator.admin import Admin
from gemctl.emulator.app import Request

TOKEN = {"id": "crm", "type": "bearer_token", "token": "s3cret-token"}
OAUTH = {
    "id": "post",
    "type": "oauth2",
    "client_id": "c",
    "client_secret": "s3cret-client",
    "refresh_token": "s3cret-refresh",
    "token_url": "https://login.example.com/token",
}
VARIABLE = {"id": "stock", "type": "environment_variable", "value": "s3cret-value", "injection_location": "header"}
SHOWN = {"id", "type", "status", "create_time", "update_time"}
MISSING = "Missing required parameter"


def refused(caller, method, path, body=None):
    response = caller.ask(method, path, body)
    return response.status, json.loads(response.body)["error"]


def kept(caller, name):
    return next(one.body for one in caller.app.world.objects("credentials") if one.name == f"credentials/{name}")


@pytest.mark.parametrize("body", [TOKEN, OAUTH, VARIABLE], ids=lambda body: body["type"])
def test_an_answer_shows_nothing_of_what_was_sent(caller, body):
    made = caller.json("POST", "credentials", body)
    assert set(made) == SHOWN and (made["id"], made["type"], made["status"]) == (body["id"], body["type"], "active")
    path = f"credentials/{body['id']}"
    assert caller.json("GET", path) == made
    assert caller.json("GET", "credentials") == {"credentials": [made]}
    changed = caller.json("PATCH", path, {"type": body["type"]}, query={"update_mask": "token"})
    assert set(changed) == SHOWN and changed["create_time"] == made["create_time"]
    assert (
        kept(caller, body["id"]).items()
        >= {k: v for k, v in body.items() if k not in ("id", "injection_location")}.items()
    )
    assert caller.json("DELETE", path) == {} == caller.json("GET", "credentials")
    said = {"message": "Result not found.; GetCredential call failed", "code": "not_found"}
    assert refused(caller, "GET", path) == (404, said)
    assert refused(caller, "DELETE", path)[1]["message"] == "Result not found.; DeleteCredential call failed"


def test_a_patch_changes_what_it_has_and_the_time(caller):
    made = caller.json("POST", "credentials", {**TOKEN, "prefix": "Key"})
    caller.clock.advance(5)
    changed = caller.json("PATCH", "credentials/crm", {"type": "bearer_token", "token": "other", "header_name": "X"})
    assert changed["update_time"] > made["update_time"]
    now = kept(caller, "crm")
    assert (now["token"], now["prefix"], now["header_name"]) == ("other", "Key", "X")


def test_an_id_is_made_where_none_is_given(caller):
    made = caller.json("POST", "credentials", {"type": "bearer_token", "token": "a"})
    assert [len(part) for part in made["id"].split("-")] == [8, 4, 4, 4, 12]


def test_pages(caller):
    for number in range(3):
        caller.json("POST", "credentials", {**TOKEN, "id": f"c{number}"})
    first = caller.json("GET", "credentials", query={"page_size": "2"})
    second = caller.json("GET", "credentials", query={"page_size": "2", "page_token": first["next_page_token"]})
    assert [one["id"] for one in (*first["credentials"], *second["credentials"])] == ["c2", "c1", "c0"]
    assert "next_page_token" not in second


WRONG = {
    "no type": ({"id": "a", "token": "b"}, f"{MISSING} 'type'."),
    "another type": ({**TOKEN, "type": "basic"}, "Invalid parameter 'type'"),
    "a type that is none": ({**TOKEN, "type": ["bearer_token"]}, "Invalid parameter 'type'"),
    "camel case": ({**TOKEN, "headerName": "X"}, "Unknown parameter 'headerName'. Did you mean 'header_name'?"),
    "of another type": ({**TOKEN, "scopes": ["a"]}, "Unknown parameter 'scopes'."),
    "no token": ({"id": "a", "type": "bearer_token"}, f"{MISSING} 'token'."),
    "an empty token": ({**TOKEN, "token": ""}, f"{MISSING} 'token'."),
    "half a client": ({k: v for k, v in OAUTH.items() if k != "token_url"}, f"{MISSING} 'token_url'."),
    "no endpoint": ({**OAUTH, "token_url": "http://a.b"}, "Invalid parameter 'token_url'"),
    "nowhere": ({**VARIABLE, "injection_location": []}, f"{MISSING} 'injection_location'."),
    "no location": ({**VARIABLE, "injection_location": ["cookie"]}, "one of header, query, body"),
    "an id in capitals": ({**TOKEN, "id": "CRM"}, "Invalid parameter 'id'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(caller, name):
    body, said = WRONG[name]
    status, error = refused(caller, "POST", "credentials", body)
    assert (status, error["code"]) == (400, "invalid_request") and said in error["message"]
    assert caller.json("GET", "credentials") == {}


def test_an_id_is_taken_once(caller):
    caller.json("POST", "credentials", TOKEN)
    said = {"message": "Credential 'crm' already exists.; CreateCredential call failed", "code": "aborted"}
    assert refused(caller, "POST", "credentials", {**VARIABLE, "id": "crm"}) == (409, said)


def test_the_type_can_not_be_changed_and_must_be_repeated(caller):
    caller.json("POST", "credentials", TOKEN)
    for body in (
        {"token": "x"},
        {k: v for k, v in VARIABLE.items() if k != "id"},
        {"type": "bearer_token", "token": ""},
    ):
        assert refused(caller, "PATCH", "credentials/crm", body)[0] == 400
    assert kept(caller, "crm")["token"] == TOKEN["token"]
    body = {"type": "bearer_token", "token": "x"}
    assert refused(caller, "PATCH", "credentials/none", body)[1]["message"].endswith("UpdateCredential call failed")


def test_the_admin_door_shows_no_value(caller):
    for body in (TOKEN, OAUTH, VARIABLE):
        caller.json("POST", "credentials", body)
    caller.json("PATCH", "credentials/crm", {"type": "bearer_token", "token": "s3cret-next"})
    caller.ask("POST", "credentials", {**TOKEN, "id": "CRM"})
    admin = Admin(caller.app)
    told = "".join(
        admin.handle(Request("GET", f"/emulator{path}", (), {}, b"")).body.decode()
        for path in ("", "/requests", "/effects", "/deliveries", "/bill")
    )
    assert "credentials/crm" in told and "(secret)" in told and "client_id" in told
    assert "s3cret" not in told
