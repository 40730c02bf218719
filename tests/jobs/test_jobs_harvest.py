"""One harvest at a time, of whatever the service may answer, and deaths between what is written."""

from __future__ import annotations

import json
import os
import stat
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from values import START

from gemctl.api import client
from gemctl.core.address import Address
from gemctl.core.errors import GemctlError, Refused, Temporary
from gemctl.core.mark import attempt_tag, owner_tag
from gemctl.core.record import Origin, Record
from gemctl.emulator import app as emulator
from gemctl.engine.machine import Collect
from gemctl.files import whole
from gemctl.kinds import CATALOGUE
from gemctl.manifest.root import load_project
from gemctl.outputs import results_place
from gemctl.outputs.results import SaveResults
from gemctl.workflows.declared import declared

KIND = CATALOGUE["BatchJob"]
NAME = "batches/abc"
TAG = owner_tag("abcd1234", "local")
RESULTS = "out/nightly.jsonl"
STATS = ("requestCount", "successfulRequestCount", "failedRequestCount")


class Died(BaseException):
    """The process is gone."""


def answer(key, text="yes"):
    return {"key": key, "response": said(text)}


def said(text):
    return {"candidates": [{"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}]}


def error(key, code=14):
    return {"key": key, "error": {"code": code}}


def honest(results):
    """(responses, errors) of different requests among these."""
    read = [one for one in results if isinstance(one, dict) and ("key" in one or "response" in one)]
    answered = [one.get("key", number) for number, one in enumerate(read) if "response" in one]
    return len(set(answered)), len({one["key"] for one in read if "response" not in one} - set(answered))


class Service:
    """Gives a job's results: inline, or in a file in pieces of an odd size.

    counts   (responses, errors) that it claims to have; None for none, and those of what it gives by default.
    """

    def __init__(self, *, inline=None, lines=None, reply=None, counts=honest):
        self.inline, self.lines, self.reply, self.counts = inline, lines, reply, counts

    def fetch(self, call):
        assert call.path == NAME
        if isinstance(self.reply, Exception):
            raise self.reply
        output = {}
        given = self.inline or (self.lines if isinstance(self.lines, list) else [])
        counts = self.counts(given) if callable(self.counts) else self.counts
        stats = {"batchStats": dict(zip(STATS, map(str, (sum(counts), *counts)), strict=True))} if counts else {}
        if self.inline is not None:
            items = [{"metadata": {"key": one["key"]}, **one} if "key" in one else one for one in self.inline]
            output = {"inlinedResponses": {"inlinedResponses": items}}
        elif self.lines is not None:
            output = {"responsesFile": "files/batch-abc"}
        return SimpleNamespace(body={"name": NAME, "metadata": {"output": output, **stats}})

    def download(self, name):
        assert name == "files/batch-abc"
        if isinstance(self.lines, Exception):
            raise self.lines
        data = b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in self.lines)
        for start in range(0, len(data), 37):
            yield data[start : start + 37]


class Stall:
    """A project, and the harvesting of its job."""

    def __init__(self, shop):
        self.shop, self.folder = shop, shop.folder
        (self.folder / ".gemctl/local").mkdir(parents=True, exist_ok=True)

    @property
    def desired(self):
        loaded = load_project(str(self.folder))
        return declared(loaded, loaded.project.stacks["local"], CATALOGUE)

    def record(self, attempt=1, **more):
        resource = self.desired.resources[Address("BatchJob", "nightly")]
        spec = attempt_tag(resource.spec_tag, attempt)
        return Record(
            NAME, spec, Origin.CREATED, "", resource.declared.fields, attempt=attempt, run=resource.run, **more
        )

    def collect(self, service, record=None, at=START, as_is=False):
        save = SaveResults(self.folder, self.desired, TAG, self.folder / ".gemctl/local", lambda: at, as_is=as_is)
        command = Collect("step", "BatchJob", NAME, Address("BatchJob", "nightly"), record or self.record())
        found = save(service, KIND, command)
        self.saved = save.saved[0]
        return found

    def bytes(self):
        """Everything below `out`."""
        return {path.name: path.read_bytes() for path in (self.folder / "out").iterdir()}

    def lines(self, file=RESULTS):
        with (self.folder / file).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]


@pytest.fixture
def stall(shop):
    shop.job("a", "b", "c")
    return Stall(shop)


@pytest.fixture
def filed(shop):
    """A job whose requests stand in a file."""
    requests = [{"key": f"k{n}", "request": {"contents": [{"parts": [{"text": str(n)}]}]}} for n in range(4)]
    shop.write("requests.jsonl", "".join(json.dumps(one) + "\n" for one in requests).rstrip("\n"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}})
    return Stall(shop)


