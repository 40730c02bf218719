"""Webhooks through the command line, from the first apply to the last: their secrets, their commands, and jobs that
refer to them.
"""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from datetime import timedelta
from urllib.parse import quote

import pytest
from fakes.fake_emulator import embedded
from fakes.fake_project import FakeProject
from receiver import receiving

from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.folder import Folder
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

SECRET = "out/secret"
HOOK = {
    "uri": "https://example.com/h",
    "subscribedEvents": ["batch.failed", "batch.succeeded"],
    "secret": {"file": SECRET},
}
JOB = {"model": "gemini-3.8-flash", "requests": [{"key": "a", "request": {"contents": "a"}}]}
LOST = [Fault("after", method="POST", path="webhooks")]
GH = """#!/bin/sh
[ "$GEMINI_API_KEY$GOOGLE_API_KEY" = "" ] || exit 9
[ "$GH_TOKEN" = t0ken ] || exit 8
echo "$@" >> "$GH_LOG"
cat > "$GH_LOG.stdin"
exit ${GH_STATUS:-0}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    one = FakeProject(folder)
    one.declare("Webhook", "alerts", HOOK)
    return one


def app(project):
    """The service as another client finds it."""
    return App(World(FileStore(Folder(project.folder / ".gemctl/local/emulator")), now=project.clock.now))


def row(project):
    """The one webhook, as the service keeps it."""
    with embedded():
        service = app(project)
        _ = service.effects
        (found,) = service.world.objects("webhooks")
        return found


def current(project, secret=None):
    """Whether the sink has the secret that the service signs with."""
    there = (project.folder / SECRET).read_text(encoding="utf-8").strip() if secret is None else secret
    return row(project).body["secrets"][0]["secret"] == there


def asked(project, method, ending=""):
    """The bodies of changes that gemctl has asked for, by the effects that they had."""
    return [e for e in app(project).effects if e.method == method and e.path.endswith(ending)]


def planned(project):
    return {address: done for address, done in project.plan().items() if done[0] != "keep"}


def apply(project, status=0, more="", **how):
    project.gemctl(f"apply --yes {more}", status, **how)


# Lives


def test_it_is_made_patched_and_deleted_under_one_name(project):
    apply(project)
    made = row(project)
    assert made.body["uri"] == HOOK["uri"] and current(project)
    assert stat.S_IMODE((project.folder / SECRET).stat().st_mode) == 0o600
    first = (project.folder / SECRET).read_text(encoding="utf-8")
    for edit in ({"uri": "https://example.com/2"}, {"subscribedEvents": ["batch.expired"]}, {"state": "disabled"}):
        project.declare("Webhook", "alerts", {**HOOK, **edit})
        assert planned(project) == {"Webhook/alerts": ("update", "edited")}
        apply(project)
        (name, value), shown = *edit.items(), row(project)
        assert (shown.name, shown.body[name]) == (made.name, value)
        assert planned(project) == {}
    assert (project.folder / SECRET).read_text(encoding="utf-8") == first
    project.remove("Webhook", "alerts")
    apply(project, more="--allow-empty")
    assert app(project).world.objects("webhooks") == []


def test_the_order_of_events_is_no_edit_and_no_drift(project):
    apply(project)
    project.declare("Webhook", "alerts", {**HOOK, "subscribedEvents": HOOK["subscribedEvents"][::-1]})
    assert planned(project) == {}
    project.ask("PATCH", row(project).name, {"subscribed_events": HOOK["subscribedEvents"][::-1]})
    assert planned(project) == {}


def test_what_others_change_is_patched_back(project):
    apply(project)
    project.ask("PATCH", row(project).name, {"uri": "https://evil.example/", "subscribed_events": ["video.generated"]})
    (change,) = project.changes().values()
    assert (change["action"], change["reason"]) == ("update", "drifted")
    apply(project)
    assert row(project).body["uri"] == HOOK["uri"] and planned(project) == {}


def test_one_that_the_service_gave_up_is_turned_on_again_where_that_is_declared(project):
    project.declare("Webhook", "alerts", {**HOOK, "state": "enabled"})
    apply(project)
    project.ask("PATCH", row(project).name, {"state": "disabled_due_to_failed_deliveries"})
    assert planned(project) == {"Webhook/alerts": ("update", "drifted")}
    apply(project)
    assert row(project).body["state"] == "enabled"


def test_one_of_somebody_else_is_imported_and_rotated(project):
    made = project.ask("POST", "webhooks", {"uri": HOOK["uri"], "subscribed_events": HOOK["subscribedEvents"]})
    project.gemctl(f"import Webhook/alerts webhooks/{made['id']}")
    project.gemctl("webhook rotate alerts")
    assert current(project)
    assert row(project).name == f"webhooks/{made['id']}"


def test_a_manifest_is_written_for_one_that_is_live(project):
    project.remove("Webhook", "alerts")
    body = {"uri": "https://example.com/x", "subscribed_events": ["batch.failed"], "name": "Theirs"}
    made = project.ask("POST", "webhooks", body)
    file = project.folder / "live.yaml"
    project.gemctl(f"import --from-live Webhook --all --write {file}")
    text = file.read_text(encoding="utf-8")
    assert "https://example.com/x" in text and "batch.failed" in text and "state: enabled" in text
    blank = next(line for line in text.splitlines() if line.strip().startswith("secret: "))
    assert "${fill: " in blank
    file.write_text(text.replace(blank, f"  secret: {{file: {SECRET}}}"), encoding="utf-8")
    project.gemctl(f"import Webhook/theirs webhooks/{made['id']}")
    assert planned(project) == {}
    project.gemctl("webhook rotate theirs")
    assert current(project)


# The secret


@pytest.mark.parametrize(
    ("faults", "status"),
    [
        (LOST, 5),
        ([Fault("cut", method="POST", path="webhooks", nth=frozenset({1}), at_bytes=40)], 5),
        ([Fault("status_after", method="POST", path="webhooks", nth=frozenset({1}), status=503)], 5),
    ],
    ids=["lost", "cut", "an error"],
)
def test_a_lost_answer_is_made_good_by_a_rotation(project, faults, status):
    apply(project, status, faults=faults)
    assert not (project.folder / SECRET).exists()
    assert planned(project) == {"Webhook/alerts": ("update", "undelivered")}
    apply(project)
    assert current(project) and planned(project) == {}
    assert len(asked(project, "POST", "/webhooks")) == 1


def test_a_secret_that_is_lost_with_its_file_is_made_anew_by_a_command(project):
    apply(project)
    (project.folder / SECRET).unlink()
    assert planned(project) == {}  # what becomes of the file afterwards is its owner's business
    project.gemctl("webhook rotate alerts")
    assert current(project)


def everything_written(project):
    """All that gemctl wrote, but for the sink, and for the emulator's folder, which is the service's."""
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    kept = [path for path in files if "emulator" not in path.parts and path != project.folder / SECRET]
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in kept)


def forms(secret):
    """The secret as it could stand somewhere."""
    key = secret.removeprefix("whsec_")
    raw = base64.b64decode(key).decode()
    return {key, quote(key, safe=""), raw, json.dumps(raw)[1:-1], base64.b64encode(secret.encode()).decode()}


@pytest.mark.parametrize("case", ["all is well", "lost", "cut", "late", "sink", "command"])
def test_a_secret_is_in_its_sink_and_nowhere_else(project, monkeypatch, case):
    """Whatever happens to the answer or to the sink: it is in no state, journal, plan, output or error."""
    failing = f"'{sys.executable}' -c 'import sys; sys.stdin.read(); raise SystemExit(3)'"
    monkeypatch.setenv("GEMCTL_SECRET_COMMANDS", failing)
    monkeypatch.setenv("GEMCTL_DEBUG", "1")
    if case == "command":
        project.declare("Webhook", "alerts", {**HOOK, "secret": {"command": failing}})
    faults = {
        "lost": [Fault("after", path="webhooks", method="POST")],
        "cut": [Fault("cut", path="webhooks", method="POST", at_bytes=230)],
        "late": [Fault("status_after", path="webhooks", method="POST", status=400)],
    }.get(case, [])
    said, secrets = "", set()

    def run(line, **how):
        nonlocal said
        for form in ("", "-vv "):
            try:
                project.gemctl(form + line, **how)
            except AssertionError as ended:  # with another status: what was said counts
                said += str(ended)
            said += project.said + project.errors
        with embedded():
            service = app(project)
            _ = service.effects
            secrets.update(
                one["secret"] for found in service.world.objects("webhooks") for one in found.body["secrets"]
            )

    if case == "sink":
        (project.folder / "out").mkdir()
        (project.folder / "out").chmod(0o500)
    run(f"plan --out {project.folder / 'p.json'}")
    run("apply --yes", faults=faults)
    for line in ("webhook rotate alerts", "webhook rotate alerts --revoke-now", "webhook ping alerts"):
        run(line, faults=faults)
    run("apply --yes", faults=faults)
    for line in ("plan", "state list", "state show Webhook/alerts", "output", "get", "render", "validate", "orphans"):
        run(line)
    (project.folder / "out").mkdir(exist_ok=True)
    (project.folder / "out").chmod(0o700)
    found = everything_written(project) + said
    assert secrets and "Webhook/alerts" in found
    assert not [form for secret in secrets for form in forms(secret) if form in found]


# Commands


@pytest.fixture
def gh(project, tmp_path, monkeypatch):
    """A `gh` that notes how it was called, and what came on its standard input."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "gh").write_text(GH, encoding="utf-8")
    (folder / "gh").chmod(0o755)
    for name, value in {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "GH_LOG": str(tmp_path / "gh.log"),
        "GH_TOKEN": "t0ken",
        "GEMINI_API_KEY": "a-key",
        "GEMCTL_SECRET_COMMANDS": "gh secret set GEMINI_WEBHOOK_SECRET",
    }.items():
        monkeypatch.setenv(name, value)
    project.declare("Webhook", "alerts", {**HOOK, "secret": {"command": "gh secret set GEMINI_WEBHOOK_SECRET"}})
    return tmp_path / "gh.log"


