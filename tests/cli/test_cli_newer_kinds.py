"""A state that speaks of a kind which this gemctl doesn't know: it was made by a newer one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from cli_world import cache, here, make_project

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.record import (
    Bound,
    Doubted,
    Generation,
    Handed,
    Intended,
    Intent,
    Minted,
    MintedToken,
    Op,
    Origin,
    Record,
    Retiring,
    fold,
)
from gemctl.state import journal
from gemctl.state.codec import snapshot_from_bytes, snapshot_to_bytes

NEW = Address("Tomorrow", "first")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
TOLD = {
    "a record": Bound(NEW, Record("tomorrows/x", "spec", Origin.CREATED, "marked")),
    "an older generation": Retiring("tomorrows/x", Generation(NEW, "marked")),
    "an open create": Intended(Intent("i", Op.CREATE, NEW, NOW, "marked", "spec")),
    "a create that was given up": Doubted(Intent("i", Op.CREATE, NEW, NOW, "marked", "spec")),
    "a token": Minted(NEW, MintedToken("d", NOW, NOW, NOW, 1)),
    "what was handed over": Handed("tomorrows/x", NEW, "live"),
}
DECIDING = (
    ("plan",),
    ("apply", "--yes"),
    ("destroy", "--yes"),
    ("import", "CachedContent/one", "cachedContents/x"),
    ("cancel", "--yes", "Tomorrow/first"),
    ("state", "rebuild"),
    ("state", "mv", "CachedContent/one", "CachedContent/other"),
    ("state", "push", "../copy.json"),
    ("state", "push", "../copy.json", "--force"),
    ("handover", "CachedContent/one", "--to", "live"),
)


def test_nothing_is_decided_by_it_and_it_stays_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "not-used")
    shop = make_project(tmp_path / "shop")
    assert here(shop, "apply", "--yes").returncode == 0
    state, lines = shop / ".gemctl/local/state.json", shop / ".gemctl/local/journal"
    good = state.read_bytes()
    identity, ledger = snapshot_from_bytes(good, "state")
    (tmp_path / "copy.json").write_bytes(good)
    for where, entry in TOLD.items():
        newer = snapshot_to_bytes(identity, fold(ledger, [entry]))
        state.write_bytes(newer)
        for words in DECIDING if where == "a record" else (("plan",), ("apply", "--yes")):
            done = here(shop, *words)
            said = done.stdout + done.stderr
            assert (done.returncode, "E420" in said, "Tomorrow/first" in said) == (6, True, True), (where, words, said)
            assert "newer gemctl" in said, (where, words)
        for words in (("state", "list"), ("state", "list", "--json"), ("state", "show", "CachedContent/one"), ("get",)):
            assert here(shop, *words).returncode == 0, (where, words)
        pulled = json.loads(here(shop, "state", "pull").stdout)
        assert pulled == json.loads(newer), "nothing of it is lost"
        assert state.read_bytes() == newer, where

    head = journal.head_line(journal.Head(ledger.lineage, ledger.serial))
    state.write_bytes(good)
    lines.write_bytes(head + journal.entry_line(1, TOLD["an open create"]))
    assert here(shop, "apply", "--yes").returncode == 6, "also where only the journal has it"
    lines.write_bytes(b"")

    state.write_bytes(snapshot_to_bytes(identity, fold(ledger, [TOLD["a record"]])))
    assert here(shop, "state", "rm", "Tomorrow/first").returncode == 0
    assert here(shop, "plan", "--detailed-exitcode").returncode == 0, "who lets go of it goes on"


def test_a_saved_plan_of_a_newer_gemctl_is_not_carried_out(tmp_path):
    shop = make_project(tmp_path / "shop")
    assert here(shop, "plan", "--out", "it.plan").returncode == 0
    document = json.loads((shop / "it.plan").read_bytes())
    body = document["plan"].replace('"CachedContent"', '"Tomorrow"')
    (shop / "it.plan").write_text(json.dumps({**document, "plan": body, "checksum": sha256(body.encode())}))
    done = here(shop, "apply", "--yes", "it.plan")
    assert done.returncode == 4 and "Tomorrow" in done.stderr and "E510" in done.stderr, done.stderr
    assert here(shop, "state", "list").stdout.count("cachedContents/") == 0
    assert cache("one") in (shop / "caches.yaml").read_text() + "---\n"
