"""What a plan shows of the fields of a change, in every form."""

from __future__ import annotations

from dataclasses import replace
from html import unescape

from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from made_plan import HEADER, at, report

from gemctl.core.call import Reference
from gemctl.core.change import Action, Change, FieldChange, Reason
from gemctl.core.plan import Plan
from gemctl.core.resource import Attachment, Declared, Desired, Lifecycle, Resource
from gemctl.core.source import Path, Positions, Span
from gemctl.plan.diff import explain
from gemctl.render import html, human, json, markdown
from gemctl.render.fields import rows
from gemctl.render.paint import Paint

HERE, BOOK = at("CachedContent/here"), at("File/book")
SAME = "sha256:" + "1" * 64
OLD = "sha256:" + "2" * 64


def declared(
    *texts: Attachment, references: tuple[Reference, ...] = (), implied: frozenset[Path] = frozenset()
) -> Desired:
    made = Declared({}, attachments=texts, references=references, implied=implied)
    place = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Desired({HERE: Resource(HERE, made, Lifecycle(), (), {}, {}, place)})


def file(path: str, *place: str | int, digest: str = SAME) -> Attachment:
    return Attachment(digest, 11, path=path, at=place)


def change(*fields: FieldChange, reason: Reason = Reason.DECLARED) -> Change:
    return Change(HERE, Action.CREATE, reason, fields=fields)


def parts(*values: dict[str, object]) -> list[dict[str, object]]:
    return [{"parts": list(values)}]


TEXT, REF = {"text": SAME}, {"fileData": {"fileUri": "k2v4qz7abcdef"}}
TWINS = declared(
    file("fr/intro.md", "contents", 0, "parts", 0, "text"),
    file("de/intro.md", "contents", 0, "parts", 1, "text"),
    references=(
        Reference(("contents", 0, "parts", 2, "fileData", "fileUri"), BOOK, "uri"),
        Reference(("contents", 0, "parts", 2, "fileData", "mimeType"), BOOK, "mimeType", digested=False),
    ),
)
USUAL = declared(file("fr/intro.md", "contents", 0, "parts", 0, "text"), implied=frozenset({("contents", 0, "role")}))
MANY = declared(*(file(f"docs/{n}.md", "contents", 0, "parts", n, "text") for n in range(9)))
CASES = [
    # what it is about, what is declared, path, before, after, the rows
    ("two files of equal bytes", TWINS, ("contents",), None, parts(TEXT, TEXT),
     [("contents", None, "fr/intro.md (11 bytes), de/intro.md (11 bytes)")]),
    ("what is referred to", TWINS, ("contents",), None, parts(TEXT, TEXT, REF),
     [("contents", None, "fr/intro.md (11 bytes), de/intro.md (11 bytes), File/book")]),
    ("many texts", MANY, ("contents",), None, parts(*[TEXT] * 9),
     [("contents", None, "9 texts from docs/ (99 bytes)")]),
    ("what was before has no name", TWINS, ("contents", 0, "parts", 1, "text"), OLD, SAME,
     [("contents[0].parts[1].text", "text sha256:22222222…", "de/intro.md (11 bytes)")]),
    ("nor has what was before and is somewhere else now", TWINS, ("contents", 0, "parts", 0, "text"), SAME, SAME,
     [("contents[0].parts[0].text", "text sha256:11111111…", "fr/intro.md (11 bytes)")]),
    ("an edit behind a reference", TWINS, ("contents", 0, "parts", 2, "fileData", "fileUri"), "abc", "k2v4qz7abcdef",
     [("contents[0].parts[2].fileData.fileUri", "an earlier one", "File/book")]),
    ("a role beside texts", TWINS, ("contents",), None, [{"role": "model", "parts": [TEXT, TEXT]}],
     [("contents[0]", None, "role: model, parts: [fr/intro.md (11 bytes), de/intro.md (11 bytes)]")]),
    ("what goes without saying", USUAL, ("contents",), None, [{"role": "user", "parts": [TEXT]}],
     [("contents", None, "fr/intro.md (11 bytes)")]),
    ("what goes without saying, by itself", USUAL, ("contents", 0, "role"), None, "user",
     [("contents[0].role", None, "user")]),
    ("items of a list", TWINS, ("tools",), None, [{"functions": [{"name": "refund"}]}, {"googleSearch": {}}],
     [("tools[0]", None, "functions: [{name: refund}]"), ("tools[1]", None, "googleSearch: {}")]),
    ("an item that is too long for a row", TWINS, ("tools",), None, [{"name": "a" * 290, "on": {"p": 1, "q": [2]}}],
     [("tools[0].name", None, "a" * 290), ("tools[0].on", None, "p: 1, q: [2]")]),
    ("texts that look like a structure", TWINS, ("tools",), None, [{"a": "b, c: {d}", "e": "", "f": 'g"'}],
     [("tools[0]", None, 'a: "b, c: {d}", e: "", f: "g\\""')]),
    ("settings", TWINS, ("config",), None, {"topK": 5, "thinking": {"level": "LOW"}},
     [("config.topK", None, "5"), ("config.thinking.level", None, "LOW")]),
    ("lists of words, empty, and none", TWINS, ("x",), None, {"a": ["seed", "topK"], "b": [], "c": None, "d": False},
     [("x.a", None, "seed, topK"), ("x.b", None, "[]"), ("x.c", None, "(none)"), ("x.d", None, "false")]),
    ("words that begin like a digest", TWINS, ("displayName",), "sha256:old", "sha256:FAQ",
     [("displayName", "sha256:old", "sha256:FAQ")]),
    ("something was added", TWINS, ("displayName",), None, "FAQ", [("displayName", None, "FAQ")]),
    ("something was taken away", TWINS, ("config",), {"topK": 5, "seed": 1}, None,
     [("config.topK", "5", None), ("config.seed", "1", None)]),
    ("a structure became another", TWINS, ("x",), ["a"], {"b": 1}, [("x.b", None, "1"), ("x", "a", None)]),
    ("of nobody's declaration", Desired(), ("contents",), None, parts(TEXT),
     [("contents", None, "text sha256:11111111…")]),
]  # fmt: skip


