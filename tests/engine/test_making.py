"""The bytes of an upload that are made of a file and of values that are known only when the step starts."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import MappingProxyType

import pytest

from gemctl.core.call import Call, Upload
from gemctl.core.digest import sha256
from gemctl.core.errors import Stale
from gemctl.core.source import JsonObject
from gemctl.engine.making import make
from gemctl.kinds import CATALOGUE

FILE = b"one\ntwo\n"


def shout(values: JsonObject, lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield values["greeting"].encode() + b" " + line


KINDS = MappingProxyType({"Job": replace(CATALOGUE["BatchJob"], make=shout)})
UPLOAD = Upload(sha256(FILE), len(FILE), "text/plain", "Job", ("file", "sizeBytes"))
CALL = Call("POST", "files", body={"file": {"sizeBytes": 8}, "made": {"greeting": "hello"}}, upload=UPLOAD)


def test_what_is_made_is_sent_with_its_own_digest_and_size() -> None:
    spool = io.BytesIO()
    call = make(CALL, UPLOAD, KINDS, lambda _: io.BytesIO(FILE), spool)
    assert spool.getvalue() == b"hello one\nhello two\n"
    assert call.body == {"file": {"sizeBytes": 20}}, "the values themselves are not sent"
    digest = f"sha256:{hashlib.sha256(spool.getvalue()).hexdigest()}"
    assert call.upload == replace(UPLOAD, digest=digest, size=20, made_by="")


@pytest.mark.parametrize("found", [b"one\ntwo\nthree\n", b"one\n", b"", b"one\nTwo\n"])
def test_another_file_than_the_one_that_was_planned_is_not_sent(found: bytes) -> None:
    with pytest.raises(Stale) as stale:
        make(CALL, UPLOAD, KINDS, lambda _: io.BytesIO(found), io.BytesIO())
    assert stale.value.code == "E133"
