"""Agents: what is sent, and what is read of answers."""

from __future__ import annotations

import pytest

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.kind import SEAM, Chosen, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.mark import Mark
from gemctl.core.resource import Attachment, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE
from gemctl.kinds.parts.environments import HIDDEN, looks_secret

KIND = CATALOGUE["Agent"]
MARK = Mark("p" * 10, "a" * 13, "s" * 13)
BASE = "antigravity-preview-09-2026"
SPEC = {
    "id": "reviewer",
    "baseAgent": BASE,
    "description": "Reads changes.",
    "systemInstruction": "Be brief.",
    "agentConfig": {"type": "antigravity", "model": "models/gemini-3.8-flash", "maxTotalTokens": 5000},
    "baseEnvironment": {
        "sources": [{"content": "x", "target": "/a.md"}, {"type": "gcs", "source": "gs://b/c"}],
        "network": {"allowlist": [{"domain": "*.example.com", "transform": {"X-Team": "a"}}, {"domain": "a.b"}]},
        "env": {"A": {"value": "b"}, "C": {"credential": "shop"}},
        "environmentId": "e",
        "customConfig": {"some_key": 1.0},
    },
    "tools": [
        {"type": "google_search", "searchTypes": ["web_search"]},
        {"type": "function", "name": "f", "shortDescription": "F.", "parameters": {"type": "object", "someKey": {}}},
    ],
}
SENT = {
    "id": "reviewer",
    "base_agent": BASE,
    "description": "Reads changes.",
    "system_instruction": sha256(b"Be brief."),
    "agent_config": {"type": "antigravity", "model": "gemini-3.8-flash", "max_total_tokens": 5000},
    "base_environment": {
        "type": "remote",
        "sources": [
            {"type": "inline", "content": sha256(b"x"), "target": "/a.md"},
            {"type": "gcs", "source": "gs://b/c"},
        ],
        "network": {"allowlist": [{"domain": "*.example.com", "transform": [{"X-Team": "a"}]}, {"domain": "a.b"}]},
        "env": {"A": "b", "C": {"credential": "shop"}},
        "environment_id": "e",
        "custom_config": {"some_key": 1},
    },
    "tools": [
        {"type": "google_search", "search_types": ["web_search"]},
        {"type": "function", "name": "f", "short_description": "F.", "parameters": {"type": "object", "someKey": {}}},
    ],
}
SHOWN = {
    **SENT,
    "object": "agent",
    "system_instruction": "Be brief.",
    "agent_config": {**SENT["agent_config"], "max_total_tokens": "5000", "model": "models/gemini-3.8-flash"},
    "base_environment": {
        **SENT["base_environment"],
        "sources": [{"content": "x", "target": "/a.md"}, {"type": "gcs", "source": "gs://b/c"}],
        "network": {"allowlist": [{"domain": "*.example.com", "transform": {"X-Team": "a"}}, {"domain": "a.b"}]},
        "env": {"A": {"value": "b"}, "C": {"credential": "shop"}},
    },
    "created": "2026-01-01T00:00:00.5Z",
}


def declared(files=(), **spec):
    whole = {name: value for name, value in {**SPEC, **spec}.items() if value is not None}
    return KIND.declare(KIND.spec.model_validate(whole), dict(files))


def resource(**spec):
    nowhere = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("Agent", "reviewer"), declared(**spec), Lifecycle(), (), {}, {}, nowhere)


def test_what_an_agent_is():
    assert (KIND.seam, type(KIND.lifetime), type(KIND.remote.identity)) == (SEAM, Forever, Chosen)
    assert (KIND.remote.identity.own, KIND.remote.patch, KIND.acts) == ("id", None, {})
    assert {rule for name, rule in KIND.rules.items() if name != "baseAgentRef"} == {Rule.IMMUTABLE}


def test_a_create_has_the_names_of_the_wire():
    call = KIND.remote.create(resource(), MARK, 1)
    assert (call.method, call.path, call.repeatable, call.body) == ("POST", "agents", False, SENT)
    assert {(fill.at, fill.digest) for fill in call.fills} == {
        (("system_instruction",), sha256(b"Be brief.")),
        (("base_environment", "sources", 0, "content"), sha256(b"x")),
    }


@pytest.mark.parametrize(
    ("environment", "sent"),
    [("remote", "remote"), ({}, "remote"), ({"type": "remote"}, "remote"), ("env-1", "env-1"),
     ({"environmentId": "env-1"}, "env-1"), ({"mode": "on_demand"}, {"type": "remote", "mode": "on_demand"})],
)  # fmt: skip
def test_an_environment_is_sent_as_a_word_where_one_will_do(environment, sent):
    assert KIND.remote.create(resource(baseEnvironment=environment), MARK, 1).body["base_environment"] == sent