def test_each_field_has_its_rows():
    for what, desired, path, before, after, expected in CASES:
        found = rows(change(FieldChange(path, before, after)), desired)
        assert [(row.path, row.before, row.after) for row in found] == expected, what


def test_an_edit_says_what_was_there_also_where_nothing_was():
    fields = (FieldChange(("displayName",), None, "FAQ"), FieldChange(("a",), 1, None), FieldChange((), None, "why"))
    edited = change(*fields, reason=Reason.EDITED)
    text = human.plan(Plan(HEADER, (edited,), ()), Desired(), Paint())
    for line in ("displayName  (none) → FAQ", "a            1 → (none)", "             why"):
        assert line in text
    assert "(none)" not in human.plan(Plan(HEADER, (change(fields[0]),), ()), Desired(), Paint())


words = st.text("abcdefghijk", min_size=1, max_size=8)
structures = st.recursive(
    st.one_of(words, st.integers(-9, 9), st.booleans()),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3), st.dictionaries(words, inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


def leaves(value):
    if isinstance(value, dict | list):
        return [leaf for inner in (value.values() if isinstance(value, dict) else value) for leaf in leaves(inner)]
    return [str(value).lower() if isinstance(value, bool) else str(value)]


@settings(max_examples=examples(60))
@given(before=st.dictionaries(words, structures, max_size=3), after=st.dictionaries(words, structures, max_size=3))
def test_every_value_that_is_declared_or_edited_is_in_every_form(before, after):
    created = change(*(FieldChange((name,), None, value) for name, value in after.items()))
    edited = change(*explain(before, after), reason=Reason.EDITED) if before != after else created
    for one, values in ((created, leaves(after)), (edited, [])):
        plan = Plan(HEADER, (one,), ())
        changed = [leaf for each in one.fields for value in (each.before, each.after) for leaf in leaves(value)]
        for what, shown in (
            ("text", human.plan(plan, Desired(), Paint(), verbose=True)),
            ("Markdown", markdown.plan(report(plan=plan))),
            ("HTML", unescape(html.plan(report(plan=plan)))),
        ):
            missing = [leaf for leaf in (*values, *changed) if leaf not in shown and leaf != "None"]
            assert not missing, (what, missing)
        assert [field["after"] for field in json.plan(plan)["changes"][0]["fields"]] == [
            field.after for field in one.fields
        ]


def test_of_very_many_fields_the_first_are_shown_and_the_rest_counted():
    many = change(FieldChange(("requests",), None, [{"key": f"k{number}"} for number in range(2000)]))
    plan = Plan(HEADER, (replace(many, tokens=None),), ())
    text = human.plan(plan, Desired(), Paint())
    assert "k39" in text and "k40" not in text and "… and 1,960 more, which -v shows" in text
    assert "k1999" in human.plan(plan, Desired(), Paint(), verbose=True)
    assert "k1999" in html.plan(report(plan=plan))