# What is saved


def test_inline_results_in_the_order_of_the_keys(stall):
    found = stall.collect(Service(inline=[answer("k2"), error("k0"), answer("k1")]))
    assert stall.lines() == [error("k0"), answer("k1"), answer("k2")]
    assert (found.succeeded, found.failed) == (2, 1)
    assert stall.shop.receipt()["without"] == ["k0"]
    assert stall.saved.path == RESULTS


def test_results_in_a_file_in_the_order_of_the_file_of_requests(filed):
    filed.collect(Service(lines=[answer("k3"), answer("k1", "ü\u2028"), error("k2"), answer("k0")]))
    assert [one["key"] for one in filed.lines()] == ["k0", "k1", "k2", "k3"]
    assert filed.lines()[1] == answer("k1", "ü\u2028")
    rest = filed.lines("out/nightly.jsonl.without.jsonl")
    assert [one["key"] for one in rest] == ["k2"]
    assert filed.shop.receipt()["rest"]["path"] == "out/nightly.jsonl.without.jsonl"


def test_another_file_of_requests_than_was_sent_says_nothing_of_the_order(filed, monkeypatch):
    desired = filed.desired
    text = (filed.folder / "requests.jsonl").read_text()
    (filed.folder / "requests.jsonl").write_text(text.replace('"3"', '"4"'))
    monkeypatch.setattr(Stall, "desired", desired)
    filed.collect(Service(lines=[answer("k3"), error("k1"), answer("k0")]))
    assert [one["key"] for one in filed.lines()] == ["k3", "k1", "k0"]
    assert "rest" not in filed.shop.receipt()


def test_a_key_without_any_result_has_failed(stall):
    found = stall.collect(Service(inline=[answer("k1")]))
    nothing = {"message": "no result"}
    assert stall.lines() == [{"key": "k0", "error": nothing}, answer("k1"), {"key": "k2", "error": nothing}]
    assert (found.succeeded, found.failed) == (1, 2)
    assert stall.shop.receipt()["without"] == ["k0", "k2"]


def test_without_keys_the_order_tells(stall):
    stall.collect(Service(inline=[{"response": {"n": n}} for n in range(3)]))
    assert stall.lines() == [{"key": f"k{n}", "response": {"n": n}} for n in range(3)]


def test_what_can_not_be_told_apart_is_kept_at_the_end(stall):
    """It was paid for. Keys that nobody asked for, results without one, lines that are none, a key twice."""
    given = [
        answer("else"),
        {"response": said("1")},
        b"not JSON\n",
        b"\n",
        b"[1]\n",
        answer("k0"),
        error("k0"),
        error("k1"),
        answer("k1", "late"),
        b'{"key":"k2","response":7}',
    ]
    found = stall.collect(Service(lines=given, counts=(2, 0)))
    saved = stall.lines()
    assert saved[:3] == [answer("k0"), answer("k1", "late"), {"key": "k2", "error": {"message": "no result"}}]
    assert saved[3:5] == [answer("else"), {"response": said("1")}]
    assert [one["line"] for one in saved[5:]] == ["not JSON", "[1]", '{"key": "k2", "response": 7}']
    assert (found.succeeded, found.failed) == (4, 4)


def test_half_a_character_is_kept_as_an_escape(stall):
    broken = {"key": "k0", "response": {"text": "\ud800"}}
    for service in (Service(inline=[broken]), Service(lines=[broken])):
        stall.collect(service)
        assert stall.lines()[0] == broken
        (stall.folder / RESULTS).read_text(encoding="utf-8")


def test_what_json_does_not_know_is_kept_as_text(stall):
    given = ['{"key":"k0","response":{"n":NaN}}', '{"key":"k1","response":{"n":1e999}}']
    given.append('{"key":"k2","response":{"n":%s.0}}' % ("9" * 400))
    stall.collect(Service(lines=[f"{line}\n".encode() for line in given]), as_is=True)
    assert [one.get("line") for one in stall.lines()[3:]] == given