def test_what_is_shown_is_what_was_declared():
    item = KIND.remote.read(SHOWN)
    assert item.fields == declared().fields
    assert (item.name, item.display_name, item.mark, item.model) == (
        "agents/reviewer",
        "reviewer",
        None,
        "gemini-3.8-flash",
    )
    assert item.outputs == {"name": "agents/reviewer", "id": "reviewer", "baseAgent": BASE,
                            "created": "2026-01-01T00:00:00.500000Z"}  # fmt: skip
    assert item.texts == {sha256(b"Be brief."): "Be brief.", sha256(b"x"): "x"}
    assert "Be brief." not in repr(item)


def test_what_is_not_shown_is_empty():
    item = KIND.remote.read({"id": "$AGENT_ID", "base_agent": BASE})
    assert item.fields == {"id": "$AGENT_ID", "baseAgent": BASE, "systemInstruction": "", "description": "",
                           "agentConfig": {}, "baseEnvironment": {}, "tools": []}  # fmt: skip
    assert item.created is None


ALIKE = [
    ({"baseEnvironment": "remote"}, {"base_environment": "remote"}),
    ({"baseEnvironment": "remote"}, {"base_environment": {"type": "remote"}}),
    ({"baseEnvironment": "remote"}, {"base_environment": {"type": "remote", "storage": {}, "file_count": "2"}}),
    ({"baseEnvironment": "env-1"}, {"base_environment": {"type": "remote", "environment_id": "env-1"}}),
    ({"baseEnvironment": {"network": "disabled"}}, {"base_environment": {"network": {"allowlist": "disabled"}}}),
    ({"baseEnvironment": {"env": {"A": "b"}}}, {"base_environment": {"env": {"A": {"value": "b"}}}}),
    ({"agentConfig": None}, {"agent_config": {"type": "antigravity", "model": "gemini-4-argon"}}),
    ({"agentConfig": {"type": "antigravity"}}, {"agent_config": {"type": "antigravity", "max_total_tokens": "7"}}),
    ({"tools": [{"type": "url_context"}]}, {"tools": [{"type": "url_context", "defer_loading": False}]}),
    ({"baseAgent": "other"}, {"base_agent": "agents/other"}),
]


@pytest.mark.parametrize(("spec", "shown"), ALIKE)
def test_what_the_service_says_in_other_words_is_no_drift(spec, shown):
    fields = declared(**spec).fields
    assert KIND.differing(KIND.remote.read({**SHOWN, **shown}).fields, fields) == ()


UNLIKE = [
    ("baseAgent", {"base_agent": "other"}),
    ("description", {"description": "Writes changes."}),
    ("description", {"description": None}),
    ("systemInstruction", {"system_instruction": "Be briefer."}),
    ("systemInstruction", {"system_instruction": None}),
    ("agentConfig", {"agent_config": {**SENT["agent_config"], "model": "gemini-4-argon"}}),
    ("agentConfig", {"agent_config": None}),
    ("tools", {"tools": SENT["tools"][:1]}),
    ("tools", {"tools": None}),
    ("baseEnvironment", {"base_environment": "remote"}),
    ("baseEnvironment", {"base_environment": None}),
]
INSIDE = {
    "another text": ("sources", [{"content": "y", "target": "/a.md"}, SENT["base_environment"]["sources"][1]]),
    "a source more": ("sources", [*SHOWN["base_environment"]["sources"], {"type": "gcs", "source": "gs://b/d"}]),
    "another domain": ("network", {"allowlist": [{"domain": "*"}]}),
    "no network": ("network", "disabled"),
    "another header": (
        "network",
        {"allowlist": [{"domain": "*.example.com", "transform": {"X-Team": "b"}}, {"domain": "a.b"}]},
    ),
    "another value": ("env", {"A": "c", "C": {"credential": "shop"}}),
    "a credential more": (
        "network",
        {
            "allowlist": [
                {"domain": "*.example.com", "transform": {"X-Team": "a"}},
                {"domain": "a.b", "credential": "c"},
            ]
        },
    ),
    "a value more": ("env", {"A": "b", "C": {"credential": "shop"}, "D": "e"}),
    "no values": ("env", None),
    "no sources": ("sources", None),
    "another credential": ("env", {"A": "b", "C": {"credential": "mail"}}),
}  # fmt: skip
UNLIKE += [
    ("baseEnvironment", {"base_environment": {**SHOWN["base_environment"], field: value}})
    for field, value in INSIDE.values()
]


UNLIKE += [
    ("tools", {"tools": [SENT["tools"][0], {**SENT["tools"][1], "headers": {"X-Team": "a"}}]}),
    ("tools", {"tools": [SENT["tools"][0], {**SENT["tools"][1], "allowed_tools": [{"tools": ["a"]}]}]}),
]


@pytest.mark.parametrize(("field", "shown"), UNLIKE)
def test_what_somebody_changed_is_drift(field, shown):
    assert KIND.differing(KIND.remote.read({**SHOWN, **shown}).fields, declared().fields) == (field,)


