"""Does the work of a batch: answers its requests, one after the other, and keeps the result of each.

Called by the surface of batches. Separate because this is about lines and items, that about states and times. All
requests are answered at the instant when the batch starts, and time only reveals the answers; so a batch that is
cancelled half-way keeps its finished items, and one that is read late has all that it would have had. Shapes are
checked when the batch is made. A mistake of an item beyond its shape (a cache that is gone, an impossible modality) is
that item's error and never the batch's; that a cache is looked up at the start, and not when the batch is made, is an
assumption.

An item is one line of a blob: `key` or `metadata`, and `response` or `error`, as the output shows it (ai.google.dev
REST reference, "Batch API"), and `used`, the tokens of the response that are billed, which no output shows. One of a
line in OpenAI's shape has a `custom_id`, and a `response` with a `status_code` and a `body`, as clients that read them
expect; that its `error` is as that of any other item is an assumption.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from gemctl.emulator import batch_lines, openai_answers, times, usage
from gemctl.emulator.catalogue import Model
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces.generation import embed, generate
from gemctl.emulator.wire import Refusal, invalid

METHODS = {"generate": "batchGenerateContent", "embed": "asyncBatchEmbedContent"}
"""The API method for each `method` of a row."""

_MOST_WRONG = 50  # sentences about a file; an assumption
_PIECE = 1024 * 1024
_WINDOW = 1_000  # items that change places in an output file
_USED = b',"used":'
_ONLY_TOKENS = re.compile(rb'\{"input":\{[^{}]*\},"cached":\{[^{}]*\},"output":\d+\}\}')
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_RPC = {
    "CANCELLED": 1,
    "INVALID_ARGUMENT": 3,
    "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "ABORTED": 10,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
    "UNAUTHENTICATED": 16,
}


@dataclass(frozen=True)
class Work:
    """The results of the requests: a blob with their items, how many there are, which of them failed, and the tokens
    of the others together, as `usage.add` has them."""

    results: str
    count: int
    failed: list[int]
    used: dict[str, Any]


def keep(call: Call, requests: Sequence[Mapping[str, Any]]) -> str:
    """A blob with inline requests that have been through `shapes`."""
    return _write(call, (_line(request) for request in requests))


def check(call: Call, method: str, blob: str, model: str = "") -> int:
    """The tokens of a file's requests (`batch_lines.own_tokens`). 400 for a file with invalid lines, with one sentence
    a line, as the service answers to the create. The column of the mistake, which the service gives, is left out.
    `model`: the name that all lines have to call it by; it is that of the create where they need not."""
    found: list[str] = []
    enqueued = 0
    reader = batch_lines.reader(method)
    for number, line in enumerate(call.blobs.lines(blob), start=1):
        if not line.strip():
            continue
        given, wrong = reader.read(line)
        if model and not wrong and given.get("model") != model:
            wrong = [f"the model of all lines must be that of the first one, {model}."]
        if wrong:
            found += (f"Error on line {number}: invalid JSON: {why}" for why in wrong)
            if len(found) >= _MOST_WRONG:
                break
        elif not found:
            enqueued += batch_lines.own_tokens(method, given.get("request", {}))
    if found:
        raise invalid("\n".join(found))
    return enqueued


def run(call: Call, row: Row, blob: str) -> Work:
    """Answer the requests in the blob. A Refusal says why the batch as a whole cannot run."""
    model = call.catalogue.find(row.body["model"], version="v1beta", method=METHODS[row.body["method"]])
    failed: list[int] = []
    used: dict[str, Any] = {}
    count = 0

    def lines() -> Iterator[bytes]:
        nonlocal count
        for line in call.blobs.lines(blob):
            if not line.strip():
                continue
            item = _answer_line(call, row, model, line)
            if "error" in item:
                failed.append(count)
            else:
                usage.add(used, item["used"])
            count += 1
            yield _line(item)

    results = _write(call, lines())
    if not count:
        raise invalid("The input file is not in the JSON Lines format: it has no request.")
    return Work(results, count, failed, used)


def inline(call: Call, row: Row) -> list[dict[str, Any]]:
    """The items of a finished batch in the order of its input."""
    return [json.loads(line) for line in _shown_lines(call, row, row.body["done"])]


def used_by_first(call: Call, row: Row, done: int) -> dict[str, Any] | None:
    """The tokens of the first `done` requests, where not all were finished; None if their items don't say."""
    used: dict[str, Any] = {}
    try:
        for line in islice(call.blobs.lines(row.body["results"]), done):
            item = json.loads(line)
            if "error" not in item:
                usage.add(used, item["used"])
    except (FileNotFoundError, KeyError):  # lost, or written before there was a bill
        return None
    return used


