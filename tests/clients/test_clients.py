"""Each example of each client against the served emulator: what the client's own guide does first."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime

import pytest
from environments import DAY, clients, in_javascript, program


def _examples(client: str) -> list[str]:
    """The functions that take nothing, in their order; those that begin with _ are helpers."""
    text = program(client).read_text(encoding="utf-8")
    if in_javascript(client):
        return re.findall(r"^export async function (\w+)\(\)", text, re.MULTILINE)
    tree = ast.parse(text)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node.name for node in functions if not node.args.args and not node.name.startswith("_")]


CASES = [(client, example) for client in clients() if program(client).is_file() for example in _examples(client)]


# What says until when a token holds by the clock of its machine; the service allows a day.
BY_ITS_CLOCK = ("aLiveSessionOfAToken",)


@pytest.mark.slow
@pytest.mark.parametrize(("client", "example"), CASES)
def test_an_example(emulator, run, client, example):
    if example in BY_ITS_CLOCK:
        emulator.advance((datetime.now(UTC) - datetime.fromisoformat(DAY)).total_seconds())
    run(client, example)
