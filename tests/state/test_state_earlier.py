"""A state and journal entries as an earlier gemctl wrote them: they are read as they were meant, and written as they
were, but for the lines of a state.
"""

from __future__ import annotations

import json
from pathlib import Path

from gemctl.core.record import Ledger, Op, fold
from gemctl.state.codec import entry_from_json, entry_to_json, snapshot_from_bytes, snapshot_to_bytes

EARLIER = Path(__file__).parent / "earlier"


def test_a_state_of_before_is_written_as_it_was():
    data = (EARLIER / "state.json").read_bytes()
    identity, ledger = snapshot_from_bytes(data, "state.json")
    kinds = sorted({address.kind for address in ledger.records})
    assert kinds == ["BatchJob", "CachedContent", "File", "TokenPolicy"]
    assert {record.name for record in ledger.records.values()} >= {"TokenPolicy/demo"}
    assert all(record.spec_tag and record.shown is None for record in ledger.records.values())
    written = snapshot_to_bytes(identity, ledger)
    assert json.dumps(json.loads(written)) == json.dumps(json.loads(data)), "in this order, by the same checksum"
    assert snapshot_from_bytes(written, "state.json") == (identity, ledger)


def test_a_state_has_a_line_for_each_entry():
    data = (EARLIER / "state.json").read_bytes()
    lines = snapshot_to_bytes(*snapshot_from_bytes(data, "state.json")).splitlines()
    assert [json.loads(line.rstrip(b",")) for line in lines if line.startswith(b'{"')] == (json.loads(data)["records"])
    assert [line.partition(b":")[0] for line in lines if line.startswith(b'"')] == [
        b'"format"', b'"lineage"', b'"serial"', b'"project"', b'"stack"', b'"endpoint"', b'"key_salt"',
        b'"key_print"', b'"records"', b'"checksum"',
    ]  # fmt: skip


def test_entries_of_before_are_written_as_they_were():
    lines = [json.loads(line) for line in (EARLIER / "entries.jsonl").read_text(encoding="utf-8").splitlines()]
    entries = [entry_from_json(line) for line in lines]
    assert {line["op"] for line in lines} >= {"intended", "bound", "retiring", "gone", "closed", "doubted", "minted"}
    assert [json.loads(json.dumps(entry_to_json(entry))) for entry in entries] == lines
    ledger = fold(Ledger("lineage"), entries[:9])
    (bound,) = (record for address, record in ledger.records.items() if address.kind == "CachedContent")
    assert (bound.spec_tag, bound.address_tag, bound.outputs) == ("s" * 13, "a" * 13, {"name": "cachedContents/a"})
    assert ledger.retiring["batches/old"].record == ledger.records[entries[4].address]
    assert [intent.op for intent in ledger.intents.values()] == [Op.MINT]
