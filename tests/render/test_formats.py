"""Plans and graphs in the forms that are read elsewhere: golden files, and laws that hold for any text."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from made_plan import CHANGES, DESIRED, HEADER, NASTY, SECRET, STEPS, at, hours, report, resource
from markdown_it import MarkdownIt  # comes with rich

from gemctl.core.change import Action, Change, FieldChange, Reason
from gemctl.core.codes import problem
from gemctl.core.graph import Graph, declared
from gemctl.core.plan import Plan
from gemctl.core.source import Span
from gemctl.render import graph, html, human, json, markdown, outline
from gemctl.render.outline import Section
from gemctl.render.paint import Paint
from gemctl.render.safe import safe

GOLDEN = Path(__file__).parent / "golden"
PLANS = {"plan.md": markdown.plan, "plan.html": html.plan}
OTHERS = {
    "plan.txt": lambda made: human.plan(made.plan, made.desired, Paint(), verbose=True),
    "plan.json": lambda made: json.text(json.plan(made.plan, made.diagnostics)),
}
GRAPHS = {"graph.txt": graph.text, "graph.mmd": graph.mermaid, "graph.dot": graph.dot}

MARKS = "<>&|`@#[]()!*_~$\\\"'{}:/=%^+-. \n\t\r\x00\x1b\u202e\u2028\ufffe\U0001fffe"
foreign = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=MARKS + "aZ09é", max_size=40),
    st.sampled_from([NASTY, "a|b", "\\|", "``", "</details>", "-->", "<!--", "&lt;", "]]>", "@all", "a#1", "GH-12"]),
)


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*PLANS, *OTHERS])
def test_a_plan_with_everything_in_it(name):
    assert {change.action for change in CHANGES} == set(Action)
    golden(name, {**PLANS, **OTHERS}[name](report()))


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_with_everything_in_it(name):
    golden(name, GRAPHS[name](declared(DESIRED)))


def test_the_same_graph_as_json():
    document = json.graph(declared(DESIRED))
    assert {"from": "File/handbook-pdf", "to": "CachedContent/handbook"} in document["edges"]
    assert len(document["nodes"]) == len(DESIRED.resources)


@pytest.mark.parametrize("render", [*PLANS.values(), *GRAPHS.values()])
def test_nothing_in_nothing_out(render):
    empty = report(plan=Plan(HEADER, (), ()), diagnostics=()) if render in PLANS.values() else Graph()
    assert render(empty).strip()


# What is said


def lives():
    return {(str(life.address), life.action): life for life in report().lives()}


def test_what_lives_how_long_once_it_is_applied():
    found = lives()
    assert found["CachedContent/brand-new", Action.CREATE].end == hours(24)
    assert found["CachedContent/soon", Action.UPDATE].end == hours(24)
    assert found["CachedContent/handbook", Action.REPLACE].end == hours(48)  # the new one, not the one that is retired
    assert found["CachedContent/photos", Action.UPDATE].end == hours(1)  # never longer than it had
    assert found["CachedContent/tariff", Action.KEEP].due == hours(12)
    assert found["BatchJob/nightly", Action.HARVEST].what == "forgotten"
    assert found["BatchJob/weekly", Action.KEEP].what == "to be looked after"
    assert ("CachedContent/old", Action.DELETE) not in found


def test_what_needs_somebody_first_comes_first():
    instants = [life.next for life in report().lives()]
    assert instants == sorted(instants)


def test_what_ends_before_the_next_run_is_named():
    assert [str(life.address) for life in report().ending()] == ["CachedContent/photos"]
    assert "Before that ends: `CachedContent/photos`." in markdown.plan(report())
    assert "<dt>Ends before that</dt><dd>CachedContent/photos</dd>" in html.plan(report())


def test_storage_is_summed_where_it_is_known():
    hours_stored = 12_000 * 24 + 2_000 * 24 + 100_000 * 48
    assert outline.summary(report()).endswith(f"About {hours_stored:,} token-hours of storage.")
    unknown = Change(at("CachedContent/x"), Action.CREATE, Reason.DECLARED, hours=1.0)
    assert outline.summary(report(plan=Plan(HEADER, (*CHANGES, unknown), ()))).endswith("and what is not known for 1.")


def test_what_cannot_be_undone_comes_first():
    actions = [change.action for change in report().changes]
    assert actions[0] is Action.DELETE
    assert actions == sorted(actions, key=outline.WEIGHT.index)
    assert report().actions[at("CachedContent/old")] is Action.DELETE


def test_a_plan_without_manifests_is_drawn_by_the_order_of_its_steps():
    nodes, _ = report(desired=type(DESIRED)()).graph(100)
    assert nodes.edges == ((at("File/handbook-pdf"), at("CachedContent/handbook")),)


def test_of_a_large_graph_what_matters_is_drawn():
    nodes, left_out = report().graph(3)
    assert nodes.nodes == (at("BatchJob/nightly"), at("CachedContent/handbook"), at("File/handbook-pdf"))
    assert left_out == 3, "what has no edge is no part of it"


def test_what_needs_nothing_is_not_drawn():
    alone = report(plan=Plan(HEADER, CHANGES[:1], ()), desired=type(DESIRED)())
    assert "What needs what" not in markdown.plan(alone) + html.plan(alone)


@pytest.mark.parametrize("render", [*PLANS.values(), *OTHERS.values()])
def test_texts_are_never_shown(render):
    shown = render(report())
    assert SECRET not in shown and "rutabaga" not in shown
    if render is not OTHERS["plan.json"]:
        assert f"text ({len(SECRET)} bytes)" in shown


# Markdown

OURS = re.compile(r"</?details>|</?summary>|</?code>|<!-- gemctl plan [A-Za-z0-9._/-]+ -->")
CODE = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", re.DOTALL)


def rendered(text: str) -> str:
    return MarkdownIt("commonmark").enable("table").render(text)


class Cells(HTMLParser):
    """The cells of a page's tables, and every tag in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self._inside = False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("td", "th"):
            self._inside = True
            self.cells.append("")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self._inside:
            self.cells[-1] += data