def test_a_secret_of_a_github_repository(project, gh, tmp_path, monkeypatch):
    apply(project)
    stdin = tmp_path / "gh.log.stdin"
    assert gh.read_text(encoding="utf-8") == "secret set GEMINI_WEBHOOK_SECRET\n"
    assert current(project, stdin.read_text(encoding="utf-8"))  # exactly: no line break behind it
    project.gemctl("webhook rotate alerts")
    assert current(project, stdin.read_text(encoding="utf-8"))
    monkeypatch.setenv("GH_STATUS", "4")
    project.gemctl("webhook rotate alerts", 5)
    assert "gh ended with 4" in project.errors + project.said and "E572" in project.codes()
    monkeypatch.setenv("GH_STATUS", "0")
    assert planned(project) == {"Webhook/alerts": ("update", "undelivered")}
    apply(project)
    assert current(project, stdin.read_text(encoding="utf-8")) and planned(project) == {}


def test_a_command_is_run_only_where_the_environment_has_it(project, gh, monkeypatch):
    monkeypatch.delenv("GEMCTL_SECRET_COMMANDS")
    apply(project, 5)
    assert "GEMCTL_SECRET_COMMANDS" in project.said + project.errors
    assert not gh.exists() and asked(project, "POST", "/webhooks") == []
    monkeypatch.setenv("GEMCTL_SECRET_COMMANDS", "gh secret set GEMINI_WEBHOOK_SECRET")
    apply(project)
    monkeypatch.delenv("GEMCTL_SECRET_COMMANDS")
    project.gemctl("webhook rotate alerts", 1)
    assert "Nothing was sent" in project.said + project.errors
    assert asked(project, "POST", ":rotateSigningSecret") == []


