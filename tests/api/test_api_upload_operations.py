"""Uploads that are answered by an operation: what is made of the bytes is named by the service, so that a lost answer
to the end leaves open what became of it, and nothing is sent twice.
"""

from __future__ import annotations

import hashlib
import io
import json
from itertools import product

import pytest
from api_world import FakeClock, client_for
from upload_world import (
    BLOCK,
    FAULTS,
    NOES,
    PASSING,
    STRANGE,
    Line,
    after,
    instead,
    lost,
    refused,
    small_blocks,
    unheard,
)

from gemctl.core.call import Call, Upload
from gemctl.core.errors import GemctlError, Refused, Temporary, Unknown
from gemctl.emulator.app import Request

DATA = b"Words of a document, more than two blocks."
REQUESTS = 4  # start, upload, upload, upload and finalize


@pytest.fixture(autouse=True, scope="module")
def _small():
    with small_blocks():
        yield


class Store:
    """A store at the end of such a line."""

    def __init__(self, faults=None, *, onwards=1, **rules) -> None:
        self.clock = FakeClock()
        self.line = Line(self.clock, faults, onwards=onwards, **rules)
        made = self.line.app.handle(
            Request("POST", "/v1beta/fileSearchStores", (), {"x-goog-api-key": "k"}, b'{"displayName": "s"}')
        )
        self.name = json.loads(made.body)["name"]
        self.client = client_for(self.line, self.clock)

    def send(self, data=DATA, **body):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        call = Call(
            "POST",
            f"{self.name}:uploadToFileSearchStore",
            body={"displayName": "docs/a.txt", **body},
            repeatable=False,
            upload=Upload(digest, len(data), "text/plain"),
        )
        return self.client.upload(call, lambda: io.BytesIO(data), lambda *_: None).body

    @property
    def documents(self):
        with self.line.app.world.turn():
            return list(self.line.app.world.objects(f"{self.name}/documents"))


def outcome(store, **body):
    """What came of it, after checking that it is true: never are there two documents."""
    try:
        reply = store.send(**body)
    except Unknown as error:
        assert error.code == "E303"
        result = "unknown"
    except GemctlError as error:
        assert store.documents == [], f"{error} and yet there is a document"
        result = type(error).__name__.lower()
    else:
        (row,) = store.documents
        assert reply["name"].rpartition("/")[2] == row.name.rpartition("/")[2]
        assert row.body["sha256"] == hashlib.sha256(DATA).hexdigest()
        result = "made"
    assert len(store.documents) <= 1
    assert not store.line.app.bugs
    return result


def test_the_answer_is_the_operation():
    store = Store(document_at_once=0)
    assert store.send()["name"].startswith(f"{store.name}/upload/operations/docsatxt-")
    assert store.line.asked == ["start", "upload 0", "upload 16", "upload, finalize 32"]
    assert len(DATA) > 2 * BLOCK
    at_once = Store(document_at_once=10**6)
    assert at_once.send()["response"]["documentName"] == at_once.documents[0].name


@pytest.mark.parametrize("kind", sorted(PASSING))
def test_what_passes_is_no_failure(kind):
    for number in range(1, REQUESTS):
        assert outcome(Store({number: PASSING[kind]})) == "made", number


@pytest.mark.parametrize(("kind", "number"), list(product(sorted(FAULTS), range(1, REQUESTS + 1))))
def test_one_thing_goes_wrong(kind, number):
    assert outcome(Store({number: FAULTS[kind]})) in ("made", "unknown", "refused", "temporary")


@pytest.mark.parametrize(("kind", "first"), list(product(sorted(FAULTS), range(1, REQUESTS + 2))))
def test_it_never_gets_better(kind, first):
    outcome(Store({0: FAULTS[kind]}, onwards=first))


def test_a_lost_answer_to_the_end_is_asked_for_and_nothing_is_sent_again():
    """A finished upload says that it is, and what it became may be told: if it isn't, nobody knows."""
    store = Store({4: unheard})
    assert outcome(store) in ("made", "unknown")
    assert store.line.asked[:5] == ["start", "upload 0", "upload 16", "upload, finalize 32", "query"]
    assert "start" not in store.line.asked[1:] and len(store.documents) == 1
    silent = Store({4: unheard, 0: lost}, onwards=5)
    assert outcome(silent) == "unknown"
    assert len(silent.documents) == 1 and silent.line.asked.count("start") == 1
    assert not any(asked.startswith("GET") for asked in silent.line.asked), "there is no name to look at"


def test_an_end_that_never_arrived_is_sent_again():
    store = Store({4: lost})
    assert outcome(store) == "made"
    assert store.line.asked[4:] == ["query", "upload, finalize 32"]


def test_an_end_that_could_not_be_sent():
    store = Store({0: refused}, onwards=4)
    with pytest.raises(Temporary, match="was not sent"):
        store.send()
    assert store.documents == []


def test_a_refusal_at_the_end_is_one():
    store = Store()
    with pytest.raises(Refused):
        store.send(mimeType="no type")
    small = Store(largest_document=10)
    with pytest.raises(Refused, match="too large"):
        small.send()
    no = b'{"error": {"code": 400, "message": "No such words.", "status": "INVALID_ARGUMENT"}}'
    assert outcome(Store({4: instead(400, no)})) in ("refused", "made")
    assert outcome(Store({0: after(400, no)}, onwards=4)) in ("unknown", "made")


@pytest.mark.parametrize("kind", sorted({*STRANGE, *NOES}))
def test_a_strange_answer_to_the_end_never_means_a_second_document(kind):
    assert outcome(Store({4: {**STRANGE, **NOES}[kind]})) in ("made", "unknown", "refused", "temporary")
