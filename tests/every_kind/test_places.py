"""Where a complaint of the service belongs: every field of every call leads back to where it was written."""

from __future__ import annotations

import base64
import io
import json
import re
from contextlib import chdir, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from values import ManualClock, started

from gemctl.cli.main import run
from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.errors import Refused, Violation
from gemctl.core.mark import Mark
from gemctl.core.moment import parse_duration
from gemctl.core.secret import UNSEEN
from gemctl.core.source import show_path
from gemctl.emulator import app as emulator
from gemctl.emulator.faults import Fault
from gemctl.engine.explain import field_path, place
from gemctl.kinds import CATALOGUE
from gemctl.manifest.load import load
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack

MANIFESTS = Path(__file__).parent.parent.parent / "manifests"
PROJECT = "apiVersion: gemctl/v1\nkind: Project\nmetadata: {name: p, id: abcd}\nstacks: {local: {endpoint: emulator}}\n"
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MARK = Mark("p" * 10, "a" * 13, "s" * 13)

DATA = base64.b64encode(b"bytes").decode()
SCHEMA = {"type": "object", "properties": {"order_id": {"type": "string"}, "unitPrice": {"type": "number"}}}
TOOL = {"functionDeclarations": [{"name": "find", "description": "Finds.", "parameters": SCHEMA}]}
MESSAGES = [
    {"role": "user", "parts": [{"textFiles": "texts/*.md", "thought": True}, {"text": "after the files"}]},
    "a bare text",
    {"parts": [{"textFile": "one.md"}, {"inlineData": {"mimeType": "image/png", "data": DATA}}]},
    {"parts": [{"text": "with"}, {"fileRef": {"name": "book"}}]},
    {"role": "model", "parts": [{"functionCall": {"name": "find", "args": {"order_id": 1, "xY": "z"}}}]},
]
BOOK = ("File", "book", {"source": "book.pdf", "mimeType": "application/pdf", "displayName": "The book"})
CACHE = {
    "model": "gemini-3.8-flash",
    "displayName": "Shelf",
    "systemInstruction": {"parts": [{"text": "One."}, {"textFiles": "texts/*.md"}, {"text": "Two."}]},
    "contents": MESSAGES,
    "tools": [TOOL, {"googleSearch": {}}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["find"]}},
    "ttl": "2h",
}
REQUEST = {
    "contents": MESSAGES,
    "tools": [TOOL],
    "generationConfig": {"seed": 7, "stopSequences": ["stop"], "thinkingConfig": {"thinkingBudget": 5}},
}
JOB = {
    "model": "gemini-3.8-flash",
    "displayName": "Nightly",
    "priority": 3,
    "webhookConfig": {
        "webhookRef": {"name": "hook"},
        "uris": ["https://example.com/hook"],
        "userMetadata": {"some_key": "v"},
    },
    "requests": [
        {"key": "k0", "request": {"contents": "plain", "cachedContentRef": {"name": "shelf"}}},
        {"key": "k1", "request": REQUEST},
        {"key": "k2", "request": {"contents": {"parts": [{"textFile": "one.md"}]}, "systemInstruction": "Briefly."}},
    ],
}
EMBEDDING = {
    "model": "gemini-embedding-001",
    "method": "embedContent",
    "requests": [{"key": "e0", "request": {"content": {"textFile": "one.md"}, "taskType": "CLUSTERING"}}],
}
POLICY = {
    "uses": 2,
    "expireAfter": "40m",
    "newSessionExpireAfter": "3m",
    "liveConnectConstraints": {
        "model": "gemini-3.8-live",
        "config": {
            "temperature": 0.5,
            "generationConfig": {"topP": 0.75, "responseModalities": ["AUDIO"]},
            "systemInstruction": {"parts": [{"textFiles": "texts/*.md"}, {"text": "Be kind."}]},
            "tools": [TOOL],
        },
    },
    "lockAdditionalFields": ["topK"],
}
HOOK = {
    "uri": "https://example.com/h",
    "subscribedEvents": ["batch.succeeded", "batch.expired", "batch.failed"],
    "secret": {"file": "out/secret"},
}
AGENT = {
    "id": "clerk",
    "baseAgent": "antigravity-preview-09-2026",
    "agentConfig": {"type": "antigravity", "model": "gemini-3.8-flash", "maxTotalTokens": 5000},
    "systemInstruction": {"file": "one.md"},
    "description": "Looks things up.",
    "baseEnvironment": {
        "type": "remote",
        "sources": [
            {"type": "repository", "source": "https://example.com/r", "target": "/r"},
            {"files": "texts/*.md", "target": "/texts"},
            {"content": "by hand", "target": "/hand.md"},
            {"type": "inline", "content": {"file": "one.md"}, "target": "/one.md"},
        ],
        "network": {"allowlist": [{"domain": "a.example.com", "credential": "c", "transform": [{"x-team": "t"}]}]},
        "env": {"shelf": "b", "other": {"credential": "d"}},
        "environmentId": "e",
        "customConfig": {"size": 5},
    },
    "tools": [
        {"type": "google_search", "searchTypes": ["web_search"]},
        {"type": "mcp_server", "name": "m", "url": "https://example.com/m", "allowedTools": [{"tools": ["f"]}]},
        {"type": "function", "name": "find", "description": "Finds.", "parameters": SCHEMA, "deferLoading": True},
    ],
}
FORK = {"id": "fork", "baseAgentRef": {"name": "clerk"}, "systemInstruction": "Briefly.", "baseEnvironment": "remote"}
RESEARCH = {"agent": "deep-research-preview-04-2026", "input": {"file": "one.md"}, "serviceTier": "flex"}
TURN = {
    "model": "gemini-3.8-flash",
    "previousRef": {"name": "research"},
    "input": [
        {"type": "text", "text": "Compare."},
        {"type": "text", "file": "one.md"},
        {"type": "image", "uri": "https://example.com/a.png", "mimeType": "image/png"},
        {"type": "document", "fileRef": {"name": "book"}},
    ],
    "systemInstruction": {"file": "one.md"},
    "tools": [
        {"type": "function", "name": "find", "parameters": SCHEMA, "deferLoading": True},
        {"type": "file_search", "fileSearchStoreNames": ["fileSearchStores/x"], "topK": 3},
    ],
    "generationConfig": {
        "maxOutputTokens": 9,
        "speechConfig": [{"voice": "Kore", "language": "en"}],
        "toolChoice": {"allowedTools": {"mode": "any"}},
    },
    "responseFormat": [{"type": "image", "aspectRatio": "16:9"}, {"type": "text", "schema": SCHEMA}],
    "labels": {"team_name": "a"},
    "webhookConfig": {"uris": ["https://example.com/h"], "userMetadata": {"someKey": "v"}},
}
TASK = {
    "agentRef": {"name": "clerk"},
    "input": "Go.",
    "environment": {**AGENT["baseEnvironment"], "environmentId": "f"},
    "agentConfig": {"type": "antigravity", "maxTotalTokens": 5000},
}
ANSWER = {
    "model": "gemini-3.8-flash",
    "previousInteractionId": "v1_x",
    "input": [{"type": "function_result", "callId": "c", "result": {"orderId": 1}, "isError": False}],
}
CLOCK = {
    "schedule": "0 3 * * *",
    "timeZone": "Europe/Berlin",
    "interaction": {
        "agentRef": {"name": "clerk"},
        "input": {"file": "one.md"},
        "systemInstruction": "Briefly.",
        "agentConfig": {"type": "antigravity", "model": "gemini-3.8-flash", "maxTotalTokens": 5000},
        "environment": {
            "type": "remote",
            "sources": [{"files": "texts/*.md", "target": "/texts"}, {"content": "by hand", "target": "/hand.md"}],
            "network": {"allowlist": [{"domain": "a.example.com"}]},
            "env": {"shelf": "b"},
        },
        "tools": [{"type": "google_search", "searchTypes": ["web_search"]}],
        "responseFormat": {"type": "text", "mimeType": "application/json", "schema": {"type": "object"}},
        "labels": {"team": "a"},
        "serviceTier": "flex",
        "previousInteractionId": "v1_a",
    },
    "environmentId": "e",
    "executionTimeoutSeconds": 60,
    "maxConsecutiveFailures": 3,
}
CREDENTIALS = [
    ("Credential", "crm", {"type": "bearer_token", "token": {"valueFrom": {"env": "A"}}, "prefix": "Key"}),
    (
        "Credential",
        "post",
        {
            "id": "post_1",
            "type": "oauth2",
            "clientId": "c",
            "clientSecret": {"valueFrom": {"env": "B"}},
            "refreshToken": {"valueFrom": {"env": "C"}},
            "tokenUrl": "https://example.com/t",
            "scopes": ["write", "read"],
        },
    ),
    (
        "Credential",
        "stock",
        {
            "type": "environment_variable",
            "value": {"valueFrom": {"env": "D"}},
            "injectionLocation": ["query", "header"],
            "trustedDomains": ["b.example", "a.example"],
        },
    ),
]
FILES = {
    "one.md": "the one " * 1000,
    "texts/a.md": "text a",
    "texts/b.md": "text b",
    "book.pdf": "book",
    "j.jsonl": json.dumps({"key": "a", "request": {"contents": [{"parts": [{"text": "x"}]}]}}) + "\n",
}
RICH = [
    BOOK,
    ("File", "plain", {"source": "one.md"}),
    ("CachedContent", "shelf", CACHE),
    ("CachedContent", "until", {**CACHE, "contents": "bare"} | {"expireTime": "2027-01-01T00:00:00Z"}),
    ("CachedContent", "single", {**CACHE, "contents": {"parts": [{"textFiles": "texts/*.md"}, {"text": "last"}]}}),
    ("BatchJob", "nightly", JOB),
    ("BatchJob", "embedding", EMBEDDING),
    ("BatchJob", "filed", {"model": "gemini-3.8-flash", "input": {"jsonl": "j.jsonl"}}),
    ("BatchJob", "named", {"model": "gemini-3.8-flash", "input": {"fileRef": {"name": "book"}}}),
    ("TokenPolicy", "lesson", POLICY),
    ("Webhook", "hook", HOOK),
    ("Agent", "clerk", AGENT),
    ("Agent", "fork", FORK),
    ("Interaction", "research", RESEARCH),
    ("Interaction", "turn", TURN),
    ("Interaction", "answer", ANSWER),
    ("Interaction", "task", TASK),
    ("Trigger", "clock", CLOCK),
    *CREDENTIALS,
]
BESIDE = (BOOK[:2], ("CachedContent", "shelf"), ("Webhook", "hook"), ("Agent", "clerk"))
# What no call has: what we alone read, what stands in the path of a call, and what a call has another form of.
OURS = re.compile(
    r"method|allowUnlimited|model|input\.jsonl|.*\.(fileRef|cachedContentRef)\.name|input\.fileRef\.name|secret\.file"
    r"|baseAgentRef\.name|interaction\.agentRef\.name"
    r"|.*\.valueFrom\.env"
)