def test_memory_stays_small_where_results_are_large(filed):
    text = "x" * 100_000
    requests = [json.dumps({"key": f"x{n}", "request": {"contents": [{"parts": [{"text": "?"}]}]}}) for n in range(200)]
    filed.shop.write("requests.jsonl", "\n".join(requests))
    service = Service(counts=(200, 0))
    service.lines = []
    service.download = lambda _: (json.dumps(answer(f"x{n}", text)).encode() + b"\n" for n in range(200))
    tracemalloc.start()
    found = filed.collect(service)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.succeeded == 200
    assert (filed.folder / RESULTS).stat().st_size > 20_000_000
    assert peak < 6_000_000


# Again, and further attempts


def test_a_second_time_gives_the_same_bytes(filed):
    service = Service(lines=[answer("k3"), error("k1"), answer("k0")])
    first = filed.collect(service)
    before = filed.bytes()
    assert filed.collect(service, at=START.replace(year=2027)) == first
    assert filed.bytes() == before


def test_a_further_attempt_adds_to_what_is_there(stall):
    stall.collect(Service(inline=[answer("k0"), error("k1"), error("k2")]))
    found = stall.collect(Service(inline=[error("k2", 3), answer("k1")]), stall.record(2))
    assert stall.lines() == [answer("k0"), answer("k1"), error("k2", 3)]
    assert (found.succeeded, found.failed) == (2, 1)
    assert (stall.shop.receipt()["attempt"], stall.shop.receipt()["without"]) == (2, ["k2"])


def test_an_earlier_attempt_that_comes_late_takes_nothing_away(stall):
    stall.collect(Service(inline=[answer("k0"), error("k1"), answer("k2", "second")]), stall.record(2))
    stall.collect(Service(inline=[error("k0"), answer("k1"), error("k2")]))
    assert stall.lines() == [answer("k0"), answer("k1"), answer("k2", "second")]
    assert stall.shop.receipt()["attempt"] == 2


def test_a_further_attempt_without_keys_is_of_what_had_no_result(stall):
    stall.collect(Service(inline=[answer("k0"), error("k1"), error("k2")]))
    stall.collect(Service(inline=[{"response": {"n": 1}}, {"response": {"n": 2}}]), stall.record(2))
    assert stall.lines()[1:] == [{"key": "k1", "response": {"n": 1}}, {"key": "k2", "response": {"n": 2}}]


def test_the_requests_without_a_response_are_those_of_the_file_that_was_declared(filed):
    """Also when the further attempt was made of another file."""
    filed.collect(Service(lines=[answer("k3"), error("k1"), error("k2"), answer("k0")]))
    filed.collect(Service(lines=[answer("k2"), error("k1")]), filed.record(2))
    assert [one["key"] for one in filed.lines("out/nightly.jsonl.without.jsonl")] == ["k1"]
    kept = filed.shop.receipt()["rest"]
    filed.collect(Service(lines=[answer("k1")]), filed.record(3))
    assert not (filed.folder / "out/nightly.jsonl.without.jsonl").exists()
    assert (filed.shop.receipt()["without"], filed.shop.receipt()["rest"]) == ([], kept)
    before = filed.bytes()
    filed.collect(Service(lines=[answer("k1")]), filed.record(3))
    assert filed.bytes() == before


def test_somebody_cut_the_results_short(stall):
    stall.collect(Service(inline=[answer("k0"), error("k1"), error("k2")]))
    path = stall.folder / RESULTS
    path.write_bytes(b'nonsense\n[]\n{"key":"k9"}\n' + path.read_bytes()[:-5])
    stall.collect(Service(inline=[answer("k1")]), stall.record(2))
    assert stall.lines() == [answer("k0"), answer("k1"), {"key": "k2", "error": {"message": "no result"}}]


# Other declarations, and other people's files


def test_what_is_not_declared_any_more_goes_beside_it(stall):
    old = stall.record()
    stall.shop.job("other")
    stall.collect(Service(inline=[answer("k0"), answer("k1")]), old)
    assert stall.saved.path == f"out/nightly.{old.spec_tag[:7]}.jsonl"
    stall.collect(Service(inline=[answer("k0", "new")]))
    assert stall.lines() == [answer("k0", "new")]
    assert len(stall.lines(f"out/nightly.{old.spec_tag[:7]}.jsonl")) == 2
    assert set(stall.bytes()) == {
        f"nightly{part}.jsonl{end}" for part in ("", f".{old.spec_tag[:7]}") for end in ("", ".run.json")
    }


