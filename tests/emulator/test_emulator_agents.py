"""Agents: what is taken, what is shown of it, and what is refused."""

import json

import pytest

BASE = "antigravity-preview-05-2026"


def agent(caller, own="reviewer", base_agent=BASE, **more):
    return caller.json("POST", "agents", {"id": own, "base_agent": base_agent, **more})


def refused(caller, method, path, body=None, **how):
    response = caller.ask(method, path, body, **how)
    return response.status, json.loads(response.body)["error"]


FULL = {
    "system_instruction": "Be brief.",
    "description": "Reads changes.",
    "agent_config": {"type": "antigravity", "model": "gemini-3.8-flash", "max_total_tokens": "1000"},
    "base_environment": {
        "type": "remote",
        "sources": [
            {"type": "inline", "content": "x", "target": "/a.md"},
            {"type": "repository", "source": "https://github.com/a/b", "target": "/b"},
        ],
        "network": {"allowlist": [{"domain": "*.example.com", "credential": "c", "transform": {"X-Team": "a"}}]},
        "env": {"A": "b", "C": {"credential": "d"}},
    },
    "tools": [
        {"type": "code_execution"},
        {"type": "google_search", "search_types": ["web_search"]},
        {"type": "mcp_server", "name": "m", "url": "https://a.b/mcp", "allowed_tools": [{"mode": "any"}]},
        {"type": "function", "name": "f", "parameters": {"type": "object", "anyName": {}}},
        {"type": "url_context"},
    ],
}


def test_all_of_it_is_shown_again(caller):
    made = agent(caller, **FULL)
    times = {"created": made["created"], "updated": made["updated"]}
    assert made == {"id": "reviewer", "object": "agent", "base_agent": BASE, **FULL, **times}
    assert caller.json("GET", "agents/reviewer") == made
    assert caller.json("GET", "agents") == {"agents": [made]}
    assert caller.json("DELETE", "agents/reviewer") == {} == caller.json("GET", "agents")
    assert agent(caller)["id"] == "reviewer"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("remote", {"type": "remote"}),
        ("env-1", {"type": "remote", "environment_id": "env-1"}),
        ({"sources": []}, {"type": "remote", "sources": []}),
    ],
)
def test_an_environment_is_shown_as_an_object(caller, sent, shown):
    assert agent(caller, base_environment=sent)["base_environment"] == shown


def test_lists_are_turned_page_by_page(caller):
    for number in range(3):
        agent(caller, f"a-{number}")
    page = caller.json("GET", "agents", query={"page_size": "2", "parent": "x"})
    assert [one["id"] for one in page["agents"]] == ["a-2", "a-1"]
    rest = caller.json("GET", "agents", query={"page_size": "2", "page_token": page["next_page_token"]})
    assert [one["id"] for one in rest["agents"]] == ["a-0"] and "next_page_token" not in rest


def test_an_agent_can_be_the_base_of_another(caller):
    agent(caller)
    assert agent(caller, "strict", "reviewer")["base_agent"] == "reviewer"
    assert caller.json("DELETE", "agents/reviewer") == {}


def test_those_of_the_service_are_not_shown(caller):
    assert refused(caller, "GET", f"agents/{BASE}") == (
        404,
        {"message": "Result not found.; GetAgent call failed", "code": "not_found"},
    )
    assert refused(caller, "DELETE", f"agents/{BASE}")[0] == 404
    assert refused(caller, "POST", "agents", {"id": BASE, "base_agent": BASE})[0] == 409


def test_an_id_is_taken_once_in_each_project(make):
    caller = make(keys={"one": "p", "two": "q"})
    body = {"id": "reviewer", "base_agent": BASE}
    assert caller.json("POST", "agents", body, key="one")["id"] == "reviewer"
    status, error = refused(caller, "POST", "agents", body, key="one")
    assert (status, error["code"]) == (409, "aborted") and "Agent 'reviewer' already exists." in error["message"]
    assert refused(caller, "GET", "agents/reviewer", key="two")[0] == 404
    assert caller.json("POST", "agents", body, key="two")["id"] == "reviewer"


INVALID = "Request contains an invalid argument."
UNKNOWN = "Unknown parameter"
WRONG = {
    "no base": ({"id": "a"}, 400, INVALID),
    "no id": ({"base_agent": BASE}, 400, INVALID),
    "an id that is none": ({"id": "a/b", "base_agent": BASE}, 400, INVALID),
    "camel case": ({"baseAgent": BASE}, 400, f"{UNKNOWN} 'baseAgent'. Did you mean 'base_agent'?"),
    "nothing like it": ({"zzz": 1}, 400, f"{UNKNOWN} 'zzz'."),
    "below": (
        {"base_environment": {"environmentId": "x"}},
        400,
        f"{UNKNOWN} 'base_environment.environmentId'. Did you mean 'environment_id'?",
    ),
    "an unknown base": ({"id": "a", "base_agent": "b"}, 404, "Agent 'b' not found.; CreateAgent call failed"),
    "an unknown tool": (
        {"tools": [{"type": "file_search"}]},
        400,
        "The value 'file_search' is not supported for 'tools[0].type'. Supported values: 'code_execution', "
        "'url_context', 'google_search', 'mcp_server', 'function'.",
    ),
    "a tool without a type": ({"tools": [{}]}, 400, "Missing required parameter 'tools[0].type'."),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(caller, case):
    body, status, message = WRONG[case]
    code = {400: "invalid_request", 404: "not_found"}[status]
    assert refused(caller, "POST", "agents", body) == (status, {"message": message, "code": code})


def test_an_unknown_model_is_not_found(caller):
    config = {"type": "antigravity", "model": "gemini-9"}
    status, error = refused(caller, "POST", "agents", {"id": "a", "base_agent": BASE, "agent_config": config})
    assert (status, error["code"]) == (404, "not_found") and "models/gemini-9" in error["message"]