def written(kind: str, name: str, spec: object) -> str:
    return json.dumps({"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}, indent=1)


def project(folder: Path, resources) -> None:
    for name, text in {"gemctl.yaml": PROJECT, **FILES}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for kind, name, spec in resources:
        if "expireTime" in spec and "ttl" in spec:
            spec = {field: value for field, value in spec.items() if field != "ttl"}
        (folder / f"{kind}-{name}.yaml").write_text(written(kind, name, spec), encoding="utf-8")


def bound(folder: Path):
    loaded = load_project(str(folder))
    return load(loaded, choose_stack(loaded.project, None), CATALOGUE, (), now=NOW)


def call_of(resource):
    kind = CATALOGUE[resource.address.kind]
    if kind.remote:
        return kind.remote.create(resource, MARK, 1)
    return started(kind.acts["mint"].call(resource, None), NOW)


def source(kind):
    return kind.remote.source if kind.remote else kind.acts["mint"].source


def leaves(node, at=()):
    if isinstance(node, dict | list) and node:
        for step, inner in node.items() if isinstance(node, dict) else enumerate(node):
            yield from leaves(inner, (*at, step))
    else:
        yield at, node


def in_snake_case(at, body) -> str:
    """A path as the service writes it: names of fields in snake_case, and entries of maps by their number."""
    text, node, free = "", body, False
    for step in at:
        if free and isinstance(node, dict):
            text += f"[{list(node).index(step)}].value"
        elif isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + re.sub(r"(?<!^)([A-Z])", r"_\1", step).lower()
        free = step == "properties"
        node = node[step]
    return text


def value_at(spec, path):
    """What stands there, or nearest around it; and whether it is there."""
    for step in path:
        try:
            spec = spec[step]
        except (KeyError, IndexError, TypeError):
            return spec, False
    return spec, True


def same(sent, at, spec, path, files) -> bool:
    """Whether what is sent came from what stands in the spec at the path."""
    there, exact = value_at(spec, path)
    if isinstance(sent, str) and sent.startswith("sha256:"):
        if isinstance(there, str) and path[-1] in ("textFile", "textFiles", "source", "file", "files"):
            return any(sha256(file.read_bytes()) == sent for file in files.glob(there))
        return isinstance(there, str) and sha256(there.encode()) == sent
    if path[-1:] == ("ttl",) or at[-1] in ("expireTime", "newSessionExpireTime"):
        return parse_duration(there) > timedelta(0) if "T" not in there else there == sent
    if at[-1] == "fieldMask":
        return path == ("lockAdditionalFields",)
    if at[-1] == "displayName":
        return there == spec.get("displayName") and sent.startswith(there) if "displayName" in spec else True
    if at in (("name",), ("display_name",)):
        return path == ()
    if at[-1] == "target":
        return sent.startswith(there)
    if at[-1] == "type" and not exact:
        return (sent == "inline" and "content" in there) or "files" in there
    if at[-1] in ("base_agent", "agent") and path[-1] == "name":
        return sent == there
    if at == ("id",):  # the resource's own name, where none is written
        return path == ("id",) and (there == sent if exact else True)
    if sent == UNSEEN:
        return isinstance(there, dict) and set(there) == {"valueFrom"}
    if at in (("background",), ("store",)) or sent == "user_input":  # always so
        return path in ((), ("input",))
    if path[-2:] in (("fileRef", "name"), ("previousRef", "name")) and at[-1] in ("uri", "previous_interaction_id"):
        return True
    if path[-2:] == ("webhookRef", "name"):  # put in when it is sent
        return sent == f"Webhook/{there}"
    if at[-1] in ("name", "sizeBytes") and at[0] == "file":
        return path in ((), ("source",))
    if at[-1] in ("fileUri", "mimeType", "fileName", "cachedContent") and path[-1] in ("name", "jsonl"):
        return path[-2:] in (("fileRef", "name"), ("cachedContentRef", "name"), ("input", "jsonl"))
    if at[-2:] == ("file", "mimeType") or (at[-1] == "mimeType" and path == ("source",)):
        return path == ("source",) or there == sent
    if at[-1] == "role":  # which is sent also where nothing was said
        return there == sent if exact else sent == "user"
    return str(sent).removeprefix("models/").lower() == str(there).lower() or (sent == {} == there)


def check(desired, folder) -> None:
    for resource in desired.resources.values():
        if resource.generated_by is not None:
            continue
        kind, call = CATALOGUE[resource.address.kind], call_of(resource)
        file = folder / f"{resource.address.kind}-{resource.address.name}.yaml"
        spec, reached = json.loads(file.read_text(encoding="utf-8"))["spec"], set()
        for at, sent in leaves(call.body):
            error = Refused("no", violations=(Violation(in_snake_case(at, call.body), "bad"),))
            assert field_path(error.violations[0].field, call.body) == at
            path = source(kind)(resource, call, at)
            shown = f"{resource.address}: {show_path(at)} → {show_path(path) or '()'}"
            assert same(sent, at, spec, path, folder), shown
            near = path
            while near and ("spec", *near) not in resource.positions.values:
                near = near[:-1]
            expected = ("spec", *near) if near else ("metadata", "name")
            assert place(resource, source(kind), call, error) == resource.positions.values[expected], shown
            reached.add(near)
        for path, _ in leaves(spec):
            if not OURS.fullmatch(show_path(path)):
                shown = f"{resource.address}: nothing of the call leads to {show_path(path)}"
                assert path in reached or (isinstance(path[-1], int) and path[:-1] in reached), shown


def test_every_field_of_a_call_leads_back_to_where_it_was_written(tmp_path):
    project(tmp_path, RICH)
    check(bound(tmp_path), tmp_path)


words = st.text("abcdefgh", min_size=1, max_size=6)
parts = st.one_of(
    words.map(lambda text: {"text": text}),
    st.sampled_from(
        [
            {"textFile": "one.md"},
            {"textFiles": "texts/*.md"},
            {"inlineData": {"mimeType": "a/b", "data": DATA}},
            {"fileRef": {"name": "book"}},
            {"fileRef": {"name": "book", "mimeType": "a/b"}},
        ]
    ),
)
messages = st.builds(
    lambda role, inner: {**role, "parts": inner},
    st.sampled_from([{}, {"role": "user"}]),
    st.lists(parts, min_size=1, max_size=4),
)
contents = st.one_of(words, messages, st.lists(st.one_of(words, messages), min_size=1, max_size=4))


@settings(max_examples=examples(40))
@given(contents=contents, several=st.lists(contents, min_size=1, max_size=3))
def test_so_it_is_with_messages_of_every_form(tmp_path_factory, contents, several):
    folder = tmp_path_factory.getbasetemp() / "forms"
    requests = [{"key": f"k{number}", "request": {"contents": each}} for number, each in enumerate(several)]
    cache = {"model": "gemini-3.8-flash", "contents": contents, "ttl": "2h"}
    job = {"model": "gemini-3.8-flash", "requests": requests}
    project(folder, [BOOK, ("CachedContent", "c", cache), ("BatchJob", "j", job)])
    check(bound(folder), folder)


def test_a_deadline_is_pointed_at_by_what_declares_it(tmp_path):
    project(tmp_path, RICH)
    kind, error = CATALOGUE["CachedContent"], Refused("no", violations=(Violation("cached_content.expire_time", "no"),))
    for name, field in (("shelf", "ttl"), ("until", "expireTime")):
        resource = bound(tmp_path).resources[Address("CachedContent", name)]
        found = place(resource, kind.remote.source, kind.lifetime.renew("cachedContents/x"), error)
        assert found == resource.positions.values["spec", field], name


def test_of_a_job_that_is_run_again_in_part_the_request_is_found_by_its_key(tmp_path):
    project(tmp_path, RICH)
    job = bound(tmp_path).resources[Address("BatchJob", "nightly")]
    kind = CATALOGUE["BatchJob"]
    again = kind.lifetime.again(job, MARK, 2, ["k2"])
    field = "batch.input_config.requests.requests[0].request.contents[0].parts[0].text"
    at = kind.remote.source(job, again, field_path(field, again.body))
    assert at == ("requests", 2, "request", "contents", "parts", 0, "textFile")
    for lost in ("requests.requests[9].request.x", "requests.requests", "requests"):
        at = kind.remote.source(job, again, field_path(f"batch.input_config.{lost}", again.body))
        assert at == ("requests",), lost
    filed = bound(tmp_path).resources[Address("BatchJob", "filed")]
    call = call_of(filed)
    for inside in ("requests.requests[3].request.contents", "file_name", ""):
        at = kind.remote.source(filed, call, field_path(f"batch.input_config.{inside}", call.body))
        assert at[:1] in (("input",), ("requests",)), inside
    generated = bound(tmp_path).resources[Address("File", "filed.input")]
    error = Refused("no", violations=(Violation("file.mime_type", "no"),))
    assert place(generated, CATALOGUE["File"].remote.source, call_of(generated), error) == filed.positions.value(
        ("spec", "input", "jsonl")
    )


@pytest.mark.parametrize(
    ("address", "message", "line"),
    [
        ("CachedContent/shelf", "* CreateCachedContentRequest.cached_content.contents[0].parts[2].text: no", '"after'),
        ("CachedContent/shelf", "* CreateCachedContentRequest.cached_content.tools[1].google_search: no", "google"),
        ("CachedContent/shelf", "* CreateCachedContentRequest.cached_content.ttl: no", '"ttl"'),
        ("CachedContent/shelf", "nobody knows", '"name": "shelf"'),
        ("File/book", "* CreateFileRequest.file.mime_type: no", '"mimeType"'),
        ("File/book", "* CreateFileRequest.file.name: no", '"name": "book"'),
        ("BatchJob/nightly", "* batch.input_config.requests.requests[1].request.generation_config.seed: no", '"seed"'),
        ("BatchJob/nightly", "* BatchGenerateContentRequest.batch.webhook_config.uris[0]: no", "https://example"),
        ("BatchJob/nightly", "* BatchGenerateContentRequest.batch.webhook_config.uris[1]: no", '"name": "hook"'),
        ("Webhook/hook", "* Webhook.subscribed_events[0]: no", "batch.expired"),
        ("Webhook/hook", "nobody knows", '"name": "hook"'),
        ("Agent/clerk", "* agent_config.max_total_tokens: no", '"maxTotalTokens"'),
        ("Agent/clerk", "* base_environment.sources[2].content: no", '"texts/*.md"'),
        ("Agent/clerk", "* tools[1].allowed_tools[0].tools: no", '"tools": ['),
        ("Agent/clerk", "The value 'mcp_server' is not supported for 'tools[1].type'. Supported values: 'x'.", 'mcp_s'),
        ("Agent/clerk", "Unknown parameter 'base_environment.sources[3].content'.", '"by hand"'),
        ("Agent/clerk", "nobody knows", '"name": "clerk"'),
        ("Webhook/hook", "Invalid parameter 'uri': it must be an https address.", '"uri"'),
        ("Trigger/clock", "* interaction.environment.sources[2].content: no", '"by hand"'),
        ("Trigger/clock", "* interaction.tools[0].search_types: no", '"searchTypes": ['),
        ("Trigger/clock", "* Trigger.execution_timeout_seconds: no", '"executionTimeoutSeconds"'),
        ("Trigger/clock", "* interaction.agent: no", '"name": "clerk"'),
        ("Credential/post", "* Credential.client_secret: no", '"clientSecret"'),
        ("Credential/post", "* Credential.scopes[0]: no", '"read"'),
        ("Credential/stock", "* Credential.injection_location[0]: no", '"header"'),
        ("Credential/stock", "* Credential.id: no", '"name": "stock"'),
        ("TokenPolicy/lesson", "* AuthToken.bidi_generate_content_setup.generation_config.top_p: no", '"topP"'),
        ("TokenPolicy/lesson", "* AuthToken.field_mask: no", '"lockAdditionalFields"'),
        ("TokenPolicy/lesson", "nobody knows", '"name": "lesson"'),
    ],
)  # fmt: skip
def test_a_refusal_of_the_service_points_at_the_line(tmp_path, monkeypatch, address, message, line):
    kind, name = address.split("/")
    project(tmp_path, [one for one in RICH if one[:2] in ((kind, name), *BESIDE)])
    path = {"File": "upload", "BatchJob": ":batch", "TokenPolicy": "auth_tokens", "Webhook": "webhooks"}.get(
        kind, {"Agent": "agents", "Trigger": "triggers", "Credential": "credentials"}.get(kind, "cachedContents")
    )
    for name_ in "ABCD":
        monkeypatch.setenv(name_, f"value {name_}")
    fault = Fault("status_before", method="POST", path=path, status=400, message=message)
    monkeypatch.setattr(emulator, "App", partial(emulator.App, faults=[fault]))
    out, err = io.StringIO(), io.StringIO()
    words = ["token", "mint", name, "--unapplied"] if kind == "TokenPolicy" else ["apply", "--yes", "--target", address]
    with chdir(tmp_path), redirect_stdout(out), redirect_stderr(err):
        assert run(words, clock=ManualClock()) in (1, 5)
    file = f"{kind}-{name}.yaml"
    found = re.search(rf"{file}:(\d+):\d+: error\[E301\]", err.getvalue())
    assert found, err.getvalue()
    assert line in (tmp_path / file).read_text(encoding="utf-8").splitlines()[int(found[1]) - 1]


def test_a_model_that_is_not_found_is_pointed_at(tmp_path, capsys):
    wrong = "gemini-nobody-knows"
    cases = [
        ("CachedContent", {"model": wrong, "contents": "x" * 9000}),
        ("BatchJob", {"model": wrong, "requests": JOB["requests"][2:]}),
        ("TokenPolicy", {"liveConnectConstraints": {"model": wrong}}),
    ]
    for kind, spec in cases:
        folder = tmp_path / kind
        project(folder, [(kind, "a", spec)])
        words = ["token", "mint", "a", "--unapplied"] if kind == "TokenPolicy" else ["apply", "--yes"]
        with chdir(folder):
            run(words, clock=ManualClock())
        text = (folder / f"{kind}-a.yaml").read_text(encoding="utf-8").splitlines()
        number = next(number for number, each in enumerate(text, 1) if '"model"' in each)
        assert f"{kind}-a.yaml:{number}:" in capsys.readouterr().err, kind


def test_an_unapplied_policy_is_shown_where_it_is_declared(tmp_path, capsys):
    project(tmp_path, [("TokenPolicy", "lesson", POLICY)])
    with chdir(tmp_path):
        assert run(["token", "mint", "lesson"], clock=ManualClock()) == 1
    assert "TokenPolicy-lesson.yaml:5:" in capsys.readouterr().err
