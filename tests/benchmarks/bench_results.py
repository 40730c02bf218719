"""Measures how fast the results of a job are saved, and in how much memory: `python tests/benchmarks/bench_results.py`.

The service is a stand-in that gives one large file of results, in another order than that of the requests. Prints
megabytes of results a second, by the clock and of one core, and the memory of the process at its most; the files lie in
a folder that is removed.

    --lines N        how many requests, 1,000,000 by default
    --vectors        vectors of 768 numbers instead of texts
    --merge ENDING   instead: merge results that are saved in six parts, as lines (jsonl) or as a table (parquet)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from gemctl.core.address import Address
from gemctl.core.mark import owner_tag
from gemctl.core.record import Origin, Record
from gemctl.core.resource import Declared, Desired, Harvest, Lifecycle, Part, Receipt, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.engine.machine import Collect
from gemctl.files.disk import Files
from gemctl.kinds import CATALOGUE
from gemctl.manifest.root import load_project
from gemctl.outputs import receipts
from gemctl.outputs.receipts import ReceiptFile
from gemctl.outputs.results import SaveResults
from gemctl.outputs.results_line import line_of
from gemctl.outputs.results_parts import Merge
from gemctl.workflows.declared import declared

NAME, PARTS = "batches/abc", 6
PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks:
  local: {endpoint: emulator}
"""
TEXT = "The quick brown fox, as it were, jumps over the lazy dog. "


def answer(number: int, vectors: bool) -> bytes:
    if vectors:
        response: object = {
            "tokenCount": "7",
            "embedding": {"values": [float(f"{(number * 31 + i) % 9773 / 9773 - 0.5:.8g}") for i in range(768)]},
        }
    else:
        counts = {
            "promptTokenCount": 210 + number % 97,
            "candidatesTokenCount": 75 + number % 53,
            "totalTokenCount": 285,
        }
        content = {"parts": [{"text": f"{number}: {TEXT * 5}"}], "role": "model"}
        response = {
            "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {**counts, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 210}]},
            "modelVersion": "gemini-3.8-flash",
        }
    return json.dumps({"response": response, "key": f"row-{number:07}"}, separators=(",", ":")).encode() + b"\n"


class Service:
    def __init__(self, path: Path, lines: int) -> None:
        self._path, self._lines = path, lines

    def fetch(self, call: object) -> object:
        stats = {"requestCount": str(self._lines), "successfulRequestCount": str(self._lines)}
        output = {"responsesFile": "files/batch-abc"}
        return SimpleNamespace(body={"name": NAME, "metadata": {"output": output, "batchStats": stats}})

    def download(self, name: str):
        with self._path.open("rb") as file:
            while piece := file.read(1 << 16):
                yield piece


def merge(folder: Path, lines: int, *, vectors: bool, ending: str) -> None:
    """Write the results of all parts, and measure their merge."""
    of, owner, at = Address("BatchJob", "rows"), owner_tag("abcd1234", "local"), datetime(2026, 11, 29, tzinfo=UTC)
    whole, runs = f"out/rows.{ending}", CATALOGUE["BatchJob"].once
    resources: dict[Address, Resource] = {}
    size = 0
    for number in range(1, PARTS + 1):
        path, digest = folder / f"{whole}.parts/{number:04}.jsonl", hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for line in range(number, lines + 1, PARTS):
                saved = line_of(runs.result(json.loads(answer(line, vectors))))
                file.write(saved)
                digest.update(saved)
                size += len(saved)
        relative = str(path.relative_to(folder))
        declared = Declared({"method": "embedContent" if vectors else "generateContent", "number": number})
        run = Run(results=relative, part=Part(of, number, PARTS, whole))
        one = Address("BatchJob", f"rows.{number:04}")
        resources[one] = Resource(one, declared, Lifecycle(), (), {}, {}, Positions(Span("", 1, 1, 1, 1)), run=run)
        harvest = Harvest(f"sha256:{digest.hexdigest()}", at, lines // PARTS, 0)
        tag = resources[one].spec_tag
        receipts.write(Files(folder, private=False), path, ReceiptFile(Receipt(tag, 1, NAME, harvest), owner, tag), one)
    together = Merge(folder, Desired(resources), owner, lambda _: (), lambda *_: None)
    with measured(size):
        together(of, runs)


@contextmanager
def measured(size: int) -> Iterator[None]:
    before = time.perf_counter(), time.process_time()
    yield
    took, busy = time.perf_counter() - before[0], time.process_time() - before[1]
    print(f"{size / 1e6:,.0f} MB in {took:.1f} s, {busy:.1f} s of a core")
    print(f"{size / 1e6 / took:,.0f} MB/s, {size / 1e6 / busy:,.0f} MB/s of a core")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB of memory at most")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--vectors", action="store_true")
    options.add_argument("--merge", choices=["jsonl", "parquet"])
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.merge:
            merge(folder, given.lines, vectors=given.vectors, ending=given.merge)
            return
        (folder / "gemctl.yaml").write_text(PROJECT)
        (folder / ".gemctl/local").mkdir(parents=True)
        with (folder / "rows.jsonl").open("w") as file:
            for number in range(given.lines):
                request = {"contents": [{"role": "user", "parts": [{"text": TEXT * 5}]}]}
                file.write(json.dumps({"key": f"row-{number:07}", "request": request}) + "\n")
        with (folder / "came").open("wb") as file:
            for number in range(given.lines):
                file.write(answer(number ^ 1023 if number ^ 1023 < given.lines else number, given.vectors))
        spec = {"model": "gemini-3.8-flash", "input": {"fileRef": {"name": "rows"}}}
        for kind, own in ("File", {"source": "rows.jsonl", "mimeType": "application/jsonl"}), ("BatchJob", spec):
            head = {"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": "rows"}, "spec": own}
            run = {"run": {"results": "out/rows.jsonl"}} if kind == "BatchJob" else {}
            (folder / f"{kind}.yaml").write_text(json.dumps({**head, **run}))
        loaded = load_project(str(folder))
        desired = declared(loaded, loaded.project.stacks["local"], CATALOGUE)
        address = Address("BatchJob", "rows")
        job = desired.resources[address]
        record = Record(NAME, job.spec_tag, Origin.CREATED, "", job.declared.fields, run=job.run)
        tag, at = owner_tag("abcd1234", "local"), datetime(2026, 11, 29, tzinfo=UTC)
        save = SaveResults(folder, desired, tag, folder / ".gemctl/local", lambda: at)
        with measured((folder / "came").stat().st_size):
            save(
                Service(folder / "came", given.lines),  # type: ignore[arg-type]
                CATALOGUE["BatchJob"],
                Collect("step", "BatchJob", NAME, address, record),
            )


main()