def test_what_is_not_said_of_an_environment_is_added_by_nobody():
    item = KIND.remote.read({**SHOWN, "base_environment": {"type": "remote", "env": {"A": "b"}}})
    assert KIND.differing(item.fields, declared(baseEnvironment="remote").fields) == ("baseEnvironment",)
    assert KIND.differing(item.fields, declared(baseEnvironment=None).fields) == ()


def test_a_secret_that_is_shown_is_not_read():
    token = "ghp_abcdefghijklmnopqrstuvwxyz"
    environment = {
        "network": {"allowlist": [{"domain": "a.b", "transform": {"Authorization": "x1y2z3", "X-Team": "a"}}]},
        "env": {"A": token, "B": {"value": token}, "C": "c"},
        "sources": [{"type": "repository", "source": f"https://{token}@example.com/r"}],
    }
    server = {"type": "mcp_server", "name": "m", "url": "https://a.b", "headers": {"X-Api-Key": "x1y2z3"}}
    item = KIND.remote.read({**SHOWN, "base_environment": environment, "tools": [server]})
    assert token not in str(item.fields) + str(item.texts) and "x1y2z3" not in str(item.fields)
    assert item.fields["baseEnvironment"]["env"] == {"A": HIDDEN, "B": HIDDEN, "C": "c"}
    assert looks_secret("A", HIDDEN)  # what is in its place can't be declared


@pytest.mark.parametrize(("name", "value", "secret"), [
    ("A", "plain", False), ("X-Team", "Bearer", False), ("KEYBOARD", "qwerty", False), ("TOKENS", "7", False),
    ("API_KEY", "abc", True), ("x-api-key", "abc", True), ("Authorization", "abc", True), ("DB_PASSWORD", "a", True),
    ("A", "Bearer abcdefgh", True), ("A", "AIzaSyA-abcdefghijklmnopqrst", True), ("API_KEY", "", False),
    ("", "https://example.com/r", False), ("", "https://me:pass@example.com/r", True), ("", "git@example.com:r", False),
    ("A", "-----BEGIN RSA PRIVATE KEY-----", True), ("A", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", True),
])  # fmt: skip
def test_what_looks_like_a_secret(name, value, secret):
    assert looks_secret(name, value) is secret


@pytest.mark.parametrize(("sizes", "codes"), [
    ((75_000,), []), ((75_000, 1), ["W572"]), ((1_000_000,), ["W572"]), ((999_999, 2), ["E273"]),
])  # fmt: skip
def test_inline_sources_have_limits(sizes, codes):
    sources = [{"content": {"file": f"{number}.md"}, "target": f"/{number}"} for number in range(len(sizes))]
    read = [Attachment(f"sha256:{number}", size, f"{number}.md") for number, size in enumerate(sizes)]
    files = {("baseEnvironment", "sources", at, "content", "file"): (one,) for at, one in enumerate(read)}
    problems = declared(files, baseEnvironment={"sources": sources}).problems
    assert [(at, found.code) for at, found in problems] == [(("baseEnvironment", "sources"), code) for code in codes]


def test_files_of_a_pattern_lie_below_the_target():
    found = tuple(Attachment(f"sha256:{name}", 1, f"x/skills/{name}", below=name) for name in ("a.md", "deep/b.md"))
    sources = [{"files": "skills/**/*.md", "target": "/w/skills/"}]
    files = {("baseEnvironment", "sources", 0, "files"): found}
    form = declared(files, baseEnvironment={"sources": sources})
    assert [(one["target"], one["content"]) for one in form.fields["baseEnvironment"]["sources"]] == [
        ("/w/skills/a.md", "sha256:a.md"), ("/w/skills/deep/b.md", "sha256:deep/b.md")]  # fmt: skip
    assert form.written(("baseEnvironment", "sources", 1, "content")) == ("baseEnvironment", "sources", 0, "files")


def test_references_are_to_ids():
    environment = {
        "network": {"allowlist": [{"domain": "a.b", "credentialRef": {"name": "shop"}}]},
        "env": {"A": {"credentialRef": {"name": "mail"}}},
    }
    made = declared(baseAgent=None, baseAgentRef={"name": "first"}, baseEnvironment=environment)
    assert {(one.at, str(one.target), one.output, one.digested) for one in made.references} == {
        (("baseAgent",), "Agent/first", "id", False),
        (("baseEnvironment", "network", "allowlist", 0, "credential"), "Credential/shop", "id", False),
        (("baseEnvironment", "env", "A", "credential"), "Credential/mail", "id", False),
    }
    call = KIND.remote.create(
        resource(baseAgent=None, baseAgentRef={"name": "first"}, baseEnvironment=environment), MARK, 1
    )
    assert {one.at[0] for one in call.references} == {"base_agent", "base_environment"}


def test_the_model_is_looked_up():
    use = declared().model
    assert use and (use.model, use.method, use.at) == ("gemini-3.8-flash", "generateContent", ("agentConfig", "model"))
    assert declared(agentConfig=None).model is None