def write_file(call: Call, row: Row, done: int) -> str:
    """A blob for the output file, of which the first `done` requests were finished. The service promises no order
    in it, so there is none; but every time the same."""

    def lines() -> Iterator[bytes]:
        window: list[bytes] = []
        for line in _shown_lines(call, row, done):
            window.append(line)
            if len(window) == _WINDOW:
                yield from _shuffled(window)
                window = []
        yield from _shuffled(window)

    return _write(call, lines())


def error(refusal: Refusal) -> dict[str, object]:
    """The google.rpc.Status of a refusal. Its details are left out: the SDK can't read those of an item."""
    return {"code": _RPC.get(refusal.status, 2), "message": refusal.message}


def _answer_line(call: Call, row: Row, model: Model, line: bytes) -> dict[str, Any]:
    """The item of a line. A file has been checked, and inline requests were kept in their plain spelling."""
    if row.body["input"]:
        given, name = json.loads(line), "metadata"
    else:
        (given, wrong), name = batch_lines.reader(row.body["method"]).read(line), "key"
        if wrong:
            raise invalid("\n".join(wrong))
    if batch_lines.CUSTOM_ID in given:
        name = batch_lines.CUSTOM_ID
    head = {name: given[name]} if given.get(name) else {}
    return {**head, **_answer(call, row, model, given)}


def _answer(call: Call, row: Row, model: Model, given: Mapping[str, Any]) -> dict[str, object]:
    request, theirs = given.get("request", {}), batch_lines.CUSTOM_ID in given
    try:
        if row.body["method"] == "embed":
            embedding, counts = embed(call, model, request, row.name)
            tokens = sum(counts.values())
            response: dict[str, object] = {"embedding": embedding, "tokenCount": str(tokens)}
            if theirs:
                body = openai_answers.embeddings([embedding], given["model"], tokens, packed=given["packed"])
                response = openai_answers.in_batch(body)
            return {"response": response, "used": usage.of_input(counts)}
        answer = generate(call, model, request, row.name)
        used = usage.of_answer(answer["usageMetadata"])
        if theirs:
            body = openai_answers.completion(answer, given["model"], call.world.instant // times.SECOND)
            return {"response": openai_answers.in_batch(body), "used": used}
        return {"response": answer, "used": used}
    except Refusal as refusal:
        return {"error": error(refusal)}


def _shown_lines(call: Call, row: Row, done: int) -> Iterator[bytes]:
    """The finished items as they are shown; the others are cancelled."""
    for index, line in enumerate(call.blobs.lines(row.body["results"])):
        if index < done:
            yield _without_used(line)
            continue
        item = json.loads(line)
        head = {name: item[name] for name in ("key", "metadata", batch_lines.CUSTOM_ID) if name in item}
        yield _line(head | {"error": {"code": 1}})


def _without_used(line: bytes) -> bytes:
    """The line of an item without its tokens, which are the last member of each that has them: so nothing is parsed. An
    item with an error has none, and may have metadata with such a name."""
    at = line.rfind(_USED)
    if at < 0 or not _ONLY_TOKENS.fullmatch(line, at + len(_USED)):
        return line + b"\n"
    return line[:at] + b"}\n"


def _shuffled(lines: list[bytes]) -> list[bytes]:
    return sorted(lines, key=lambda line: hashlib.sha256(line).digest())


def _line(item: Mapping[str, Any]) -> bytes:
    return _encode(item).encode("utf-8", "replace") + b"\n"


def _write(call: Call, lines: Iterator[bytes]) -> str:
    blob = call.blobs.new()
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= _PIECE:
            call.blobs.append(blob, bytes(piece))
            piece.clear()
    call.blobs.append(blob, bytes(piece))
    return blob
