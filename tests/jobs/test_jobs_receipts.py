"""Receipts: read whenever what was run is, and never a reason to stop."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import START

from gemctl.core.address import Address
from gemctl.core.resource import Attachment, Harvest, Receipt, TokenUsage
from gemctl.outputs.receipts import Damaged, ReceiptFile, from_bytes, to_bytes

AT = Address("BatchJob", "nightly")
HARVEST = Harvest("sha256:" + "0" * 64, START, 2, 1)
PAPER = ReceiptFile(Receipt("a" * 13, 1, "batches/x", HARVEST, ("k1",)), "b" * 10, "a" * 13)
WRITTEN = json.loads(to_bytes(PAPER, AT))["harvest"]
COUNTED = {"requests": 1, "prompt": 2, "cached": 0, "output": 3, "thoughts": 0, "uncounted": 0}
FILE = "out/nightly.jsonl.run.json"


@given(
    st.integers(1, 10**6),
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5),
    st.one_of(st.none(), st.builds(Attachment, st.just("sha256:" + "f" * 64), st.integers(0), st.just("out/x"))),
    *[st.one_of(st.none(), st.builds(TokenUsage, *[st.integers(0)] * 6))] * 2,
)
def test_what_is_written_is_read(attempt, without, rest, usage, long):
    rest = replace(rest, binary=True) if rest else None
    harvest = replace(HARVEST, usage=usage, long=long)
    receipt = replace(PAPER.receipt, attempt=attempt, without=tuple(without), rest=rest, harvest=harvest)
    paper = replace(PAPER, receipt=receipt)
    assert from_bytes(to_bytes(paper, AT)) == paper


@given(st.binary(max_size=60))
def test_what_was_not_written_is_damaged(data):
    with pytest.raises(Damaged):
        from_bytes(data)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"gemctlReceipt": 2}, 2),
        ({"spec": "A"}, 6),
        ({"attempt": 0}, 7),
        ({"attempt": True}, 7),
        ({"job": ""}, 8),
        ({"harvest": []}, 9),
        ({"harvest": {"digest": "sha256:x"}}, 10),
        ({"harvest": {**WRITTEN, "usage": 1}}, 15),
        ({"harvest": {**WRITTEN, "usage": {**COUNTED, "requests": -1}}}, 16),
        ({"harvest": {**WRITTEN, "usage": {}}}, None),
        ({"harvest": {**WRITTEN, "usage": COUNTED, "long": []}}, 23),
        ({"without": [1]}, None),
        ({"rest": {"path": "x"}}, None),
        ({"stack": 7}, 4),
        ({"declaration": None}, 5),
    ],
)
def test_it_says_in_which_line(change, line):
    document = {**json.loads(to_bytes(PAPER, AT)), **change}
    with pytest.raises(Damaged) as caught:
        from_bytes(json.dumps(document, indent=1).encode())
    if line:
        assert caught.value.line == line


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"gemctlReceipt": 1}', b"9" * 5000])
def test_a_damaged_one_is_none_and_no_reason_to_stop(shop, data):
    shop.job("a")
    shop.write(FILE, "")
    (shop.folder / FILE).write_bytes(data)
    said = shop.gemctl("validate")
    assert f"{FILE}:1:1: warning[W205]" in said.err
    assert "BatchJob/nightly" in said.err
    document = shop.gemctl("validate", "--json").document
    assert document["valid"] is True
    (found,) = [each for each in document["diagnostics"] if each["code"] != "W220"]  # the other stack writes it too
    assert (found["severity"], found["file"], found["line"]) == ("warning", FILE, 1)
    assert shop.plan() == ["create BatchJob/nightly · declared"]


@pytest.mark.parametrize("what", ["folder", "pipe", "keys"])
def test_what_is_no_receipt_at_all(shop, what):
    import os

    shop.job("a")
    path = shop.write(FILE, "")
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        shop.apply("--wait")
        path.write_text(json.dumps({**shop.receipt(), "without": ["unheard-of"]}))
    assert "W205" in shop.gemctl("validate").err
    assert "W205" in shop.gemctl("plan").err


def test_a_receipt_of_another_declaration_says_nothing(shop):
    shop.job("a")
    shop.apply("--wait")
    shop.job("b")
    shop.lose_state()
    shop.forget_jobs()
    assert shop.plan() == ["create BatchJob/nightly · declared"]
    assert "W205" not in shop.gemctl("validate").err


def test_without_results_there_is_no_receipt_to_look_for(shop):
    shop.job("a")
    document = json.loads((shop.folder / "nightly.yaml").read_text())
    del document["run"]["results"]
    shop.write("nightly.yaml", json.dumps(document))
    shop.write("None.run.json", "nonsense")
    assert shop.gemctl("validate").err == ""
    shop.apply("--wait")
    assert shop.is_quiet()


def test_a_saved_plan_is_bound_to_the_receipts(shop):
    """One that came meanwhile, with a pull perhaps, says that it was run already."""
    shop.job("a")
    shop.apply("--wait")
    receipt = (shop.folder / FILE).read_bytes()
    (shop.folder / FILE).unlink()
    shop.lose_state()
    shop.forget_jobs()
    plan = str(shop.folder / "one.plan")
    shop.gemctl("plan", "--out", plan)
    (shop.folder / FILE).write_bytes(receipt)
    assert "E510" in shop.gemctl("apply", "--yes", plan, status=4).err
    assert shop.live() == []
