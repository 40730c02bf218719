"""Results of jobs in parts: merged in their order, as lines or as a table, whatever dies in between."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from decimal import Decimal
from types import MappingProxyType

import pyarrow.parquet
import pytest
from test_jobs_harvest import NAME, TAG, Died, Service, answer, error
from values import START

from gemctl.core.address import Address
from gemctl.core.cost import ActualCost
from gemctl.core.mark import attempt_tag
from gemctl.core.money import Money
from gemctl.core.record import Origin, Record
from gemctl.core.resource import Desired, Part
from gemctl.engine.machine import Collect
from gemctl.files import whole
from gemctl.files.disk import Files
from gemctl.kinds import CATALOGUE
from gemctl.manifest.root import load_project
from gemctl.outputs import receipts, results_parquet
from gemctl.outputs.results import SaveResults
from gemctl.workflows.declared import declared

KIND = CATALOGUE["BatchJob"]
WHOLE = Address("BatchJob", "nightly")


def blocked(key, reason="SAFETY"):
    return {
        "key": key,
        "response": {"candidates": [{"finishReason": reason}], "usageMetadata": {"promptTokenCount": 5}},
    }


def part_address(number):
    return Address("BatchJob", f"nightly.{number:04}")


class Cut:
    """A job in parts of two requests each; the binding is made by hand."""

    def __init__(self, shop, count=3, results="out/nightly.jsonl", spec=None):
        self.shop, self.folder, self.count, self.whole = shop, shop.folder, count, results
        (self.folder / ".gemctl/local").mkdir(parents=True, exist_ok=True)
        self.saved, self.problems = [], ()
        for number in range(1, count + 1):
            self.declare(number, spec=spec)

    def declare(self, number, text="?", spec=None):
        lines = [
            {"key": f"k{number}{letter}", "request": {"contents": [{"parts": [{"text": text}]}]}} for letter in "ab"
        ]
        if spec:
            lines = [{"key": one["key"], "request": {"content": {"parts": [{"text": text}]}}} for one in lines]
        self.shop.write(f"rows{number}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        source = {"input": {"jsonl": f"rows{number}.jsonl"}, **(spec or {})}
        self.shop.declare(f"nightly.{number:04}", source, results=self.part(number))

    def part(self, number):
        return f"{self.whole}.parts/{number:04}.jsonl"

    @property
    def desired(self) -> Desired:
        loaded = load_project(str(self.folder))
        found = declared(loaded, loaded.project.stacks["local"], CATALOGUE)
        resources = dict(found.resources)
        for number in range(1, self.count + 1):
            one = resources[part_address(number)]
            run = replace(one.run, part=Part(WHOLE, number, self.count, self.whole))
            resources[one.address] = replace(one, run=run)
        return replace(found, resources=MappingProxyType(resources))

    def save(self, number, *lines, as_is=False, attempt=1, price=lambda *_: None, at=START):
        desired = self.desired
        job = desired.resources[part_address(number)]
        tag = attempt_tag(job.spec_tag, attempt)
        record = Record(NAME, tag, Origin.CREATED, "", job.declared.fields, attempt=attempt, run=job.run)
        save = SaveResults(
            self.folder, desired, TAG, self.folder / ".gemctl/local", lambda: at, price=price, as_is=as_is
        )
        harvest = save(
            Service(lines=list(lines), counts=None), KIND, Collect("s", "BatchJob", NAME, job.address, record)
        )
        self.saved, self.problems = save.saved, save.problems
        return harvest

    def all(self):
        for number in range(1, self.count + 1):
            self.save(number, answer(f"k{number}b"), answer(f"k{number}a"))

    def keys(self):
        return [json.loads(line)["key"] for line in (self.folder / self.whole).read_text("utf-8").splitlines()]

    def read(self):
        return receipts.read_whole_file(Files(self.folder, private=False), self.folder / self.whole)

    def bytes(self):
        return {str(path): path.read_bytes() for path in sorted((self.folder / "out").rglob("*")) if path.is_file()}


@pytest.fixture
def cut(shop):
    return Cut(shop)


def test_the_last_part_puts_all_together_in_their_order(cut):
    for number in (3, 1):
        cut.save(number, answer(f"k{number}b"), error(f"k{number}a"))
        assert not (cut.folder / cut.whole).exists()
        assert [one.address for one in cut.saved] == [part_address(number)]
    harvest = cut.save(2, answer("k2a"), blocked("k2b"))
    assert cut.keys() == ["k1a", "k1b", "k2a", "k2b", "k3a", "k3b"]
    assert (harvest.succeeded, harvest.blocked, harvest.failed) == (1, 1, 0)
    part, merged = cut.saved
    assert (part.address, merged.address, merged.job, merged.path) == (part_address(2), WHOLE, "", cut.whole)
    assert (merged.harvest.succeeded, merged.harvest.blocked, merged.harvest.failed) == (3, 1, 2)
    assert merged.harvest.usage.requests == 1 and merged.harvest.usage.uncounted == 3
    parts = b"".join((cut.folder / cut.part(number)).read_bytes() for number in (1, 2, 3))
    assert (cut.folder / cut.whole).read_bytes() == parts


def test_what_lies_beside_it(cut):
    cut.all()
    document = json.loads((cut.folder / f"{cut.whole}.run.json").read_text())
    assert list(document) == ["gemctlResults", "address", "stack", "parts", "whole", "jobs", "declarations", "harvest"]
    assert (document["gemctlResults"], document["address"], document["parts"]) == (1, "BatchJob/nightly", 3)
    assert document["jobs"] == [NAME] * 3
    tags = [cut.desired.resources[part_address(number)].spec_tag for number in (1, 2, 3)]
    assert document["declarations"] == tags
    assert document["harvest"]["digest"] == cut.saved[-1].harvest.digest
    read = cut.read()
    assert (read.harvest, read.address, read.stack) == (cut.saved[-1].harvest, WHOLE, TAG)


def test_what_the_parts_have_cost_together(cut):
    asked = []

    def price(address, record, harvest):
        asked.append((address.name, record is None))
        return ActualCost(Money.exactly(Decimal("0.5")), ("tools",), START.date())

    for number in (1, 2, 3):
        cut.save(number, answer(f"k{number}a"), answer(f"k{number}b"), price=price)
    assert cut.saved[-1].cost == ActualCost(Money.exactly(Decimal("1.5")), ("tools",), START.date())
    assert asked[-3:] == [(f"nightly.{number:04}", True) for number in (1, 2, 3)]


def test_a_second_time_gives_the_same_bytes(cut):
    cut.all()
    before = cut.bytes()
    cut.save(2, answer("k2a"), answer("k2b"), at=START.replace(year=2027))
    assert cut.bytes() == before


@pytest.mark.parametrize("at", range(1, 12))
def test_a_death_in_between(cut, monkeypatch, at):
    """Whatever was written: the next time ends as if nothing had been."""
    for number in (1, 3):
        cut.save(number, answer(f"k{number}a"), answer(f"k{number}b"))
    put, calls = whole.Fresh.put, []

    def dying(self, **more):
        calls.append(self)
        if len(calls) == (at + 1) // 2:
            if at % 2:
                raise Died
            put(self, **more)
            raise Died
        return put(self, **more)

    with monkeypatch.context() as patch:
        patch.setattr(whole.Fresh, "put", dying)
        with contextlib.suppress(Died):
            cut.save(2, answer("k2a"), answer("k2b"))
    cut.save(2, answer("k2a"), answer("k2b"))
    assert cut.keys() == ["k1a", "k1b", "k2a", "k2b", "k3a", "k3b"]
    assert cut.read().harvest.digest == cut.saved[-1].harvest.digest


def test_a_further_attempt_merges_again(cut):
    cut.save(1, answer("k1a"), answer("k1b"))
    cut.save(2, answer("k2a"), error("k2b"))
    cut.save(3, answer("k3a"), answer("k3b"))
    assert cut.saved[-1].harvest.failed == 1
    cut.save(2, answer("k2b", "late"), attempt=2)
    assert cut.saved[-1].harvest.failed == 0
    assert "late" in (cut.folder / cut.whole).read_text()
    assert not [name for name in cut.bytes() if "aside" in name]


def test_as_it_is_where_parts_lack(cut):
    cut.save(1, answer("k1b"), answer("k1a"))
    cut.save(3, answer("k3a"), answer("k3b"), as_is=True)
    assert cut.keys() == ["k1a", "k1b", "k2a", "k2b", "k3a", "k3b"]
    lines = (cut.folder / cut.whole).read_text().splitlines()
    assert json.loads(lines[2]) == {"key": "k2a", "error": {"message": "no result"}}
    assert cut.saved[-1].harvest.failed == 2
    assert cut.read().jobs == (NAME, None, NAME)
    cut.save(2, answer("k2a"), answer("k2b"))
    assert cut.saved[-1].harvest.failed == 0


def test_a_foreign_file_is_put_aside(cut):
    cut.shop.write(cut.whole, "my own notes\n")
    cut.all()
    assert (cut.folder / f"{cut.whole}.aside").read_text() == "my own notes\n"
    assert len(cut.keys()) == 6


def test_the_whole_of_other_declarations_is_put_aside(cut):
    cut.all()
    before, tag = (cut.folder / cut.whole).read_bytes(), cut.read().declaration
    cut.declare(2, "another question")
    cut.save(2, answer("k2a", "new"), answer("k2b", "new"))
    kept = f"out/nightly.{tag[:7]}.jsonl"
    assert (cut.folder / kept).read_bytes() == before
    assert json.loads((cut.folder / f"{kept}.run.json").read_text())["gemctlResults"] == 1
    assert "new" in (cut.folder / cut.whole).read_text()


def test_a_job_that_was_cut_before_and_is_not_any_more(cut, shop):
    """What lies there is no receipt of it, and no damaged one."""
    cut.all()
    shop.declare("nightly", {"input": {"jsonl": "rows2.jsonl"}}, results=cut.whole)
    found = cut.desired
    assert found.resources[WHOLE].receipt is None
    assert not [one for one in found.warnings if one.code == "W205"]


@pytest.mark.parametrize("edit", [lambda path: path.write_text("{}\n"), lambda path: path.unlink()])
def test_a_part_that_is_not_what_was_saved(cut, edit):
    for number in (1, 2):
        cut.save(number, answer(f"k{number}a"), answer(f"k{number}b"))
    edit(cut.folder / cut.part(1))
    assert cut.save(3, answer("k3a"), answer("k3b")).succeeded == 2
    (told,) = cut.problems
    assert (told.code, told.address) == ("E537", WHOLE) and "0001.jsonl" in told.detail
    assert not (cut.folder / cut.whole).exists()
    assert (cut.folder / cut.part(3)).exists()


def test_parts_of_which_not_all_are_declared_are_not_merged(cut):
    cut.all()
    (cut.folder / cut.whole).unlink()
    desired = cut.desired
    fewer = {at: one for at, one in desired.resources.items() if at != part_address(2)}
    save = SaveResults(
        cut.folder, replace(desired, resources=fewer), TAG, cut.folder / ".gemctl/local", lambda: START, as_is=True
    )
    assert not save.together(KIND, WHOLE)
    assert SaveResults(cut.folder, desired, TAG, cut.folder / ".gemctl/local", lambda: START).together(KIND, WHOLE)
    assert len(cut.keys()) == 6


# Tables


def rows(cut):
    return pyarrow.parquet.read_table(cut.folder / cut.whole).to_pylist()


def test_a_table(shop):
    cut = Cut(shop, 2, "out/nightly.parquet")
    half = {"candidates": [{"content": {"parts": [{"text": "half \ud800"}]}, "finishReason": "MAX_TOKENS"}]}
    counts = {"promptTokenCount": 10, "cachedContentTokenCount": 4, "candidatesTokenCount": 3, "thoughtsTokenCount": 2}
    thought = {"parts": [{"text": "hm", "thought": True}, {"text": "y"}, {"text": "es"}]}
    told = {"candidates": [{"content": thought, "finishReason": "STOP"}], "usageMetadata": counts}
    cut.save(1, {"key": "k1a", "response": told}, {"key": "k1b", "response": half})
    cut.save(2, error("k2a", 8), b"no JSON\n", as_is=True)
    nothing = dict.fromkeys(["text", "finish_reason", "response", "error"])
    uncounted = dict.fromkeys(["prompt_tokens", "cached_tokens", "output_tokens", "thoughts_tokens"])
    first, second, third, fourth, fifth = rows(cut)
    assert json.loads(first.pop("response")) == told
    assert list(first.values()) == ["k1a", "answered", "yes", "STOP", None, 10, 4, 3, 2]
    assert (second["status"], second["text"], second["finish_reason"]) == ("blocked", "half \\ud800", "MAX_TOKENS")
    assert third == {**nothing, **uncounted, "key": "k2a", "status": "failed", "error": '{"code":8}'}
    assert (fourth["key"], json.loads(fourth["error"])) == ("k2b", {"message": "no result"})
    assert (fifth["key"], json.loads(fifth["error"])["line"]) == (None, "no JSON")
    assert cut.saved[-1].path == cut.whole
    before = cut.bytes()
    cut.save(2, error("k2a", 8), b"no JSON\n", as_is=True)
    assert cut.bytes() == before


def test_a_table_of_vectors(shop):
    cut = Cut(shop, 1, "out/nightly.parquet", {"method": "embedContent", "model": "gemini-embedding-2"})
    vector = {"tokenCount": "3", "embedding": {"values": [0.5, -1, 0.25]}}
    cut.save(1, {"key": "k1a", "response": vector}, error("k1b"))
    first, second = rows(cut)
    assert (first["status"], first["embedding"], first["prompt_tokens"]) == ("answered", [0.5, -1.0, 0.25], 3)
    assert (second["status"], second["embedding"]) == ("failed", None)


@pytest.mark.parametrize(
    ("values", "shown"),
    [([], []), ([16777217, 1], [16777216.0, 1.0]), ([1e300], [float("inf")]), ([10**400], None), (["1"], None)],
)
def test_vectors_that_are_odd(shop, values, shown):
    """What the numbers of 32 bits can't hold exactly stands in `response` all the same."""
    cut = Cut(shop, 1, "out/nightly.parquet", {"method": "embedContent", "model": "gemini-embedding-2"})
    vector = {"embedding": {"values": values}}
    cut.save(1, {"key": "k1a", "response": vector}, {"key": "k1b", "response": {"embedding": {"values": [0.5]}}})
    first, second = rows(cut)
    assert (first["embedding"], json.loads(first["response"])) == (shown, vector)
    assert second["embedding"] == [0.5]


def test_rows_come_in_groups(shop, monkeypatch):
    monkeypatch.setattr(results_parquet, "ROWS", 2)
    cut = Cut(shop, 3, "out/nightly.parquet")
    cut.all()
    file = pyarrow.parquet.ParquetFile(cut.folder / cut.whole)
    assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == [2, 2, 2]
    assert [one["key"] for one in rows(cut)] == ["k1a", "k1b", "k2a", "k2b", "k3a", "k3b"]


def test_a_table_without_its_library_is_refused_before_anything_is_run(shop, monkeypatch):
    monkeypatch.setattr(results_parquet.importlib.util, "find_spec", lambda _: None)
    shop.job("a", results="out/nightly.parquet")
    for command in ("validate", "plan"):
        said = shop.gemctl(command, status=1)
        assert "E254" in said.err and "gemctl[parquet]" in said.err and "nightly.yaml:1:" in said.err
    shop.job("a")
    shop.gemctl("validate")