@given(foreign, foreign)
def test_foreign_text_stays_text_in_its_cell(name, sentence):
    row = markdown._row([markdown.code(name), markdown.inline(sentence), "end"])
    page = Cells(rendered(f"| a | b | c |\n|---|---|---|\n{row}"))
    assert page.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert len(page.cells) == 6 and page.cells[-1] == "end"
    shown = page.cells[3]
    assert shown.strip() == (shown_as(name).strip() if name.strip() else "")


def shown_as(text: str) -> str:
    """What is to be read in a code span."""
    text = markdown._cut(safe(text), 100).replace("<", "\\u{3c}")
    return re.sub(r"\\+(?=\|)", lambda found: "\\u{5c}" * len(found.group()), text)


@given(foreign)
def test_nothing_outside_of_code_is_a_mention_a_reference_a_link_or_markup(sentence):
    bare = CODE.sub("", markdown.inline(sentence))
    assert not set(bare) & set("@#<>[]*_`~$\\|{}!&^") - set("!")
    assert "www." not in bare and "://" not in bare and "![" not in bare
    assert not re.search(r"[0-9a-f]{7,}|[a-z]-\d", bare, re.IGNORECASE)


def test_words_stay_words():
    text = "The ttl is one minute: that's (nearly) nothing, isn't it? See docs/files.md."
    assert markdown.inline(text) == text
    assert markdown.inline("ask @octocat about #17 please") == "ask `@octocat` about `#17` please"
    assert markdown.inline("of commit 02555ce") == "of commit `02555ce`"


