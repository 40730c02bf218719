"""Which steps are not tried because nothing could take the secret that their reply brings; and what a sink gets."""

from __future__ import annotations

import stat
import sys
from importlib import import_module
from types import MappingProxyType

import pytest
from fakes.kinds import KINDS as FAKES

from gemctl.core.address import Address
from gemctl.core.plan import Step
from gemctl.core.project import Endpoint, Project, Stack
from gemctl.core.record import Op
from gemctl.core.secret import Secret
from gemctl.core.source import SourceFile
from gemctl.manifest.bind import bind
from gemctl.manifest.yaml import parse
from gemctl.outputs.secrets import Deliverer

KINDS = {name: import_module(module).KIND for name, module in FAKES.items()}
STACK = Stack("local", Endpoint.EMULATOR)
PROJECT = Project("shop", "abcd1234", "local", {"local": STACK})
HOOK, RUN = Address("FakeWebhook", "w"), Address("FakeRun", "r")
VALUE = Secret("canary")
MANIFEST = """\
apiVersion: gemctl/v1
kind: FakeWebhook
metadata: {name: w}
spec:
  uri: https://x.invalid
  subscribedEvents: [done]
  secret: {SINK}
"""


def deliverer(root, sink, allowed=None):
    """With an environment that allows the command of the sink, or only those that are `allowed`."""
    documents = parse(SourceFile("w.yaml", MANIFEST.replace("SINK", sink)))
    desired = bind(documents, PROJECT, STACK, MappingProxyType(KINDS), lambda *_: ())
    own = desired.resources[HOOK].declared.sink.target
    env = {"GEMCTL_SECRET_COMMANDS": f"another\n {own} \n" if allowed is None else allowed}
    return Deliverer(root, desired, env)


def step(op, *after, address=HOOK, name=None, act=""):
    return Step(name or f"{address}:{act or op.value}", address, op, address.kind, None, None, after, act=act)


MAKE, ROTATE, PING = step(Op.CREATE), step(Op.ACT, act="rotate"), step(Op.ACT, act="ping")
PATCH, DELETE = step(Op.UPDATE), step(Op.DELETE)


@pytest.mark.parametrize("one", [MAKE, ROTATE])
def test_what_brings_a_secret_is_not_tried_where_nothing_takes_it(tmp_path, one):
    (tmp_path / "s").mkdir()
    others = [PING, PATCH, DELETE, step(Op.CREATE, address=RUN)]
    found = deliverer(tmp_path, "file: s").unready([one, *others], KINDS)
    assert set(found) == {one.id}
    why = found[one.id]
    assert (why.code, why.address, why.span.line) == ("E572", HOOK, 7) and "Nothing was sent" in why.hint


def test_what_makes_room_for_it_stays_too(tmp_path):
    """Otherwise the old one would be deleted, and no new one made."""
    (tmp_path / "s").mkdir()
    old, other = step(Op.DELETE, name="old"), step(Op.DELETE, address=RUN, name="other")
    new = step(Op.CREATE, "old", "other", "of another plan")
    assert set(deliverer(tmp_path, "file: s").unready([old, other, new], KINDS)) == {"old", new.id}


def test_all_is_tried_where_the_sink_is_ready_and_nothing_is_left_of_looking(tmp_path):
    assert deliverer(tmp_path, "file: out/s").unready([MAKE, ROTATE], KINDS) == {}
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "out" / "s").write_text("old\n", encoding="utf-8")
    assert deliverer(tmp_path, "file: out/s").unready([MAKE, ROTATE], KINDS) == {}
    assert (tmp_path / "out" / "s").read_text(encoding="utf-8") == "old\n"


def test_a_file_is_its_owners_alone(tmp_path):
    assert deliverer(tmp_path, "file: out/s")(HOOK, VALUE) is None
    path = tmp_path / "out" / "s"
    assert path.read_text(encoding="utf-8") == "canary\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_command_gets_it_on_its_standard_input(tmp_path):
    keep = tmp_path / "kept"
    code = f"import pathlib, sys; pathlib.Path({str(keep)!r}).write_text(sys.stdin.read())"
    found = deliverer(tmp_path, f"command: '''{sys.executable}'' -c \"{code.replace(chr(39), chr(39) * 2)}\"'")
    assert found(HOOK, VALUE) is None and keep.read_text(encoding="utf-8") == "canary"


@pytest.mark.parametrize("allowed", ["", "tee", "tee kept --append", "TEE kept", "tee  kept", "xtee kept"])
def test_a_command_that_is_not_allowed_letter_for_letter_is_not_run(tmp_path, monkeypatch, allowed):
    monkeypatch.chdir(tmp_path)
    found = deliverer(tmp_path, "command: tee kept", allowed)
    assert (found.check(HOOK).code, found(HOOK, VALUE).code) == ("E572", "E572")
    assert set(found.unready([MAKE], KINDS)) == {MAKE.id}
    assert list(tmp_path.iterdir()) == []
    assert deliverer(tmp_path, "command: tee kept", "\ntee kept\n").check(HOOK) is None


def test_what_is_not_delivered_is_said_without_a_word_of_it(tmp_path):
    fails = deliverer(tmp_path, f"command: '''{sys.executable}'' -c \"raise SystemExit(3)\"'")
    why = fails(HOOK, VALUE)
    assert why.code == "E572" and "ended with 3" in why.detail and "a new secret is made" in why.hint
    assert "canary" not in repr(why)


def test_nothing_says_where(tmp_path):
    assert deliverer(tmp_path, "file: s")(RUN, VALUE).code == "E572"
    assert deliverer(tmp_path, "file: s").check(RUN).code == "E572"