def test_results_of_an_earlier_declaration_are_put_beside_and_added_to(stall):
    first, second = stall.record(), stall.record(2)
    stall.collect(Service(inline=[answer("k0"), error("k1"), error("k2")]), first)
    stall.shop.job("other")
    stall.collect(Service(inline=[answer("k0", "new")]))
    aside = f"out/nightly.{first.spec_tag[:7]}.jsonl"
    assert stall.lines(aside) == [answer("k0"), error("k1"), error("k2")]
    stall.collect(Service(inline=[answer("k1")]), second)
    assert stall.saved.path == aside
    assert {one["key"]: "response" in one for one in stall.lines(aside)} == {"k0": True, "k1": True, "k2": False}
    assert stall.lines() == [answer("k0", "new")]


def test_one_declaration_after_the_other_and_back_again(stall):
    for round_ in range(3):
        for text in ("one", "two"):
            stall.shop.job(text)
            stall.collect(Service(inline=[answer("k0", f"{text} {round_}")]))
    kept = [json.loads(data) for name, data in stall.bytes().items() if name.endswith(".jsonl")]
    assert sorted(one["response"]["candidates"][0]["content"]["parts"][0]["text"] for one in kept) == sorted(
        f"{text} {round_}" for text in ("one", "two") for round_ in range(3)
    )


def test_declared_again_and_run_further(stall):
    """A further attempt adds to what was saved of the same declaration, though something else came in between."""
    stall.collect(Service(inline=[answer("k0"), error("k1"), answer("k2")]))
    stall.shop.job("other")
    stall.collect(Service(inline=[answer("k0", "new")]))
    stall.shop.job("a", "b", "c")
    stall.collect(Service(inline=[answer("k1")]), stall.record(2))
    assert stall.lines() == [answer("k0"), answer("k1"), answer("k2")]
    assert len([name for name in stall.bytes() if name.endswith(".jsonl")]) == 3


def test_the_requests_without_a_response_go_with_the_results(filed):
    filed.shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, onFailed="resubmit")
    first = filed.record()
    filed.collect(Service(lines=[answer("k3"), error("k1"), answer("k0"), answer("k2")]))
    kept = (filed.folder / "requests.jsonl").read_text()
    (filed.folder / "requests.jsonl").write_text(kept.replace('"3"', '"4"'))
    filed.collect(Service(lines=[error("k3", 9), error("k1", 9)]))
    (filed.folder / "requests.jsonl").write_text(kept)
    assert filed.record().spec_tag == first.spec_tag
    resource = filed.desired.resources[Address("BatchJob", "nightly")]
    assert resource.receipt and resource.receipt.without == ("k1",)
    (reference,) = resource.declared.references
    rest = filed.desired.resources[reference.target].declared.attachments[0].path
    assert rest == f"out/nightly.{first.spec_tag[:7]}.jsonl.without.jsonl"
    assert [one["key"] for one in filed.lines(rest)] == ["k1"]


def test_a_file_of_somebody_else_is_kept(stall):
    stall.shop.write(RESULTS, "my own notes\n")
    stall.collect(Service(inline=[answer("k0")]))
    assert (stall.folder / "out/nightly.jsonl.aside").read_text() == "my own notes\n"
    (stall.folder / f"{RESULTS}.run.json").write_text("{}")
    stall.shop.write(RESULTS, "other notes\n")
    stall.collect(Service(inline=[answer("k0")]))
    assert (stall.folder / "out/nightly.jsonl.aside2").read_text() == "other notes\n"


def test_the_results_of_another_stack_are_kept(stall):
    stall.collect(Service(inline=[answer("k0", "here")]))
    paper = stall.shop.receipt()
    (stall.folder / f"{RESULTS}.run.json").write_text(json.dumps({**paper, "stack": "aaaaaaaaaa"}))
    stall.collect(Service(inline=[answer("k0", "there")]))
    assert "here" in (stall.folder / "out/nightly.jsonl.aside").read_text()
    assert stall.lines()[0] == answer("k0", "there")


# What goes wrong


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("what", ["job", "file"])
def test_results_that_are_gone(stall, status, what):
    gone = Refused("Not there.", status=status)
    service = Service(reply=gone) if what == "job" else Service(lines=gone)
    with pytest.raises(GemctlError) as caught:
        stall.collect(service)
    assert caught.value.code == "E537"
    assert caught.value.hint
    assert not (stall.folder / "out").exists()


def test_a_reply_that_is_larger_than_can_be_held(stall):
    with pytest.raises(GemctlError) as caught:
        stall.collect(Service(reply=Temporary("It is larger than 512 MiB.", code="E308")))
    assert caught.value.code == "E308"
    assert "input: {jsonl: path}" in caught.value.hint