names = st.builds(lambda kind, name: type(CHANGES[0].address)(kind, name), foreign, foreign)
changes = st.builds(
    Change,
    names,
    st.sampled_from(Action),
    st.sampled_from(Reason),
    st.one_of(st.none(), foreign),
    st.lists(st.builds(FieldChange, st.tuples(foreign), foreign, foreign), max_size=3).map(tuple),
    note=foreign,
    next_due=st.one_of(st.none(), st.just(hours(5))),
    tokens=st.one_of(st.none(), st.integers(0, 10**9)),
    hours=st.one_of(st.none(), st.floats(0, 10**4)),
)
diagnostics = st.builds(lambda text, file: problem("E502", text, span=Span(file, 1, 1, 1, 2)), foreign, foreign)
reports = st.builds(
    lambda changes, problems, name: report(
        plan=Plan(replace(HEADER, project=name, stack=name, endpoint=name), tuple(changes), STEPS),
        project=name,
        diagnostics=tuple(problems),
    ),
    st.lists(changes, max_size=6),
    st.lists(diagnostics, max_size=3),
    foreign,
)


@settings(max_examples=examples(60), deadline=None)
@given(reports)
def test_there_is_no_tag_but_ours_in_markdown(made):
    text = markdown.plan(made)
    assert "<" not in OURS.sub("", text)
    assert text.count("<details>") == text.count("</details>")
    for line in text.splitlines():
        if line.startswith("| "):
            cells = re.split(r"(?<!\\)\|", line)
            assert len(cells) - 2 in (3, 4, 6), line
    assert Cells(rendered(text)).tags <= {
        *("h3", "p", "strong", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "details", "summary")
    }


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(changes, max_size=30), st.integers(2_500, 9_000))
def test_a_comment_is_never_too_long(some, limit):
    text = markdown.plan(report(plan=Plan(HEADER, tuple(some), ())), limit=limit)
    assert len(text.encode()) <= limit


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(st.one_of(reports, st.none()), max_size=12), st.integers(2_500, 9_000))
def test_one_comment_for_several_stacks_is_never_too_long_and_holds_no_tag_but_ours(some, limit):
    wrong = (problem("E502", NASTY, span=Span(NASTY, 1, 1, 1, 2)),)
    sections = [Section(f"s{number}", made, wrong) for number, made in enumerate(some)]
    text = markdown.plans(NASTY, NASTY, sections, limit=limit)
    assert len(text.encode()) <= limit
    assert "<" not in OURS.sub("", text)
    assert text.count("<details>") == text.count("</details>")
    assert all(f"| `s{number}` | " in text for number in range(len(some)))


def test_a_large_plan_takes_no_room_from_small_ones():
    huge = report(plan=Plan(HEADER, CHANGES * 400, ()))
    small = report(plan=Plan(HEADER, CHANGES[:2], ()), diagnostics=())
    none = (problem("E310", "There is no API key."),)
    sections = [Section("a", huge), Section("b", small), Section("c", None, none), Section("d", huge)]
    text = markdown.plans("7f3k9q2m", "desk", sections)
    assert 55_000 < len(text.encode()) <= markdown.LIMIT
    parts = dict(zip("abcd", re.split(r"^#### `.`$", text, flags=re.MULTILINE)[1:], strict=True))
    assert "… and" not in parts["b"] + parts["c"] and "`E310`" in parts["c"]
    assert "more change" in parts["a"] and "more change" in parts["d"]
    assert abs(len(parts["a"]) - len(parts["d"])) < 1_000, "shared fairly"
    assert text.index("| `d` | ") < text.index("#### `a`"), "what comes of each is said first"


def test_of_very_many_stacks_what_comes_of_each_matters_more_than_details():
    sections = [Section(f"stack-{number}", report()) for number in range(300)]
    text = markdown.plans("7f3k9q2m", "desk", sections)
    assert len(text.encode()) <= markdown.LIMIT
    assert text.count("\n| `stack-") == 300
    assert text.endswith("… and the details of 300 stacks.")


def test_what_does_not_fit_is_left_out_from_the_least_important_end_and_counted():
    many = tuple(
        Change(at(f"CachedContent/n{number}"), action, Reason.DECLARED, fields=(FieldChange(("ttl",), None, "1h"),))
        for number, action in enumerate([Action.DELETE, Action.CREATE, Action.KEEP] * 1_000)
    )
    text = markdown.plan(report(plan=Plan(HEADER, many, ())))
    assert 55_000 < len(text) <= markdown.LIMIT < 65_536
    shown = len(re.findall(r"^\| `−` delete", text, re.MULTILINE)) + len(
        re.findall(r"^\| `\+` create", text, re.MULTILINE)
    )
    assert text.count("`−` delete") == 1_000
    assert f"… and {2_000 - shown:,} more changes: {2_000 - shown:,} create." in text
    assert "… and the fields of 2,000 changes." in text
    assert "… and 1,000 more resources that are kept." in text
    assert "E505" in text


