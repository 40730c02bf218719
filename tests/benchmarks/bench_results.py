"""Measures how fast the results of a job are saved, and in how much memory: `python tests/benchmarks/bench_results.py`.

The service is a stand-in that gives one large file of results, in another order than that of the requests. Prints
megabytes of results a second and the memory of the process at its most; the files lie in a folder that is removed.

    --lines N        how many requests, 1,000,000 by default
    --vectors        vectors of 768 numbers instead of texts
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from gemctl.core.address import Address
from gemctl.core.mark import owner_tag
from gemctl.core.record import Origin, Record
from gemctl.engine.machine import Collect
from gemctl.kinds import CATALOGUE
from gemctl.manifest.load import load_project
from gemctl.outputs.results import SaveResults
from gemctl.workflows.declared import declared

NAME = "batches/abc"
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


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--vectors", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
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
        before = time.perf_counter(), time.process_time()
        harvest = save(
            Service(folder / "came", given.lines),  # type: ignore[arg-type]
            CATALOGUE["BatchJob"],
            Collect("step", "BatchJob", NAME, address, record),
        )
        took, busy = time.perf_counter() - before[0], time.process_time() - before[1]
        size = (folder / "out/rows.jsonl").stat().st_size
    print(f"{harvest.succeeded:,} results, {size / 1e6:,.0f} MB, in {took:.1f} s ({busy:.1f} s of a core)")
    print(f"{size / 1e6 / took:,.0f} MB/s")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB of memory at most")


main()