def test_rotate_delivers_and_says_where(project):
    apply(project)
    before = (project.folder / SECRET).read_text(encoding="utf-8")
    said = project.gemctl("webhook rotate alerts")
    name = row(project).name
    assert said == {
        "formatVersion": "1",
        "address": "Webhook/alerts", "name": name, "done": "rotate", "secret": {"file": SECRET}, "before": "24h",
    }  # fmt: skip
    assert current(project) and (project.folder / SECRET).read_text(encoding="utf-8") != before
    new, old = row(project).body["secrets"]
    assert (new["expires"], old["expires"] is None) == (None, False)
    assert project.gemctl("webhook rotate alerts --revoke-now")["before"] == "void"
    assert len(row(project).body["secrets"]) == 1 and current(project)
    assert stat.S_IMODE((project.folder / SECRET).stat().st_mode) == 0o600
    assert planned(project) == {}


def test_a_rotation_whose_answer_is_lost_is_made_good(project):
    apply(project)
    project.gemctl("webhook rotate alerts", 5, faults=[Fault("after", path="rotateSigningSecret")])
    assert not current(project)
    assert planned(project) == {"Webhook/alerts": ("update", "undelivered")}
    apply(project)
    assert current(project) and planned(project) == {}


@pytest.mark.parametrize("again", ["apply --yes", "webhook rotate alerts", "webhook rotate alerts --revoke-now"])
def test_a_rotation_that_arrives_late_comes_before_the_next_one(project, again):
    """Its secret would be the newest otherwise, and the one in the sink void after a day."""
    apply(project)
    began = project.clock.now()
    project.gemctl("webhook rotate alerts", 5, faults=[Fault("late", path="rotateSigningSecret", delay=60)])
    project.gemctl("plan")
    assert "W501" in project.codes() and "A new secret was asked for" in project.errors + project.said
    project.gemctl(again)
    assert len(asked(project, "POST", ":rotateSigningSecret")) == 2
    assert current(project) and planned(project) == {} and "W501" not in project.codes()
    assert project.clock.now() - began >= timedelta(seconds=120)