def test_inline_results_are_fetched_by_a_client_that_takes_large_ones(shop):
    """More than an answer may have elsewhere, and than a page of a list; in a list it comes on a page of its own."""
    shop.job("a")
    shop.apply()
    shop.later()
    large = {"text": "x" * (700 << 10)}
    handle = emulator.App.handle

    def padded(self, request):
        response = handle(self, request)
        if request.method != "GET" or b"inlinedResponses" not in response.body:
            return response
        document = json.loads(response.body)
        for one in document.get("operations", [document]):
            del one["response"]
            one["metadata"]["output"]["inlinedResponses"]["inlinedResponses"][0]["response"] = large
        return replace(response, body=json.dumps(document).encode())

    small = {"BODY_CAP": 100 << 10, "PAGE_CAP": 200 << 10}
    with patch.object(emulator.App, "handle", padded), patch.multiple(client, **small):
        shop.gemctl("results")
    assert (shop.folder / RESULTS).stat().st_size > 700 << 10
    assert shop.answered() == "r"


def test_results_that_are_not_there_yet(stall):
    with pytest.raises(Temporary) as caught:
        stall.collect(Service())
    assert caught.value.code == "E538"


def test_a_reply_of_another_shape(stall):
    service = Service()
    service.fetch = lambda _: SimpleNamespace(body={"metadata": []})
    with pytest.raises(Refused) as caught:
        stall.collect(service)
    assert caught.value.code == "E304"


def test_a_download_that_breaks_off_changes_nothing(stall):
    stall.collect(Service(inline=[answer("k0"), error("k1")]))
    before = stall.bytes()

    def broken(_):
        yield json.dumps(answer("k1")).encode() + b'\n{"key'
        raise Temporary("The connection broke.")

    service = Service(lines=[])
    service.download = broken
    with pytest.raises(Temporary):
        stall.collect(service, stall.record(2))
    assert stall.bytes() == before


@pytest.mark.parametrize("how", ["folder", "file", "receipt"])
def test_nothing_is_written_through_a_link(stall, tmp_path, monkeypatch, how):
    """Nor is anything run for the sake of it: `validate` says so before."""
    outside = tmp_path / "outside"
    desired = stall.desired
    record = stall.record()
    outside.mkdir()
    (outside / "file").write_text("precious")
    if how == "folder":
        (stall.folder / "out").symlink_to(outside)
    else:
        (stall.folder / "out").mkdir()
        end = ".run.json" if how == "receipt" else ""
        (stall.folder / f"{RESULTS}{end}").symlink_to(outside / "file")
    for words in (["validate"], ["plan"], ["apply", "--yes"]):
        assert "nightly.yaml:1:289: error[E245]" in stall.shop.gemctl(*words, status=1).err
    monkeypatch.setattr(Stall, "desired", desired)
    with pytest.raises(GemctlError) as caught:
        stall.collect(Service(inline=[answer("k0")]), record)
    assert caught.value.code == "E245"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"file": "precious"}


def test_links_within_the_project_are_followed(stall):
    (stall.folder / "data").mkdir()
    (stall.folder / "out").symlink_to(stall.folder / "data")
    assert stall.shop.gemctl("validate").status == 0
    stall.collect(Service(inline=[answer("k0")]))
    assert (stall.folder / "data/nightly.jsonl").exists()


@pytest.mark.parametrize("what", ["folder", "pipe"])
@pytest.mark.parametrize("end", ["", ".run.json"])
def test_what_is_no_file_is_not_written_to(stall, what, end):
    (stall.folder / "out").mkdir()
    path = stall.folder / f"{RESULTS}{end}"
    path.mkdir() if what == "folder" else os.mkfifo(path)
    with pytest.raises(GemctlError) as caught:
        stall.collect(Service(inline=[answer("k0")]))
    assert caught.value.code == "E245"


def test_files_that_requests_refer_to_are_not_the_file_of_requests(shop):
    shop.write("picture.png", "k0\nk1\n")
    head = {"apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": "picture"}}
    shop.write("file.yaml", json.dumps({**head, "spec": {"source": "picture.png"}}))
    parts = [{"text": "What is this?"}, {"fileRef": {"name": "picture"}}]
    shop.declare("nightly", {"requests": [{"key": "k0", "request": {"contents": [{"parts": parts}]}}]})
    stall = Stall(shop)
    stall.collect(Service(inline=[error("k0")]))
    assert set(stall.bytes()) == {"nightly.jsonl", "nightly.jsonl.run.json"}
    assert "rest" not in shop.receipt()


