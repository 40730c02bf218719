"""Makes the bytes that are uploaded of a file and of values that are known only now, such as live names. Called by
execute.py, once all that a call refers to is ready.

They go through a file without a name, since an upload begins with their size, and may have to send a block again.
Memory holds one line at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import BinaryIO

from gemctl.core.call import Call, Upload, put
from gemctl.core.errors import Stale
from gemctl.core.kind import Catalogue


def make(
    call: Call, upload: Upload, catalogue: Catalogue, open_binary: Callable[[str], BinaryIO], spool: BinaryIO
) -> Call:
    """Fill `spool` with what is to be sent. Returns the call for it.

    `call` has its texts and references put in. Raises Stale E133 if the file is not the one that the plan was made for;
    GemctlError, OSError.
    """
    body = dict(call.body or {})
    values = body.pop(upload.values_at)
    maker = catalogue[upload.made_by].make
    if maker is None:
        raise TypeError(f"A {upload.made_by} makes nothing.")
    digest, size = hashlib.sha256(), 0
    with closing(open_binary(upload.digest)) as source:
        read = hashlib.sha256()
        for line in maker(values, _passing(source, read.update)):
            spool.write(line)
            digest.update(line)
            size += len(line)
        if f"sha256:{read.hexdigest()}" != upload.digest:
            raise Stale("The file has changed since the plan was made.", code="E133", hint="Make a new plan.")
    spool.flush()
    made = replace(upload, digest=f"sha256:{digest.hexdigest()}", size=size, made_by="")
    return replace(call, body=put(body, upload.size_at, size), upload=made)


def _passing(lines: Iterable[bytes], note: Callable[[bytes], None]) -> Iterator[bytes]:
    for line in lines:
        note(line)
        yield line
