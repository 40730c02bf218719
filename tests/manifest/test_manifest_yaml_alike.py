"""Documents that are written alike are read by what is known of their way of writing, and others event by event: both
ways give the same values, places and mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gemctl.core.scalar as scalar
import gemctl.manifest.yaml as reader
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Rejected
from gemctl.core.source import SourceFile
from gemctl.manifest.alike import Recurring, Unlike
from gemctl.manifest.yaml import Document, parse


@contextmanager
def patched(**changed: Any) -> Iterator[None]:
    """With these methods of the reader; `libyaml` says whether there is one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader.yaml, "__with_libyaml__", changed.pop("libyaml", True))
        for name, method in changed.items():
            patch.setattr(reader._Reader, name, method)
        yield


def refuse(*_: Any) -> Any:
    raise Unlike


def fail(*_: Any) -> Any:
    raise AssertionError("read event by event")


def outcome(text: str, recurring: Recurring | None = None) -> tuple[list[Any], tuple[Diagnostic, ...]]:
    """Value, types and places of each document, or the complaints."""
    try:
        return [seen(document) for document in parse(SourceFile("m.yaml", text), recurring)], ()
    except Rejected as rejected:
        return [], rejected.diagnostics


def seen(document: Document) -> Any:
    """All that there is to see: repr tells 1 from 1.0 and True, and shows the order of keys."""
    positions = document.positions
    return repr(document.value), positions.root, dict(positions.values), dict(positions.keys)


def read_twice(text: str, *, libyaml: bool = True) -> tuple[list[Any], tuple[Diagnostic, ...]]:
    """The outcome, which is that of reading event by event too, and of reading it again with what is known by then."""
    recurring = Recurring()
    with patched(libyaml=libyaml):
        found = [outcome(text, recurring), outcome(text, recurring)]
    with patched(libyaml=libyaml, _alike_documents=refuse):
        found += [outcome(text), outcome(text, recurring)]
    assert all(one == found[0] for one in found), text
    return found[0]


WORDS = st.sampled_from(
    [
        "a",
        "b",
        "kind",
        "two words",
        "null",
        "~",
        "true",
        "no",
        "7",
        "-0",
        "1.0",
        "1e3",
        "0x1F",
        "24h",
        "2025-01-01",
        "é😀",
    ]
)
SCALARS = WORDS | WORDS | st.sampled_from(["''", "'x y'", '"x\\ty"', '"a"', "more\n  than one\n\n  line"])
KEYS = st.sampled_from(["a", "b", "c", "kind", "'d'", '"e f"', "é", "spec"])
FLOW = st.recursive(
    SCALARS.filter(lambda text: "\n" not in text),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs.items())}}}"
        )
    ),
    max_leaves=6,
)
BLOCKS = st.builds(
    lambda mark, lines, gap: f"{mark}\n{''.join(f'  {line}{chr(10)}' for line in lines)}{gap}",
    st.sampled_from(["|", "|-", ">", ">+", "| # why"]),
    st.lists(WORDS, min_size=1, max_size=3),
    st.sampled_from(["", "\n", "\n\n", "# a comment\n"]),
)


def deeper(text: str) -> str:
    return text.replace("\n", "\n  ")


def listed(items: list[str]) -> str:
    return "\n".join(f"- {deeper(item)}" for item in items)


def mapped(pairs: dict[str, str]) -> str:
    return "\n".join(
        f"{key}:{'' if value[:1] in ('', '-') and value[:2] != '-0' else ' '}{deeper(value)}" if not block(value)
        else f"{key}:\n  {deeper(value)}"
        for key, value in pairs.items()
    )  # fmt: skip


def block(value: str) -> bool:
    return value.startswith("- ") or ":" in value.partition("\n")[0]


TREES = st.recursive(
    FLOW | SCALARS | BLOCKS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map(listed)
        | st.dictionaries(KEYS, inner, min_size=1, max_size=4).map(mapped)
    ),
    max_leaves=10,
)
FILES = st.lists(TREES, min_size=1, max_size=3).map(lambda texts: "\n---\n".join(texts) + "\n")