def test_the_mode_of_the_file_stays(stall):
    mask = os.umask(0o027)
    try:
        stall.collect(Service(inline=[answer("k0"), error("k1")]))
        assert stat.S_IMODE((stall.folder / RESULTS).stat().st_mode) == 0o640
        (stall.folder / RESULTS).chmod(0o604)
        stall.collect(Service(inline=[answer("k1")]), stall.record(2))
        assert stat.S_IMODE((stall.folder / RESULTS).stat().st_mode) == 0o604
    finally:
        os.umask(mask)


def test_nowhere_to_save_them(stall):
    record = stall.record()
    stall.shop.job("other")
    with pytest.raises(GemctlError):
        stall.collect(Service(inline=[]), replace(record, run=None))


# Deaths, and full disks


SECOND = [error("k2", 3), answer("k1")]


class End:
    """Ends what is going on at the `left`-th of the places before and after each change of the disk; None for never."""

    def __init__(self, monkeypatch, fail):
        self.left, self.fail = None, fail
        monkeypatch.setattr(whole.Fresh, "put", self._watched(whole.Fresh.put))
        monkeypatch.setattr(results_place, "_link", self._watched(results_place._link))

    def _watched(self, function):
        def watched(*arguments):
            self._step()
            result = function(*arguments)
            self._step()
            return result

        return watched

    def _step(self):
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.left = None
                raise self.fail


@pytest.mark.parametrize("fail", [Died(), OSError(28, "No space left on device")])
@pytest.mark.parametrize("before", ["nothing", "attempt", "declaration", "somebody"])
def test_an_end_at_any_moment_leaves_the_old_or_the_new(filed, monkeypatch, before, fail):
    """And the next harvest gives what one without an end would have given."""
    record = filed.record()
    if before == "attempt":
        filed.collect(Service(lines=[answer("k0"), error("k1"), error("k2"), answer("k3")]))
        record = filed.record(2)
    elif before == "declaration":
        filed.collect(Service(lines=[answer("k0", "old"), error("k1"), error("k2"), answer("k3")]))
        requests = filed.folder / "requests.jsonl"
        requests.write_text(requests.read_text().replace('"3"', '"4"'))
        record = filed.record()
    elif before == "somebody":
        filed.shop.write(RESULTS, "my own notes\n")
    start = filed.bytes() if (filed.folder / "out").exists() else {}
    service = Service(lines=SECOND)

    def reset():
        for path in (filed.folder / "out").iterdir():
            path.unlink()
        for name, data in start.items():
            (filed.folder / "out" / name).write_bytes(data)

    filed.collect(service, record)
    whole = filed.bytes()
    reset()
    end = End(monkeypatch, fail)
    for place in range(1, 100):
        end.left = place
        try:
            filed.collect(service, record)
        except type(fail):
            left = filed.bytes()
            assert left.get("nightly.jsonl") in (start.get("nightly.jsonl"), whole["nightly.jsonl"]), place
            assert start.get("nightly.jsonl") in (None, *left.values()) or before == "attempt", place
            filed.collect(service, record)
            assert {name: data for name, data in filed.bytes().items() if not name.endswith("-new")} == whole, place
            reset()
        else:
            break
    assert place > 6


def test_between_the_receipt_and_the_journal(shop):
    """The results are there, and the state doesn't know: the receipt does."""
    shop.job("a", "b")
    shop.apply()
    shop.later()
    before = shop.state.read_bytes()
    shop.apply()
    saved = (shop.folder / RESULTS).read_bytes(), shop.receipt()
    shop.state.write_bytes(before)
    assert shop.plan() == ["keep BatchJob/nightly · done"]
    (shop.folder / f"{RESULTS}.run.json").unlink()
    assert shop.plan() == ["harvest BatchJob/nightly · finished"]
    shop.apply()
    assert (shop.folder / RESULTS).read_bytes() == saved[0]
    assert {**shop.receipt(), "harvest": None} == {**saved[1], "harvest": None}


def test_the_spool_leaves_nothing_behind(stall):
    stall.collect(Service(inline=[answer("k0")]))
    assert list((stall.folder / ".gemctl/local").iterdir()) == []
    assert not [path for path in Path(stall.folder / "out").iterdir() if path.name.startswith(".")]
