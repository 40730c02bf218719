"""How `gemctl fmt` lays out manifests. Its law: what is declared, and every comment, is as it was; twice is once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.errors import Rejected
from gemctl.core.source import SourceFile
from gemctl.manifest.layout import is_ours, laid_out
from gemctl.manifest.yaml import parse

ROOT = Path(__file__).parent.parent.parent
BEFORE = """\


# yaml-language-server: x

# The head.
kind:   CachedContent
spec:
    model:    &m "gemini"
    # about ttl
    ttl: 24h   # keep
    contents:
    - role: user
      # parts here
      parts:
      -   text: |
              # Heading

                indented~~
              end~
      - text: >-
         folded
         text


      - {textFile: a.md,
         x: "b
           c"}
    other: *m
# for the lifecycle
lifecycle: {renewBefore: 1h}~

# about metadata
metadata:
   labels: {a: 'b'}
   # its name
   name: x
apiVersion: gemctl/v1

# the end
---
apiVersion: gemctl/v1
kind: List
items:
- kind: File
  metadata:
    name: f
- kind: File
  text: |+
    keep


---
metadata: {name: q}
kind: File
apiVersion: gemctl/v1"""
AFTER = """\
# yaml-language-server: x

# The head.
apiVersion: gemctl/v1
kind: CachedContent

# about metadata
metadata:
  # its name
  name: x
  labels: {a: 'b'}
spec:
  model: &m "gemini"
  # about ttl
  ttl: 24h   # keep
  contents:
    - role: user
      # parts here
      parts:
        - text: |
              # Heading

                indented~~
              end~
        - text: >-
           folded
           text

        - {textFile: a.md,
           x: "b
             c"}
  other: *m
# for the lifecycle
lifecycle: {renewBefore: 1h}

# the end
---
apiVersion: gemctl/v1
kind: List
items:
  - kind: File
    metadata:
      name: f
  - kind: File
    text: |+
      keep


---
apiVersion: gemctl/v1
kind: File
metadata: {name: q}
"""


def made(text: str) -> str:
    return laid_out(SourceFile("m.yaml", text))


def test_a_file_that_has_everything() -> None:
    assert made(BEFORE.replace("~", " ")).replace(" \n", "~\n").replace(" ~", "~~") == AFTER


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kind: File\napiVersion: a\n", "apiVersion: a\nkind: File\n"),
        ("b: 1\nspec: {}\na: 2\nkind: x\n", "kind: x\nspec: {}\nb: 1\na: 2\n"),
        ("a: 1", "a: 1\n"),
        ("a:  1   # c\r\n\r\n\r\nb: 2\r\n", "a: 1   # c\r\n\r\nb: 2\r\n"),
        ("spec: &s {a: 1}\nkind: *s\n", "spec: &s {a: 1}\nkind: *s\n"),  # the anchor comes first
        ("text: |2\n    a\n   b\nkind: x\n", "kind: x\ntext: |2\n    a\n   b\n"),
        ("spec:\n   - - a\n   - b\n", "spec:\n   - - a\n   - b\n"),  # a form that is left as it is
        ("text: |+\n  a\n\n\nkind: x\n", "kind: x\ntext: |+\n  a\n\n\n"),
        ("{kind: x, apiVersion: y}\n", "{kind: x, apiVersion: y}\n"),
        ("? kind\n: x\n", "? kind\n: x\n"),
        ("spec:\n    # c\n    a: 1\n        # d\n", "spec:\n  # c\n  a: 1\n      # d\n"),
        ("a:\n      'x\n\n\n       y'\n", "a:\n      'x\n\n\n       y'\n"),
        ('"a{": 1\n', '"a{": 1\n'),
        ("", ""),
    ],
)
def test_pieces(before: str, after: str) -> None:
    assert made(before) == after
    assert made(after) == after


def test_what_can_not_be_parsed_is_refused_and_what_is_not_ours_is_known() -> None:
    with pytest.raises(Rejected):
        made("a: [\n")
    assert is_ours(SourceFile("m", "apiVersion: gemctl/v1\n---\napiVersion: gemctl/v1\n"))
    for other in ("apiVersion: v1\n", "a: 1\n", "- a\n", "", "apiVersion: gemctl/v1\n---\nservices: {}\n"):
        assert not is_ours(SourceFile("m", other))


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("manifests/*/*.y*ml")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_the_examples_are_laid_out(path: Path) -> None:
    source = SourceFile(path.name, path.read_text(encoding="utf-8"))
    if is_ours(source):
        assert laid_out(source) == source.text


KEYS = st.sampled_from(["kind", "apiVersion", "metadata", "name", "spec", "labels", "a", "'q: {'", '"k#"'])
BLANKS = st.sampled_from(["", "", "", "\n", "\n\n\n", "# c\n", "    # d\n", "\n# e\n\n"])
SCALARS = st.sampled_from(
    ["1", "yes it is", "'q  # no'", '"a\n\n   b"', "~", "&x v", "{a: 1,  b: [1,\n 2]}", "[]", "v   # c", "v  ", "1.0"]
)


@st.composite
def blocks(draw: st.DrawFn, depth: int = 0, column: int = 0) -> str:
    """A mapping in block style, with whatever people put between lines."""
    text = ""
    step = draw(st.sampled_from([1, 2, 3, 4]))
    for key in draw(st.lists(KEYS, min_size=1, max_size=4, unique=True)):
        text += draw(BLANKS) + " " * column + key + ":"
        form = draw(st.sampled_from(["scalar", "scalar", "block", "map", "list"] if depth < 3 else ["scalar"]))
        if form == "scalar":
            text += " " * draw(st.integers(1, 3)) + draw(SCALARS).replace("\n", "\n" + " " * (column + 1)) + "\n"
        elif form == "block":
            header = draw(st.sampled_from(["|", ">", "|-", "|+", ">+", "|2"]))
            inner = "\n".join(
                draw(st.lists(st.sampled_from(["t", "  t", "# t", "k: v", "", "- x", "t  "]), max_size=5))
            )
            body = f"t\n{inner}".replace("\n", "\n" + " " * (column + 2))
            text += f" {header}\n" + " " * (column + 2) + body + "\n"
        elif form == "map":
            text += "\n" + draw(blocks(depth=depth + 1, column=column + step))
        else:
            at = column + draw(st.sampled_from([0, step]))
            text += "\n"
            for _ in range(draw(st.integers(1, 3))):
                dash = " " * at + "-" + " " * draw(st.integers(1, 3))
                item = draw(st.one_of(SCALARS, blocks(depth=depth + 1, column=len(dash))))
                first = item.lstrip(" ") if "\n" in item and not item.lstrip().startswith(("#", '"', "{")) else item
                text += dash + first.rstrip("\n").replace("\n b", "\n" + " " * (at + 2) + "b") + "\n"
    return text


def lines(text: str) -> list[str]:
    return sorted(filter(None, ("".join(line.split()) for line in text.splitlines())))


@given(st.lists(blocks(), min_size=1, max_size=3).map("---\n".join))
def test_the_law(text: str) -> None:
    try:
        before = [document.value for document in parse(SourceFile("m", text))]
    except Rejected:
        return
    after = made(text)
    assert json.dumps([document.value for document in parse(SourceFile("m", after))], sort_keys=True) == json.dumps(
        before, sort_keys=True
    )
    assert lines(after) == lines(text)
    assert made(after) == after