@given(FILES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_both_ways_give_the_same(text: str, ends: str, libyaml: bool) -> None:
    read_twice(text.replace("\n", ends), libyaml=libyaml)


PIECES = st.sampled_from(
    ["a", "b", ": ", "\n", "  ", "- ", "[", "]", "{", "}", ", ", "'", '"', "|\n", ">-\n", "&x ", "*x", "!!str ", "! ",
     "<<", "? ", "# ", "\t", "---\n", "...\n", "\\0", "\\ud800", "é", "1", "1_0", "null", "a: b\n", "- a\n",
     "%YAML 1.2\n"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join), st.booleans())
def test_both_ways_give_the_same_for_any_text(text: str, libyaml: bool) -> None:
    read_twice(text, libyaml=libyaml)


USUAL = """\
# a comment
apiVersion: gemctl/v1
metadata: {name: "a", labels: {tier: '0', "team": b}}
spec:
  empty:
  none: [{}, []]
  contents:
  - role: user
    parts:
    - text: |
        one
        two

    -   1.0
  words: many words
    on two lines
"""


@pytest.mark.parametrize("libyaml", [True, False], ids=["libyaml", "python"])
def test_what_is_usual_is_not_read_event_by_event(libyaml: bool) -> None:
    text = f"{USUAL}---\n{USUAL}---\n---\nword\n---\n{USUAL.replace('many', '24h of')}...\n"
    with patched(libyaml=libyaml, _read=fail):
        assert [type(document.value) for document in parse(SourceFile("m.yaml", text))] == [dict, dict, str, dict]
        assert parse(SourceFile("m.yaml", "")) == parse(SourceFile("m.yaml", "---\n---\n")) == ()
    read_twice(text, libyaml=libyaml)


UNUSUAL = {
    "an anchor": "a: &x 1",
    "an anchor of a list": "a: &x [1]",
    "an alias": "a: &x 1\nb: *x",
    "an unknown alias": "a: *x",
    "a tag": "a: !!str 1",
    "a tag of a mapping": "a: !x {}",
    "a tag that says nothing": "a: ! 1",
    "a key that stands twice": "a: 1\n'a': 2",
    "a key that is a number": "1: a",
    "a key that is an unclear number": "1_0: a",
    "an empty key": ": a",
    "a key that is a list": "? [a]\n: b",
    "a key of several lines": "? |\n  a\n: b",
    "a merge key": "<<: {a: b}",
    "an unclear number": "a: 1_0",
    "a character that is not sent": 'a: "\\0"',
    "such a character in a key": '"a\\0": b',
    "many values": "- a\n" * 2_000,
    "many levels": "[" * 64 + "]" * 64,
    "too many levels": "[" * 64 + "a" + "]" * 64,
    "far too many levels": "[" * 2_000,
    "a mistake": "a: b: c",
    "a mistake after an end": "a: b\n...\n]",
    "a directive": "...\n%YAML 1.2\n---\na: b",
    "tags of its own": "...\n%TAG ! x\n---\na: b",
}


@pytest.mark.parametrize("libyaml", [True, False], ids=["libyaml", "python"])
@pytest.mark.parametrize("what", UNUSUAL)
def test_what_is_unusual_is_read_with_care(what: str, libyaml: bool) -> None:
    """Wherever it stands, and only from there on."""
    text = UNUSUAL[what]
    for before, after in (("", ""), (f"{USUAL}---\n---\n", f"\n---\n{USUAL}")):
        read_twice(f"{before}{text}{after}", libyaml=libyaml)


def test_limits_count_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_VALUES", 20)
    monkeypatch.setattr(reader, "MAX_DOCUMENTS", 4)
    texts = ["[a, b, c]", "{a: [b]}", "[a, a, a, a, a]", "", "&x [a, b, c]", "[" + "a, " * 15 + "]", "[1_0, a, a, a]"]
    codes = set()
    for first in texts:
        for second in texts:
            for third in texts:
                _, found = read_twice(f"--- {first}\n--- {second}\n--- {third}\n--- {first}\n")
                read_twice(f"--- {first}\n--- {second}\n--- {third}\n--- {first}\n--- a\n")
                codes |= {tuple(one.code for one in found)}
    assert codes >= {(), ("E111",), ("E140",), ("E140", "E111")}


@given(st.one_of(st.from_regex(one, fullmatch=True) for one in
                 (scalar._NUMBER, scalar._BASED, scalar._ENDLESS, scalar._DISPUTED)))  # fmt: skip
def test_what_may_be_a_number_is_made_of_the_characters_of_numbers(text: str) -> None:
    assert not text.strip(scalar._OF_NUMBERS)