def test_a_webhook_without_its_last_secret_is_deleted_at_once(project):
    apply(project)
    began = project.clock.now()
    project.gemctl("webhook rotate alerts", 5, faults=[Fault("late", path="rotateSigningSecret", delay=60)])
    project.remove("Webhook", "alerts")
    apply(project, more="--allow-empty")
    assert project.live("webhooks") == [] and project.clock.now() - began < timedelta(seconds=60)


def test_a_rotation_that_is_refused_says_so(project):
    apply(project)
    project.gemctl("webhook rotate alerts", 1, faults=[Fault("status_before", path="rotate", status=403)])
    assert "E301" in project.codes() and current(project)
    apply(project)
    assert current(project) and planned(project) == {}


def test_ping_is_delivered(project, monkeypatch):
    with receiving() as receiver:
        project.declare("Webhook", "alerts", {**HOOK, "uri": receiver.uri})
        apply(project)
        said = project.gemctl("webhook ping alerts")
        assert (said["address"], said["done"]) == ("Webhook/alerts", "ping")
        headers, body = receiver.next()
        assert json.loads(body)["type"] == "ping" and headers["webhook-signature"].startswith("v1,")
    project.gemctl("webhook ping alerts")  # nobody is there any more, and the answer is the same


@pytest.mark.parametrize("what", ["rotate", "ping"])
def test_what_can_not_be_acted_upon(project, what):
    project.gemctl(f"webhook {what} alerts", 64)
    assert "Run `gemctl apply` first." in project.errors + project.said
    project.gemctl(f"webhook {what} alert", 64)
    assert "Did you mean alerts?" in project.errors + project.said
    apply(project)
    project.ask("DELETE", row(project).name)
    project.gemctl(f"webhook {what} alerts", 64)
    assert "is no longer live" in project.errors + project.said
    project.remove("Webhook", "alerts")
    project.declare("BatchJob", "night", JOB)
    project.gemctl(f"webhook {what} alerts", 64)
    assert "Declare a Webhook." in project.errors + project.said
    project.gemctl(f"webhook {what} BatchJob/night", 64)
    assert "has no" in project.errors + project.said or "is not bound" in project.errors + project.said
    project.gemctl(f"webhook {what}", 64)


