"""How quick files of requests are checked and made: `python tests/benchmarks/bench_lines.py [LINES]`.

Not collected by pytest: clocks differ, so run it by hand on a quiet machine. A million lines of 450 bytes are written
into a temporary folder; each measurement has a process of its own. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "it", "reads", "of", "shipping"]
CHECK = """
import os, sys
from gemctl.core.kind import FileNeed
from gemctl.kinds.parts.lines import LineCheck
from gemctl.manifest.binary import attach_binary
from gemctl.manifest.digests import Digests
need = FileNeed((), "requests", binary=True, check=LineCheck("generateContent"))
attach_binary(sys.argv[1], need, Digests(sys.argv[1]), ["requests"])
"""
MERGE = """
import os, sys
from gemctl.kinds.parts.merge import merged
values = {"method": "generateContent", "before": [{"text": "Read:"}],
          "request": {"cachedContent": "cachedContents/x", "labels": {"a": "b"}}}
with open(os.path.join(sys.argv[1], "requests"), "rb") as file:
    for line in merged(values, file):
        pass
"""
USED = """
import resource
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def write(path: Path, lines: int) -> None:
    chosen = random.Random(1)
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            text = " ".join(chosen.choices(WORDS, k=70))[:300]
            request = {
                "contents": [{"role": "user", "parts": [{"text": text}]}],
                "generationConfig": {"temperature": 0.2, "maxOutputTokens": 50},
            }
            file.write(json.dumps({"key": f"row-{number:06}", "request": request}) + "\n")


def took(script: str, folder: str) -> tuple[float, float]:
    """Seconds of one core, and the largest memory in MB, of a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script + USED, folder], check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    seconds, kilobytes = done.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def main() -> int:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "requests")
        write(path, lines)
        size = path.stat().st_size / 1e6
        print(f"{lines:,} lines, {size:,.0f} MB")
        for name, script, most in (("check", CHECK, 10 * lines / 1e6), ("merge", MERGE, size / 70)):
            seconds, memory = took(script, folder)
            missed |= seconds > most or memory > 130
            print(f"{name}: {seconds:.1f} s (at most {most:.1f}), {memory:.0f} MB of memory (at most 130)")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
