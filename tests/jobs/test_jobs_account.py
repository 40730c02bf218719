"""What comes with the status of a success and is not the results: nothing is saved, deleted or run again for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from unittest.mock import patch

import pytest

from gemctl.core.live import Counts
from gemctl.emulator import app as emulator
from gemctl.outputs.results_account import Tally, doubt

JOB = "BatchJob/nightly"
DOUBTFUL = "out/nightly.jsonl.doubtful"
PAGE = b"<!doctype html>\n<html><title>Sign in</title></html>\n"


@contextmanager
def instead(what: str, change: Callable[[bytes], bytes], times: int | None = 1):
    """The first answers to reading the `download` or the `job` are changed; None for all of them."""
    handle, left = emulator.App.handle, [times]

    def lying(self, request):
        response = handle(self, request)
        path = request.path.rpartition("v1beta/")[2]
        kind = "download" if path.endswith(":download") else "job" if path.startswith("batches/") else ""
        if request.method == "GET" and kind == what and response.status == 200 and left[0] != 0:
            left[0] = left[0] and left[0] - 1
            body = change(response.body or b"".join(response.stream or ()))
            response = replace(response, body=body)
        return response

    with patch.object(emulator.App, "handle", lying):
        yield


def half(body: bytes) -> bytes:
    return body[: len(body) // 2]


def lines(keep: Callable[[list[bytes]], list[bytes]]) -> Callable[[bytes], bytes]:
    return lambda body: b"".join(keep(body.splitlines(keepends=True)))


def inline(keep: Callable[[list], list]) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        document = json.loads(body)
        for output in (document["metadata"]["output"], document["response"]):
            output["inlinedResponses"]["inlinedResponses"] = keep(output["inlinedResponses"]["inlinedResponses"])
        return json.dumps(document).encode()

    return change


def renamed(line: bytes) -> bytes:
    return line.replace(b'"key":"k', b'"key":"other')


ONCE = {  # what comes in place of the results: where, how it is changed, and whether something of it is kept
    "a login page": ("download", lambda _: PAGE, True),
    "nothing": ("download", lambda _: b"", False),
    "an error": ("download", lambda _: b'{"error": {"code": 503, "message": "overloaded"}}', True),
    "the first half": ("download", half, True),
    "some of the lines": ("download", lines(lambda all_: all_[:3]), True),
    "one of the lines again and again": ("download", lines(lambda all_: all_[:1] * 5), True),
    "the results of another job": ("download", lines(lambda all_: [renamed(line) for line in all_]), True),
    "no responses": ("job", inline(lambda _: []), False),
    "fewer responses": ("job", inline(lambda all_: all_[:2]), True),
    "errors for all": ("job", inline(lambda all_: [{"error": {"code": 14}} for _ in all_]), True),
}


def prepared(shop, where: str) -> None:
    """A job of five requests that has ended, and that is run again and cleaned up by rule."""
    rules = {"onFailed": "resubmit", "cleanup": "whenHarvested"}
    if where == "job":
        shop.job(*"abcde", **rules)
    else:
        requests = [{"key": f"k{n}", "request": {"contents": [{"parts": [{"text": str(n)}]}]}} for n in range(5)]
        shop.write("requests.jsonl", "".join(json.dumps(one) + "\n" for one in requests))
        shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, **rules)
    shop.apply()
    shop.later()


def made(shop) -> int:
    return sum(one.kind == "created" and one.collection == "batches" for one in shop.app.effects)


@pytest.mark.parametrize("name", ONCE)
def test_what_is_not_the_results_is_not_taken_for_them(shop, name):
    where, change, kept = ONCE[name]
    prepared(shop, where)
    with instead(where, change):
        said = shop.apply(status=5)
    assert "E538" in said.err and "--as-is" in said.err
    there = shop.files() if (shop.folder / "out").exists() else set()
    assert there == ({"nightly.jsonl.doubtful"} if kept else set())
    assert (DOUBTFUL in said.err) == kept
    assert len(shop.live()) == 1
    assert shop.plan() == [f"harvest {JOB} · finished", *(["keep File/nightly.input · in_sync"] * (where != "job"))]
    shop.apply()
    assert shop.answered() == "rrrrr"
    shop.apply()
    assert shop.live() == [] and made(shop) == 1
    assert shop.is_quiet()


def test_a_wait_asks_again(shop):
    prepared(shop, "download")
    with instead("download", lambda _: PAGE, times=2):
        shop.apply("--wait")
    assert shop.answered() == "rrrrr"
    assert shop.live() == [] and made(shop) == 1


def counted(**numbers: str) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        document = json.loads(body)
        document["metadata"]["batchStats"] = numbers
        return json.dumps(document).encode()

    return change


def test_what_never_adds_up_is_saved_when_somebody_says_so(shop):
    """Until then nothing is deleted, run again, or lost; nor is more and more of it kept."""
    prepared(shop, "download")
    number = iter(range(100))

    def page(body: bytes) -> bytes:
        return body.splitlines(keepends=True)[0] + f"<p>{next(number)}</p>\n".encode()

    with instead("download", page, times=None):
        for _ in range(5):
            assert "E538" in shop.apply(status=5).err
        assert shop.files() == {f"nightly.jsonl.doubtful{end}" for end in ("", "2", "3")}
        assert json.loads((shop.folder / DOUBTFUL).read_text().splitlines()[1])["line"] == "<p>0</p>"
        assert (made(shop), len(shop.live())) == (1, 1)
        assert "E009" in shop.gemctl("results", "--as-is", status=64).err
        shop.gemctl("results", JOB, "--as-is")
    assert len(shop.receipt()["without"]) == 4
    assert shop.plan()[0] == f"create {JOB} · resubmit"  # as the manifest has it


@pytest.mark.parametrize(
    ("numbers", "status"),
    [
        ({}, 0),  # nothing is counted: the keys tell
        ({"requestCount": "5"}, 0),
        ({"requestCount": 5, "successfulRequestCount": 5}, 0),
        ({"requestCount": "5", "successfulRequestCount": "4", "failedRequestCount": "1"}, 0),
        ({"requestCount": "6", "successfulRequestCount": "6"}, 0),  # there are no more to come than were asked
        ({"requestCount": "five"}, 1),  # and the list is not of the API's shape
    ],
)
def test_counts_of_all_sorts(shop, numbers, status):
    prepared(shop, "download")
    handle = emulator.App.handle

    def odd(self, request):
        response = handle(self, request)
        if request.method != "GET" or "/batches" not in request.path:
            return response
        document = json.loads(response.body)
        for one in document.get("operations", [document]):
            one["metadata"]["batchStats"] = numbers
        return replace(response, body=json.dumps(document).encode())

    with patch.object(emulator.App, "handle", odd):
        shop.apply(status=status)
    assert status or shop.answered() == "rrrrr"


def test_an_undeclared_job_is_not_deleted_for_what_is_not_its_results(shop):
    """Nothing is known of its keys: what the service counts must come."""
    prepared(shop, "download")
    (shop.folder / "nightly.yaml").unlink()
    with instead("download", lines(lambda all_: all_[:4])):
        assert "E538" in shop.apply("--allow-empty", "--allow-deletes", "2", status=5).err
    assert len(shop.live()) == 1
    shop.apply("--allow-empty")
    assert shop.live() == []
    (saved,) = [name for name in shop.files() if name.endswith(".jsonl")]
    assert shop.answered(f"out/{saved}") == "rrrrr"


def test_results_without_a_key_that_are_alike_are_as_many_as_came(shop):
    """Nobody declares the job any more, so that no order of keys can tell them apart."""
    prepared(shop, "job")
    (shop.folder / "nightly.yaml").unlink()
    with instead("job", inline(lambda all_: [{"response": {"same": True}} for _ in all_]), times=None):
        shop.apply("--allow-empty")
    assert shop.live() == []
    (saved,) = [name for name in shop.files() if name.endswith(".jsonl")]
    assert (shop.folder / "out" / saved).read_text() == '{"response":{"same":true}}\n' * 5


def test_a_file_that_did_not_arrive_as_it_was_sent_is_not_used(shop):
    """It is uploaded again, under another name, and the job is made of that."""
    handle = emulator.App.handle

    def damaged(self, request):
        response = handle(self, request)
        if b"sha256Hash" not in response.body:
            return response
        document = json.loads(response.body)
        for file in document.get("files", [document.get("file", document)]):
            if file["name"].endswith("-1"):
                file["sha256Hash"] = base64.b64encode(b"0" * 64).decode()
        return replace(response, body=json.dumps(document).encode())

    shop.write("requests.jsonl", json.dumps({"key": "k", "request": {"contents": [{"parts": [{"text": "a"}]}]}}))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}})
    with patch.object(emulator.App, "handle", damaged):
        assert "E544" in shop.apply(status=5).err
        assert shop.live() == []
        shop.apply()
        (job,) = shop.live()
        assert job["inputConfig"]["fileName"].endswith("-2")
        assert shop.plan() == [f"keep {JOB} · running", "keep File/nightly.input · in_sync"]


@dataclass
class Row:
    came: Tally
    counts: Counts | None
    fits: bool


ALL, NOTHING = Counts(5, 5, 0), Counts(5, 0, 0)
ROWS = {
    "all that is counted": Row(Tally(5, 5, 0, 0), ALL, True),
    "all, and what can't be read": Row(Tally(5, 5, 0, 2), ALL, True),
    "one response less": Row(Tally(4, 4, 1, 0), ALL, False),
    "an error in place of a response": Row(Tally(5, 4, 0, 0), ALL, False),
    "an error that left no line": Row(Tally(4, 4, 1, 0), Counts(5, 4, 1), True),
    "an error's line that can't be read": Row(Tally(4, 4, 1, 1), Counts(5, 4, 1), False),
    "all have failed": Row(Tally(5, 0, 0, 0), Counts(5, 0, 5), True),
    "all have failed, and nothing came": Row(Tally(0, 0, 5, 0), Counts(5, 0, 5), False),
    "more responses than are counted": Row(Tally(5, 5, 0, 0), Counts(5, 3, 0), True),
    "a key that was asked twice": Row(Tally(4, 4, 0, 0), ALL, True),
    "some were given up": Row(Tally(2, 2, 3, 0), Counts(5, 2, 0), True),
    "as many failed as were answered": Row(Tally(2, 1, None, 0), Counts(4, 2, 2), False),
    "a key asked twice is counted twice, and a line can't be read": Row(Tally(4, 4, 0, 1), Counts(5, 4, 1), True),
    "nothing is counted, all is there, and a line can't be read": Row(Tally(2, 2, 0, 1), None, True),
    "nothing is counted, all is there": Row(Tally(5, 3, 0, 0), None, True),
    "nothing is counted, something lacks": Row(Tally(4, 4, 1, 0), None, False),
    "only the total is counted": Row(Tally(4, 4, 1, 0), NOTHING, False),
    "nothing is known of what was asked": Row(Tally(5, 5, None, 0), ALL, True),
    "nothing is known, and one is less": Row(Tally(4, 4, None, 0), ALL, False),
    "nothing is known at all": Row(Tally(5, 3, None, 0), None, True),
    "nothing is known at all, and nothing came": Row(Tally(0, 0, None, 0), None, False),
    "nothing is known at all, and some is no result": Row(Tally(5, 3, None, 1), None, False),
}


def test_what_adds_up():
    for name, row in ROWS.items():
        assert (doubt(row.came, row.counts) is None) == row.fits, name
