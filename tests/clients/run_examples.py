"""Runs examples of a client, in its environment: python run_examples.py FILE

Names of functions of FILE come line by line; for each it answers one line of JSON: `ok`, and `said`, which is what the
example printed, or how it failed. One process runs them all, since importing a client takes seconds. An example that
hangs ends the process, with the stacks on standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import importlib.util
import inspect
import io
import json
import os
import sys
import traceback

GIVE_UP = 120  # seconds


def main(path: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints by itself is no answer
    examples = None
    for line in sys.stdin:
        faulthandler.dump_traceback_later(GIVE_UP, exit=True)
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                examples = examples or _load(path)
                example = getattr(examples, line.strip())
                if inspect.iscoroutinefunction(example):
                    asyncio.run(example())
                else:
                    example()
            answer = {"ok": True, "said": printed.getvalue()}
        except Exception:
            answer = {"ok": False, "said": printed.getvalue() + traceback.format_exc()}
        faulthandler.cancel_dump_traceback_later()
        answers.write(json.dumps(answer) + "\n")


def _load(path):
    spec = importlib.util.spec_from_file_location("examples", path)
    module = sys.modules["examples"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main(sys.argv[1])
