"""Credentials through the command line, from the first apply to the last; and a canary for their values, which show up
in nothing that is written or printed, whatever the service says and wherever gemctl is killed.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import os
import re
import sys
from datetime import timedelta
from urllib.parse import quote

import pytest
from fakes.fake_emulator import embedded
from fakes.fake_project import FakeProject
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running
from gemctl.emulator.world import World

TOKEN = {"type": "bearer_token", "token": {"valueFrom": {"env": "CRM_TOKEN"}}}
OAUTH = {
    "type": "oauth2",
    "clientId": "shop",
    "clientSecret": {"valueFrom": {"env": "CLIENT_SECRET"}},
    "refreshToken": {"valueFrom": {"file": "secrets/refresh"}},
    "tokenUrl": "https://login.example.com/token",
    "scopes": ["read"],
}
LOST = [Fault("after", method="POST", path="credentials")]


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    one = FakeProject(folder)
    one.declare("Credential", "crm", TOKEN)
    monkeypatch.setenv("CRM_TOKEN", "first")
    return one


def row(project, name="crm"):
    """The credential, as the service keeps it."""
    with embedded():
        service = project.app
        _ = service.effects
        return next(one for one in service.world.objects("credentials") if one.name == f"credentials/{name}")


def planned(project):
    return {address: done for address, done in project.plan().items() if done[0] != "keep"}


def apply(project, status=0, more="", **how):
    project.gemctl(f"apply --yes {more}", status, **how)


def codes(project):
    """The codes of all that was complained about."""
    return sorted(set(re.findall(r'"code": "([EW][0-9]{3})"', project.said + project.errors)))


def revoke(project, name="crm"):
    with embedded():
        service = project.app
        _ = service.effects
        (one,) = (each for each in service.world.objects("credentials") if each.name == f"credentials/{name}")
        service.world.patch(one, body={**one.body, "status": "revoked"})


# Lives


def test_it_is_made_patched_and_deleted_under_one_name(project, monkeypatch):
    apply(project)
    made = row(project)
    assert made.body["token"] == "first" and "prefix" not in made.body
    assert planned(project) == {}
    monkeypatch.setenv("CRM_TOKEN", "second")
    change = project.changes()["Credential/crm"]
    assert (change["action"], change["reason"]) == ("update", "edited")
    assert change["fields"] == [{"path": "token", "before": "(secret)", "after": "(secret) changed"}]
    apply(project)
    assert row(project).body["token"] == "second" and planned(project) == {}
    for edit, kept in (({"prefix": "Key"}, "Key"), ({}, "Bearer")):  # what is left out would stay as it was
        project.declare("Credential", "crm", {**TOKEN, **edit})
        assert planned(project) == {"Credential/crm": ("update", "edited")}
        apply(project)
        assert (row(project).body["prefix"], row(project).body["token"]) == (kept, "second")
    project.remove("Credential", "crm")
    apply(project, more="--allow-empty")
    assert project.live("credentials") == []


def test_every_type_and_every_source(project, monkeypatch):
    monkeypatch.setenv("CLIENT_SECRET", "c")
    monkeypatch.setattr("keyring.get_password", lambda service, user: f"{service} {user}")
    project.write("secrets/refresh", "r\n")
    (project.folder / "secrets/refresh").chmod(0o600)
    project.declare("Credential", "post", OAUTH)
    entry = {"service": "gemctl-stock", "username": "key"}
    value = {"value": {"valueFrom": {"keyring": entry}}, "injectionLocation": "header", "trustedDomains": ["a.example"]}
    project.declare("Credential", "stock", {"id": "stock_key", "type": "environment_variable", **value})
    apply(project)
    body = row(project, "post").body
    assert (body["client_secret"], body["refresh_token"], body["scopes"]) == ("c", "r", ["read"])
    body = row(project, "stock_key").body
    assert (body["value"], body["injection_location"]) == ("gemctl-stock key", ["header"])
    assert planned(project) == {}
    project.declare("Credential", "post", {**OAUTH, "scopes": ["read", "write"]})
    apply(project)
    patched = row(project, "post").body
    assert patched["scopes"] == ["read", "write"] and patched["refresh_token"] == "r"


def test_another_type_is_another_object_and_the_old_one_goes_first(project):
    apply(project)
    spec = {"type": "environment_variable", "value": TOKEN["token"], "injectionLocation": ["query", "body"]}
    project.declare("Credential", "crm", spec)
    assert planned(project) == {"Credential/crm": ("replace", "edited")}
    seen = len(project.calls())
    apply(project)
    assert project.calls(seen) == ["deleted credentials/crm", "created credentials/crm"]
    assert row(project).body["value"] == "first" and planned(project) == {}


# Values that are not at hand


def test_without_a_value_what_exists_is_kept_and_nothing_is_made(project, monkeypatch):
    monkeypatch.delenv("CRM_TOKEN")
    project.gemctl("validate")
    assert codes(project) == []
    project.gemctl("plan", 1)
    assert codes(project) == ["E274"]
    assert "The variable CRM_TOKEN is not set" in project.said and "Set CRM_TOKEN where" in project.said
    apply(project, 1)
    assert project.live("credentials") == []
    monkeypatch.setenv("CRM_TOKEN", "first")
    apply(project)
    monkeypatch.delenv("CRM_TOKEN")
    assert planned(project) == {}
    assert codes(project) == ["W573"]
    project.declare("Credential", "crm", {**TOKEN, "prefix": "Key"})  # needs no secret
    apply(project)
    assert row(project).body["prefix"] == "Key" and row(project).body["token"] == "first"
    project.declare("Credential", "other", {**TOKEN, "token": {"valueFrom": {"env": "OTHER"}}})
    apply(project, 1)
    assert codes(project) == ["E274", "W573"]
    monkeypatch.setenv("CRM_TOKEN", "first")
    monkeypatch.setenv("OTHER", "o")
    apply(project)
    assert planned(project) == {} and codes(project) == []


@pytest.mark.parametrize(
    ("content", "code"), [(None, "E274"), (b"", "E274"), (b"\n", "E274"), (b"\xff", "E574"), (b"a\0b", "E574")]
)
def test_a_file_that_has_no_secret(project, content, code):
    project.declare("Credential", "crm", {**TOKEN, "token": {"valueFrom": {"file": "secret"}}})
    if content is not None:
        (project.folder / "secret").write_bytes(content)
    project.gemctl("plan", 1)
    assert codes(project) == [code]


def test_a_file_that_others_can_read_is_warned_of(project):
    project.declare("Credential", "crm", {**TOKEN, "token": {"valueFrom": {"file": "secret"}}})
    project.write("secret", "in two\nlines\r\n")
    (project.folder / "secret").chmod(0o644)
    apply(project)
    assert "W574" in codes(project) and row(project).body["token"] == "in two\nlines"
    (project.folder / "secret").chmod(0o600)
    assert planned(project) == {} and codes(project) == []


def test_without_the_library_the_keyring_says_how_to_get_it(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    entry = {"keyring": {"service": "gemctl", "username": "crm"}}
    project.declare("Credential", "crm", {**TOKEN, "token": {"valueFrom": entry}})
    project.gemctl("plan", 1)
    assert codes(project) == ["E318"] and "pip install keyring" in project.said


def test_a_file_is_named_as_its_manifest_sees_it(project):
    spec = {**TOKEN, "token": {"valueFrom": {"file": "../secrets/crm"}}}
    document = {"apiVersion": "gemctl/v1", "kind": "Credential", "metadata": {"name": "crm"}, "spec": spec}
    project.remove("Credential", "crm")
    project.write("agents/crm.yaml", json.dumps(document))
    project.write("secrets/crm", "from a file")
    apply(project)
    assert row(project).body["token"] == "from a file"
    rendered = json.dumps(project.gemctl("render"))
    assert "secrets/crm" in rendered and "../secrets" not in rendered and "from a file" not in rendered


def test_a_name_that_can_not_be_an_id_needs_another_id(project):
    project.declare("Credential", "a.b", TOKEN)
    project.gemctl("validate", 1)
    assert codes(project) == ["E209"]
    project.declare("Credential", "a.b", {**TOKEN, "id": "a_b"})
    project.gemctl("validate")


# What others do


def test_what_others_send_is_put_right(project):
    apply(project)
    project.clock.advance(timedelta(minutes=1))
    project.ask("PATCH", "credentials/crm", {"type": "bearer_token", "token": "evil"})
    assert planned(project) == {"Credential/crm": ("update", "drifted")}
    apply(project)
    assert row(project).body["token"] == "first" and planned(project) == {}


def test_one_that_is_there_is_not_ours_until_it_is_imported(project):
    project.ask("POST", "credentials", {"id": "crm", "type": "bearer_token", "token": "theirs", "prefix": "Key"})
    project.gemctl("plan", None)
    assert "E571" in codes(project) and row(project).body["token"] == "theirs"
    project.gemctl("import Credential/crm credentials/crm")
    assert planned(project) == {"Credential/crm": ("update", "edited")}
    apply(project)
    assert row(project).body["token"] == "first" and planned(project) == {}


def test_a_create_whose_answer_is_lost_is_found_and_sent_again(project):
    apply(project, 5, faults=LOST)
    assert project.live("credentials") == ["credentials/crm"]
    project.clock.advance(timedelta(minutes=5))
    seen = len(project.calls())
    apply(project)
    assert project.calls(seen) == ["patched credentials/crm"] and planned(project) == {}
    assert row(project).body["token"] == "first"


def test_a_revoked_one_is_shown_as_such_until_it_has_another_secret(project, monkeypatch):
    apply(project)
    revoke(project)
    change = project.changes()["Credential/crm"]
    assert (change["action"], change["reason"]) == ("keep", "failed") and "revoked" in change["note"]
    monkeypatch.setenv("CRM_TOKEN", "second")
    apply(project)
    assert row(project).body["status"] == "active" and planned(project) == {}


# Saved plans


def test_a_saved_plan_is_bound_to_the_values(project, monkeypatch):
    plan = project.folder / "a.plan"
    project.gemctl(f"plan --out {plan}")  # before there is any state
    monkeypatch.setenv("CRM_TOKEN", "second")
    project.gemctl(f"apply --yes {plan}", 4)
    assert project.live("credentials") == []
    monkeypatch.delenv("CRM_TOKEN")
    project.gemctl(f"apply --yes {plan}", 1)
    assert codes(project) == ["E274"]
    monkeypatch.setenv("CRM_TOKEN", "first")
    project.gemctl(f"apply --yes {plan}")
    assert row(project).body["token"] == "first" and planned(project) == {}
    monkeypatch.setenv("CRM_TOKEN", "third")
    project.gemctl(f"plan --out {plan}")
    project.gemctl(f"apply --yes {plan}")
    assert row(project).body["token"] == "third" and planned(project) == {}


def test_what_changes_while_the_plan_is_carried_out_is_not_sent(project, monkeypatch):
    """The value is read again when its intent was written."""
    from gemctl.workflows import apply as workflow

    def changing(session, desired, salt):
        session.settings.env["CRM_TOKEN"] = "second"
        return reader(session, desired, salt)

    reader = workflow.reader
    monkeypatch.setattr(workflow, "reader", changing)
    apply(project, None)
    assert codes(project) == ["E573"]
    assert project.live("credentials") == []


# gemctl credential rotate


def test_rotate_sends_again_what_is_declared(project, monkeypatch):
    project.gemctl("credential rotate crm", 64)
    apply(project)
    seen = len(project.calls())
    done = project.gemctl("credential rotate crm")
    assert done["secrets"] == ["token"] and done["name"] == "credentials/crm"
    assert project.calls(seen) == ["patched credentials/crm"] and planned(project) == {}
    monkeypatch.setenv("CRM_TOKEN", "second")
    project.gemctl("credential rotate Credential/crm")
    assert row(project).body["token"] == "second" and planned(project) == {}
    monkeypatch.delenv("CRM_TOKEN")
    project.gemctl("credential rotate crm", 1)
    assert codes(project) == ["E274"]
    project.gemctl("credential rotate cmr", 64)
    assert row(project).body["token"] == "second"


def test_rotate_makes_no_other_object(project):
    apply(project)
    project.declare(
        "Credential", "crm", {"type": "environment_variable", "value": TOKEN["token"], "injectionLocation": "body"}
    )
    project.gemctl("credential rotate crm", 64)
    assert row(project).body["type"] == "bearer_token"


# Manifests of live ones


def test_what_can_not_be_read_is_left_to_a_person(project):
    """All that its type needs; the manifest is refused until that is filled in, and then sends it."""
    secrets = {"client_secret": "s", "refresh_token": "r"}
    oauth = {"type": "oauth2", "client_id": "c", "token_url": "https://a.example", **secrets}
    project.ask("POST", "credentials", {"id": "post_1", **oauth})
    project.remove("Credential", "crm")
    project.gemctl(f"import --from-live Credential --all --write {project.folder}/made.yaml")
    text = (project.folder / "made.yaml").read_text(encoding="utf-8")
    for field in ("clientId", "clientSecret", "refreshToken", "tokenUrl"):
        assert f'{field}: "${{fill: ' in text
    assert "id: post_1" in text and "type: oauth2" in text and "value:" not in text and "token:" not in text
    project.gemctl("validate", 1)
    assert codes(project) == ["E561"]


# The canary

CANARY = "canary-Zq8x_81nightingale/42+x"
FORMS = (
    CANARY,
    CANARY.replace("/", "%2F").replace("+", "%2B"),
    base64.b64encode(CANARY.encode()).decode(),
    quote(CANARY),
)
SAID = f"The token {CANARY} is no good; see https://example.com/?token={FORMS[1]} ({FORMS[2]})."
COMMANDS = (
    "-vv validate",
    "-vv plan --out saved.plan",
    "-vv plan --json",
    "-vv plan --format markdown",
    "-vv plan --format html",
    "-vv apply --yes",
    "-vv apply --yes --json",
    "-vv get",
    "-vv get --json",
    "-vv output --json",
    "-vv state list --json",
    "-vv state show Credential/crm",
    "-vv explain Credential.spec.token",
    "-vv graph",
    "-vv render",
    "-vv credential rotate crm",
    "-vv credential rotate crm --json",
    "-vv import Credential/crm credentials/crm",
    "-vv destroy --yes",
)
FAULTS = {
    "none": [],
    "refused": [Fault("status_before", method="POST", path="credentials", status=400, message=SAID)],
    "refused later": [Fault("status_before", method="PATCH", path="credentials", status=400, message=SAID)],
    "busy": [Fault("status_before", method="POST", path="credentials", status=503, message=SAID)],
    "busy later": [Fault("status_before", method="PATCH", path="credentials", status=503, message=SAID)],
    "lost": [Fault("status_after", method="POST", path="credentials", status=500, message=SAID)],
    "cut": [Fault("cut", at_bytes=3)],
}


@pytest.fixture
def quiet():
    log = logging.getLogger("gemctl")
    before = list(log.handlers), log.level
    yield
    log.handlers[:], log.level = before[0], before[1]
    log.setLevel(before[1])


@pytest.mark.parametrize(
    "name",
    [name if name in ("none", "refused later") else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS],
)
def test_no_value_is_anywhere(tmp_path, monkeypatch, quiet, name):
    folder = tmp_path / "project"
    folder.mkdir()
    project, clock = FakeProject(folder), ManualClock()
    project.settings(stacks={"live": {}}, defaultStack="live")
    project.declare("Credential", "crm", TOKEN)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")
    monkeypatch.chdir(folder)
    app, told = App(World(now=clock.now)), ""
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        for value in (f"before {CANARY}", CANARY):
            monkeypatch.setenv("CRM_TOKEN", value)
            app.set_faults(FAULTS[name])
            for line in COMMANDS:
                out, err = io.StringIO(), io.StringIO()
                logging.getLogger("gemctl").handlers.clear()
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                    status = run(line.split(), clock=clock)
                assert status in (0, 1, 5) or (status == 64 and (name != "none" or "import" in line)), (
                    line,
                    out.getvalue(),
                    err.getvalue(),
                )
                told += out.getvalue() + err.getvalue()
                assert "plan" not in line or "scrypt:" not in out.getvalue() + err.getvalue(), line
                clock.advance(timedelta(minutes=5))
            sent = [one for one in app.requests if one.method in ("POST", "PATCH") and "credentials" in one.path]
            assert sent, "something was sent"
            told += "".join(str(one.json) for one in sent)
    assert "E099" not in told
    assert "gemctl.api: GET credentials" in told, "the log was on"
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        told += path.read_bytes().decode("utf-8", "replace")
    for form in FORMS:
        assert form.lower() not in told.lower(), form


def test_no_value_is_left_by_a_process_that_was_killed(project, monkeypatch):
    """At every fsync of the journal: what is written before and after each call."""
    monkeypatch.setenv("CRM_TOKEN", CANARY)
    for stop in range(1, 6):
        pid = os.fork()
        if pid == 0:
            _die_at(stop)
            with contextlib.suppress(BaseException), contextlib.redirect_stdout(io.StringIO()):
                run(["-C", str(project.folder), "apply", "--yes"], clock=ManualClock())
            os._exit(0)
        os.waitpid(pid, 0)
        for path in (path for path in project.folder.rglob("*") if path.is_file() and "emulator" not in path.parts):
            assert CANARY not in path.read_bytes().decode("utf-8", "replace"), path
    project.clock.advance(timedelta(hours=1))
    apply(project)
    assert row(project).body["token"] == CANARY and planned(project) == {}
    assert project.made("credentials") == 1


def _die_at(number):
    """End this process as SIGKILL would, at the fsync of this number."""
    real, count = os.fsync, [0]

    def fsync(handle):
        real(handle)
        count[0] += 1
        if count[0] == number:
            os._exit(9)

    os.fsync = fsync


def test_a_value_that_is_taken_back_after_an_answer_that_was_lost_is_sent_again(project, monkeypatch):
    """The service shows neither the value nor, of this type, when it was changed: what it has now nobody knows."""
    monkeypatch.setenv("CLIENT_SECRET", "one")
    project.declare("Credential", "post", {**OAUTH, "refreshToken": {"valueFrom": {"env": "CLIENT_SECRET"}}})
    apply(project)
    monkeypatch.setenv("CLIENT_SECRET", "two")
    apply(project, 5, faults=[Fault("after", method="PATCH")])
    assert row(project, "post").body["client_secret"] == "two"
    monkeypatch.setenv("CLIENT_SECRET", "one")
    project.gemctl("plan")
    assert "W501" in project.codes()  # what was sent may still arrive, and void what is sent now
    before = project.clock.now()
    apply(project)
    assert project.clock.now() - before > timedelta(minutes=1)
    assert row(project, "post").body["client_secret"] == "one"
    assert planned(project) == {}