def test_the_graph_of_a_comment_is_one_that_github_draws():
    many = [at(f"CachedContent/n{number}") for number in range(80)]
    references = {node: resource(node, *many[:number]) for number, node in enumerate(many)}
    changes = tuple(Change(node, Action.CREATE, Reason.DECLARED) for node in many)
    text = markdown.plan(report(plan=Plan(HEADER, changes, ()), desired=replace(DESIRED, resources=references)))
    drawing = re.search(r"^```mermaid\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)[1]
    assert 400 < drawing.count(" --> ") < 500, "Mermaid draws no more than 500 edges"
    assert len(drawing) < 50_000, "nor texts of more characters"
    assert "… and 48 more." in text


def test_a_comment_of_a_small_plan_leaves_nothing_out():
    text = markdown.plan(report())
    assert "… and" not in text
    assert text.startswith("<!-- gemctl plan 7f3k9q2m/prod -->\n")


def test_many_fields_of_one_change_are_cut():
    fields = tuple(FieldChange((f"f{number}",), None, "x") for number in range(80))
    one = Change(at("CachedContent/a"), Action.CREATE, Reason.DECLARED, fields=fields)
    assert "… and 30 more" in markdown.plan(report(plan=Plan(HEADER, (one,), ())))


# HTML

VOID = {"meta", "br"}
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "footer", "h1", "h2", "p", "br"),
    *("dl", "div", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "span", "code", "details", "summary"),
    "pre",
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "http-equiv", "class", "scope", "style"),
}


class Strict(HTMLParser):
    """Raises AssertionError for what is not closed in order, and for what may not be there at all."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        assert {name for name, _ in attrs} <= ATTRIBUTES, attrs
        assert len({name for name, _ in attrs}) == len(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()


@settings(max_examples=examples(60), deadline=None)
@given(reports)
def test_a_page_is_well_formed_and_holds_nothing_but_what_we_put_there(made):
    page = html.plan(made)
    assert page.isascii()
    Strict(page)


def test_a_page_takes_nothing_from_elsewhere():
    page = html.plan(report())
    assert "default-src 'none'" in page
    assert not re.search(r"<(?:link|script|img|iframe|object|embed|base|form|a)\b", page)
    assert "http://" not in page.replace("](http://b)", "") and "https://" not in page
    assert "prefers-color-scheme: dark" in page


@settings(max_examples=examples(60))
@given(st.lists(names, max_size=6, unique=True), st.data())
def test_a_graph_of_any_names_is_well_formed(nodes, data):
    pairs = st.tuples(st.sampled_from(nodes), st.sampled_from(nodes)) if nodes else st.nothing()
    edges = data.draw(st.lists(pairs, max_size=8)) if nodes else []
    made = graph_of(nodes, edges)
    for actions in ({}, dict.fromkeys(made.nodes, Action.REPLACE)):
        drawn = graph.mermaid(made, actions)
        assert len(drawn.splitlines()) == 1 + len(made.nodes) + len(made.edges)
        assert not re.search(r'\["[^"]*["<>;`][^"]*"\]', re.sub(r"#\d+;", "", drawn))
        assert "`" not in drawn, "nothing ends the block of code in a comment"
    for line in graph.dot(made).splitlines()[3:-1]:
        assert re.fullmatch(r'    "(?:[^"\\]|\\.)*"(?: -> "(?:[^"\\]|\\.)*")?;', line)
    said = graph.text(made).splitlines()
    assert len(said) >= len(made.nodes)
    assert all(any(safe(str(node)) in line for line in said) for node in made.nodes)


def graph_of(nodes, edges):
    from gemctl.core.graph import graph as make

    return make(nodes, edges)