# Jobs that refer to one


def hooks_of(project):
    """The addresses that the jobs were sent with, oldest first."""
    service = app(project)
    _ = service.effects
    return [(found.body["hooks"] or {}).get("uris") for found in service.world.objects("batches")]


def refer(project, **config):
    hook = {"webhookRef": {"name": "alerts"}, **config}
    project.declare("BatchJob", "night", {**JOB, "webhookConfig": hook}, run={"results": "out/r.jsonl"})


def test_a_job_is_sent_with_the_address_of_its_webhook(project):
    refer(project, uris=["https://example.com/too"], userMetadata={"box": 12})
    (found,) = [one for one in project.gemctl("plan")["changes"] if one["address"] == "BatchJob/night"]
    assert "Webhook/alerts" in json.dumps(found)
    apply(project)
    assert hooks_of(project) == [["https://example.com/too", HOOK["uri"]]]
    assert planned(project) == {}


def test_an_edit_of_a_webhook_runs_no_job_again(project):
    refer(project)
    apply(project)
    project.declare("Webhook", "alerts", {**HOOK, "uri": "https://example.com/2", "subscribedEvents": ["batch.failed"]})
    assert planned(project) == {"Webhook/alerts": ("update", "edited")}
    apply(project)
    refer(project, uris=["https://example.com/too"])
    assert planned(project) == {}
    project.clock.advance(timedelta(minutes=5))
    apply(project)
    assert hooks_of(project) == [[HOOK["uri"]]] and planned(project) == {}


def test_a_job_that_is_run_with_an_edit_of_its_webhook_gets_the_new_address(project):
    """Whatever the order in which both would be sent: the patch comes first."""
    refer(project)
    apply(project)
    project.declare("Webhook", "alerts", {**HOOK, "uri": "https://example.com/2"})
    project.declare(
        "BatchJob",
        "night",
        {**JOB, "webhookConfig": {"webhookRef": {"name": "alerts"}}},
        run={"results": "out/r.jsonl", "key": "again"},
    )
    steps = project.gemctl(f"plan --out {project.folder / 'p.json'}")
    assert {change["address"] for change in steps["changes"]} >= {"Webhook/alerts", "BatchJob/night"}
    apply(project)
    assert hooks_of(project)[-1] == ["https://example.com/2"]


def test_a_job_of_a_file_in_parts_refers_to_one_too(project):
    lines = [{"key": key, "request": {"contents": [{"parts": [{"text": key}]}]}} for key in "abcd"]
    project.write("rows.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    spec = {
        "model": "gemini-3.8-flash",
        "input": {"jsonl": "rows.jsonl"},
        "split": {"requests": 2},
        "request": {"generationConfig": {"topK": 3}},
        "webhookConfig": {"webhookRef": {"name": "alerts"}},
    }
    project.declare("BatchJob", "bulk", spec, run={"results": "out/r.jsonl"})
    apply(project)
    assert hooks_of(project) == [[HOOK["uri"]]] * 2


def test_a_job_waits_for_its_webhook(project):
    refer(project)
    apply(project, 5, faults=[Fault("status_before", method="POST", path="/webhooks", status=400)])
    assert hooks_of(project) == []
    apply(project)
    assert hooks_of(project) == [[HOOK["uri"]]]


def test_the_end_of_a_job_is_told(project):
    with receiving() as receiver:
        project.declare("Webhook", "alerts", {**HOOK, "uri": receiver.uri})
        project.declare("BatchJob", "night", JOB, run={"results": "out/r.jsonl"})
        apply(project)
        project.clock.advance(timedelta(minutes=5))
        project.gemctl("results", 0)
        event = receiver.event()
    assert event["type"] == "batch.succeeded" and event["data"]["id"].startswith("batches/")
