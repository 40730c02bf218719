"""Where the state of a stack is kept: gemctl.yaml says it, commands move it, take it out and put it back."""

from __future__ import annotations

import json
import os
import re
import sys
from itertools import count

import pytest
from cli_world import here, make_project
from servers import bucket, postgres
from values import ManualClock

from gemctl.core.extras import how_to_install
from gemctl.state.codec import _checksum
from gemctl.state.objects import ObjectBackend
from gemctl.state.shared import SharedStore

_numbers = count()


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project in a folder, with an id of its own, whose state is local."""
    for name, value in bucket("places").items():
        monkeypatch.setenv(name, value)
    folder = make_project(tmp_path / "shop", "one", "two")
    text = (folder / "gemctl.yaml").read_text()
    (folder / "gemctl.yaml").write_text(text.replace("abcd1234", f"p{os.getpid()}x{next(_numbers):04}"))
    return folder


def kept(folder, state):
    """From now on gemctl.yaml says so."""
    text = (folder / "gemctl.yaml").read_text()
    flow = json.dumps(state)
    text = re.sub(r"  local: .*", lambda _: f'  local: {{"endpoint": "emulator", "state": {flow}}}', text)
    (folder / "gemctl.yaml").write_text(text)


def done(folder, *words, status=0):
    run = here(folder, *words)
    assert run.returncode == status, run.stdout + run.stderr
    return run.stdout if status in (0, 2) else run.stdout + run.stderr


def signed(document):
    """As if gemctl had written it."""
    document = {key: item for key, item in document.items() if key != "checksum"}
    return json.dumps({**document, "checksum": _checksum(document)})


def in_sync(folder):
    done(folder, "plan", "--detailed-exitcode")


def places():
    return {"object": "s3://places/states"}, {"postgres": postgres("places")}


def test_a_state_is_moved_around_and_never_lost(shop):
    objects, database = places()
    done(shop, "apply", "--yes")
    before = json.loads(done(shop, "state", "list", "--json"))
    kept(shop, objects)
    assert "2 bound" in done(shop, "state", "migrate", "--from", "local")
    in_sync(shop)
    kept(shop, database)
    done(shop, "state", "migrate", "--from", objects["object"])
    in_sync(shop)
    kept(shop, "local")
    assert "E419" in done(shop, "plan", status=6), "an old checkout can't go on with what was moved"
    assert "E419" in done(shop, "state", "rebuild", status=6)
    told = json.loads(done(shop, "state", "migrate", "--from", database["postgres"], "--json"))
    assert "2 bound" in told["message"] and "gemctl@" not in told["message"]
    in_sync(shop)
    after = json.loads(done(shop, "state", "list", "--json"))
    assert {**after, "serial": 0} == {**before, "serial": 0} and after["serial"] > before["serial"]
    kept(shop, objects)
    assert "has been moved to postgresql://" in done(shop, "apply", "--yes", status=6)


def test_a_migration_needs_a_state_there_and_none_here(shop):
    objects, _ = places()
    kept(shop, objects)
    assert "E418" in done(shop, "state", "migrate", "--from", "local", status=64), "none there"
    done(shop, "apply", "--yes")
    assert "E418" in done(shop, "state", "migrate", "--from", objects["object"], status=64), "the same place"
    kept(shop, "local")
    done(shop, "apply", "--yes")
    kept(shop, objects)
    assert "E418" in done(shop, "state", "migrate", "--from", "local", status=64), "one here already"
    assert "E418" in done(shop, "state", "migrate", "--from", "nowhere", status=64)
    text = (shop / "gemctl.yaml").read_text()
    (shop / "gemctl.yaml").write_text(re.sub(r"id: \w+", "id: another1", text))
    assert "E405" in done(shop, "state", "migrate", "--from", "local", status=6), "of another project"
    out = done(shop, "state", "migrate", "--from", "postgresql://me:hush@there/db", status=64)
    assert "E061" in out and "hush" not in out


def test_a_migration_from_a_database_that_a_variable_names(shop, monkeypatch):
    monkeypatch.setenv("OLD_STATE", postgres("places"))
    kept(shop, {"postgres": {"env": "THE_DSN"}})
    out = done(shop, "apply", "--yes", status=1)
    assert "E414" in out and "THE_DSN" in out
    done(shop, "validate")
    done(shop, "graph")
    done(shop, "validate")  # offline, and so without a DSN, as where a fork is checked
    done(shop, "graph")
    monkeypatch.setenv("THE_DSN", postgres("places"))
    done(shop, "apply", "--yes")
    kept(shop, "local")
    assert "the database of OLD_STATE" in done(shop, "state", "migrate", "--from", "env:OLD_STATE")
    in_sync(shop)


@pytest.mark.parametrize("place", [None, 0, 1], ids=["local", "objects", "postgres"])
def test_what_is_pulled_can_be_pushed(shop, tmp_path, place):
    kept(shop, "local" if place is None else places()[place])
    assert "E007" in done(shop, "state", "pull", status=64), "there is none yet"
    done(shop, "apply", "--yes")
    pulled = done(shop, "state", "pull")
    assert pulled == done(shop, "state", "pull", "--json")
    backup = tmp_path / "backup.json"
    backup.write_text(pulled)
    done(shop, "state", "push", str(backup))
    in_sync(shop)
    newer = json.loads(done(shop, "state", "pull"))
    assert newer["serial"] > json.loads(pulled)["serial"] and newer["records"] == json.loads(pulled)["records"]
    assert "serial" in done(shop, "state", "push", str(backup), status=64), "it is older by now"
    done(shop, "state", "push", str(backup), "--force")
    in_sync(shop)
    backup.write_text(signed({**json.loads(pulled), "serial": 70}))
    done(shop, "state", "push", str(backup))
    assert json.loads(done(shop, "state", "pull"))["serial"] == 71, "above all that was"


def test_what_is_pushed_must_follow_from_what_is_there(shop, tmp_path):
    done(shop, "apply", "--yes")
    backup = tmp_path / "backup.json"
    backup.write_text(done(shop, "state", "pull"))
    done(shop, "state", "rm", "CachedContent/one")
    assert "E416" in done(shop, "state", "push", str(backup), status=64)
    done(shop, "state", "push", str(backup), "--force")
    backup.write_text(done(shop, "state", "pull"))
    (shop / ".gemctl/local/state.json").unlink()
    done(shop, "apply", "--yes")  # from the marks: another lineage
    out = done(shop, "state", "push", str(backup), status=64)
    assert "E416" in out and "lineage" in out
    done(shop, "state", "push", str(backup), "--force")
    in_sync(shop)
    assert list((shop / ".gemctl/local").glob("state.json.aside*")), "what it replaced is kept"


def test_a_damaged_state_is_replaced_by_a_copy(shop, tmp_path):
    done(shop, "apply", "--yes")
    backup = tmp_path / "backup.json"
    backup.write_text(done(shop, "state", "pull"))
    (shop / ".gemctl/local/state.json").write_text("{")
    assert "E403" in done(shop, "state", "push", str(backup), status=6)
    done(shop, "state", "push", str(backup), "--force")
    in_sync(shop)


@pytest.mark.parametrize(
    ("field", "value", "status", "code"),
    [
        ("project", "another", 6, "E405"),
        ("stack", "prod", 6, "E405"),
        ("endpoint", "elsewhere.test", 6, "E406"),
        ("format", 99, 6, "E404"),
        ("serial", 99, 64, "E417"),  # changed, and not signed
    ],
)
def test_a_state_of_something_else_is_never_pushed(shop, tmp_path, field, value, status, code):
    done(shop, "apply", "--yes")
    document = {**json.loads(done(shop, "state", "pull")), field: value}
    (tmp_path / "other.json").write_text(json.dumps(document) if field == "serial" else signed(document))
    for force in ((), ("--force",)):
        assert code in done(shop, "state", "push", str(tmp_path / "other.json"), *force, status=status)
    in_sync(shop)


def test_locked_elsewhere_and_unlocked(shop):
    kept(shop, places()[0])
    done(shop, "apply", "--yes")
    project = re.search(r"id: (\w+)", (shop / "gemctl.yaml").read_text())[1]
    backend = ObjectBackend("s3://places/states", project, "local", clock=ManualClock(), env=os.environ)
    held = SharedStore(backend).lock("apply", 0)
    held.__enter__()
    out = done(shop, "apply", "--yes", status=3)
    lock_id = re.search(r"gemctl state unlock (\w+)", out)[1]
    assert f"process {os.getpid()} " in out
    assert "E415" in done(shop, "state", "unlock", "0" * 12, status=64)
    assert "`apply`" in json.loads(done(shop, "state", "unlock", lock_id, "--json"))["message"]
    done(shop, "apply", "--yes")
    held.__exit__(None, None, None)
    kept(shop, "local")
    assert "E415" in done(shop, "state", "unlock", lock_id, status=64)


def test_a_run_whose_lock_was_removed_sends_nothing(shop, monkeypatch):
    """Somebody takes it for dead, and another machine begins just when it is about to write down what it intends."""
    kept(shop, places()[0])
    added = ObjectBackend.add

    def overtaken(backend, serial, number, lines, upon):
        if lines:
            monkeypatch.setattr(ObjectBackend, "add", added)
            other = SharedStore(backend)
            loaded = other.load()
            other.begin(loaded.identity, loaded.ledger)
        added(backend, serial, number, lines, upon)

    monkeypatch.setattr(ObjectBackend, "add", overtaken)
    out = done(shop, "apply", "--yes", status=5)
    assert "E521" in out and "another run has begun" in out and "W402" in out
    assert json.loads(done(shop, "get", "--json"))["objects"] == []
    done(shop, "apply", "--yes")
    in_sync(shop)


@pytest.mark.parametrize(("library", "extra", "place"), [("obstore", "objects", 0), ("psycopg", "postgres", 1)])
def test_an_extra_that_isnt_installed_is_named(shop, monkeypatch, library, extra, place):
    kept(shop, places()[place])
    monkeypatch.setitem(sys.modules, library, None)
    out = done(shop, "plan", status=1)
    assert "E413" in out and how_to_install(extra) in " ".join(out.split())


def test_no_password_reaches_a_message_or_a_state(shop, monkeypatch):
    for dsn in ("postgresql://me:hush@127.0.0.1:1/db", "postgresql://me:hush@[/db", "postgresql://x?password=hush&=%"):
        monkeypatch.setenv("THE_DSN", dsn)
        kept(shop, {"postgres": {"env": "THE_DSN"}})
        out = done(shop, "plan", status=1)
        assert "hush" not in out and re.search("E411|E414", out), out
    kept(shop, {"postgres": "postgresql://me:hush@there/db"})
    out = done(shop, "plan", status=1)
    assert "E061" in out and "hush" not in out and "gemctl.yaml:6:" in out, "the line is not shown"
    kept(shop, {"postgres": "host=there password=hush"})
    out = done(shop, "plan", status=1)
    assert "E062" in out and "hush" not in out
