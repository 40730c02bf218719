"""The conditions that stand in pipelines of GitHub and GitLab, as far as ours use them. What is unknown is an error."""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(r"\s*('[^']*'|\"[^\"]*\"|==|!=|&&|\|\||[()!]|\$?[A-Za-z_][\w.-]*)")


def evaluate(text: str, name: Callable[[str], object], call: Callable[[str], bool]) -> object:
    """The value of a condition. `name` looks up `github.event_name` or `$CI_COMMIT_BRANCH`, `call` `always()`."""
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        assert found, f"not understood: {text[at:]}"
        tokens.append(found[1])
        at = found.end()
    value = _either(tokens, name, call)
    assert not tokens, f"not understood: {tokens}"
    return value


def _either(tokens, name, call):
    value = _both(tokens, name, call)
    while tokens[:1] == ["||"]:
        tokens.pop(0)
        other = _both(tokens, name, call)
        value = value or other
    return value


def _both(tokens, name, call):
    value = _compared(tokens, name, call)
    while tokens[:1] == ["&&"]:
        tokens.pop(0)
        other = _compared(tokens, name, call)
        value = value and other
    return value


def _compared(tokens, name, call):
    value = _one(tokens, name, call)
    if tokens[:1] in (["=="], ["!="]):
        same = tokens.pop(0) == "=="
        return (value == _one(tokens, name, call)) is same
    return value


def _one(tokens, name, call):
    token = tokens.pop(0)
    if token == "!":
        return not _one(tokens, name, call)
    if token == "(":
        value = _either(tokens, name, call)
        assert tokens.pop(0) == ")"
        return value
    if token[0] in "'\"":
        return token[1:-1]
    if tokens[:2] == ["(", ")"]:
        del tokens[:2]
        return call(token)
    return name(token)
