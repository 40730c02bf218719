"""Writes what follows from the code or from other pages: docs/reference/*.md, docs/diagnostics.md, the list of
decisions in docs/decisions/README.md, and gemctl/workflows/fields.json, by which shells complete fields. People and
.ci/run call it.

python docs/generate.py            write them
python docs/generate.py --check    fail if one of them is not what would be written
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gemctl.cli.exits import Exit
from gemctl.cli.main import COMMANDS, cli
from gemctl.core.codes import CODES, SECTIONS
from gemctl.kinds import CATALOGUE
from gemctl.schema.walk import Node, reference
from gemctl.workflows.explain import ENVELOPE, schema_of
from gemctl.workflows.schema import schema

DOCS = Path(__file__).parent
MADE = "<!-- Made by docs/generate.py: change the code, not this page. -->\n"
EXITS = {
    Exit.DONE: "done, or nothing to do",
    Exit.ERROR: "an error; nothing was done",
    Exit.PENDING: "`--detailed-exitcode`: something to do (plan); some requests have no answer (results, wait)",
    Exit.LOCKED: "another run holds the lock",
    Exit.STALE: "the saved plan is stale; nothing was done",
    Exit.PARTIAL: "applied in part: failed, blocked or unknown steps, or another writer at work; the rest is recorded",
    Exit.STATE: "the state is damaged, foreign, or of a newer gemctl",
    Exit.USAGE: "the command line is wrong",
}


def commands() -> str:
    """Every command as `--help` shows it."""
    lines = ["# Commands", MADE, "Global options may stand before or after the command.", ""]
    root = click.Context(cli, info_name="gemctl", max_content_width=88, terminal_width=88)
    lines += ["```text", cli.get_help(root), "```", ""]
    for name in COMMANDS:
        command = cli.get_command(root, name)
        assert command is not None
        lines += list(_command(command, root, name))
    lines += ["## Exit status", "", "| status | meaning |", "|---|---|"]
    lines += [f"| {status.value} | {EXITS[status]} |" for status in Exit]
    lines += ["| 130, 143 | ended by SIGINT, SIGTERM |", ""]
    return "\n".join(lines)


def _command(command: click.Command, parent: click.Context, name: str) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, max_content_width=88, terminal_width=88)
    yield from (f"## {context.command_path}", "", "```text", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            assert found is not None
            yield from _command(found, context, inner)


def kind_page(name: str) -> str:
    """A kind, or `Project`: its fields, from the models that check it."""
    document = schema(name)
    title = "The project file (gemctl.yaml)" if name == "Project" else name
    lines = [f"# {title}", MADE]
    if about := document.get("description"):
        lines += [about, ""]
    seen: set[str] = set()
    todo = [(name, Node(document, document).resolved())]
    while todo:
        heading, shape = todo.pop(0)
        if heading in seen or not shape.fields:
            continue
        seen.add(heading)
        lines += [f"## {heading}", ""]
        if heading != name and (about := shape.entry.get("description")):
            lines += [about.strip(), ""]
        lines += ["| field | type | |", "|---|---|---|"]
        for field, node in shape.fields.items():
            text = node.resolved().entry.get("description", "").replace("\n", " ").replace("|", "\\|")
            lines.append(f"| `{field}`{' *' if node.required else ''} | {_type(node)} | {text} |")
            todo += [(_name(part), part) for form in node.forms() for part in _parts(form) if part.fields]
        lines.append("")
    lines += ["Fields with * are required.", ""]
    if any("UNSPECIFIED`" in line for line in lines):
        said = "Names in capitals may be written in small letters too. UNSPECIFIED says no more than leaving it out."
        lines += [said, ""]
    return "\n".join(lines)


def _parts(form: Node) -> list[Node]:
    """What is in a list or a map, or else the form itself."""
    inside = form.items or form.values
    return list(inside.forms()) if inside else [form]


def _name(form: Node) -> str:
    return str(form.entry["title"]).removesuffix("Shape")


def _type(node: Node) -> str:
    names = []
    for form in node.forms():
        if form.fields and form is not node:  # what stands in its place, and is not referred to, is an object
            names.append(_name(form))
        elif form.entry.get("type") == "array":
            names.append(f"list of {_type(form.items) if form.items else 'anything'}")
        elif "const" in form.entry:
            names.append(f"`{form.entry['const']}`")
        elif form.words:
            names.append(", ".join(f"`{word}`" for word in form.words))
        elif form.values:
            names.append(f"map to {_type(form.values)}")
        else:
            names.append(str(form.entry.get("type", "anything")))
    return " or ".join(dict.fromkeys(names)).replace("|", "\\|")


def diagnostics() -> str:
    """How errors look, and every code."""
    lines = ["# Diagnostics", MADE, _INTRODUCTION]
    for number, title in SECTIONS.items():
        lines += [f"## {title}", ""]
        codes = sorted((code for code in CODES if code[1] == number), key=lambda code: (code[0] != "E", code))
        for code in codes:
            summary, _, rest = CODES[code].partition(". ")
            lines += [f"### {code}: {summary.removesuffix('.')}", "", rest, ""]
    return "\n".join(lines)


_INTRODUCTION = """\
A diagnostic says where, what, why, and what to do:

```text
handbook.yaml:6:8: error[E215]: Not a duration
  |
6 |   ttl: one day
  |        ^^^^^^^ CachedContent/handbook: 'one day' is not a duration; write 90s, 5m, 1h30m or 2d.
```

The first line is for editors and pipelines: file, line and column (from 1, columns in characters), severity and code.
Codes are stable: a script may rely on them. All problems of a stage are shown at once; errors (E) stop it, warnings
(W) do not. `--json` gives the same as data. A refusal by the service during apply points at the manifest as well.
How they are written: the summary is short and fixed, without the user's words; the detail says in full sentences what
and why; the hint says what to do. `gemctl explain E215` prints what this page says of a code.
"""


def decisions() -> str:
    """The list of decisions: number and title of each page beside it."""
    lines = ["# Decisions", "<!-- Made by docs/generate.py from the pages beside it. -->\n", _DECISIONS]
    for page in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        number, title = re.match(r"# ([0-9]+)\W*(.*)", page.read_text(encoding="utf-8")).groups()  # type: ignore[union-attr]
        lines.append(f"* [{number}]({page.name}) {title}")
    return "\n".join(lines)


_DECISIONS = """\
Each page has one great decision: its context, the decision, and its consequences. A page keeps its number and its text.
If a decision is changed, a new page says so, and the old page gets a link to the new one. After you add a page, run
`python docs/generate.py`. The words are explained in the [glossary](../glossary.md).
"""


def fields() -> str:
    """The fields below each place of manifests, for workflows/completion.py, which explains them. Places with the same
    fields are one.
    """
    nodes: list[dict[str, int | None]] = []
    places: dict[str, int] = {}

    def place(found: list[Node]) -> int | None:
        mappings = [each for node in found for each in _mappings(node)]
        shape = [[each.entry.get(word) for word in ("properties", "additionalProperties")] for each in mappings]
        key = json.dumps([sorted({wholes.index(each.whole) for each in mappings}), shape])
        if key in places or not any(each.fields or each.values for each in mappings):
            return places.get(key)
        places[key] = len(nodes)
        nodes.append({})
        below: dict[str, list[Node]] = {}
        for each in mappings:
            for name, node in (each.fields | ({"": each.values} if each.values else {})).items():
                below.setdefault(name, []).append(node)
        nodes[places[key]].update({name: place(nodes_) for name, nodes_ in below.items()})
        return places[key]

    every = schema(None)  # one for all kinds, in which shapes that differ have names of their own
    starts = {name: Node(reference(name), every) for name in CATALOGUE}
    starts |= {name: Node(whole, whole) for name in ("Project", *ENVELOPE) if (whole := schema_of(name))}
    wholes = [every, *(start.whole for start in starts.values())]
    roots = {name: place([start]) for name, start in starts.items()}
    table = {"kinds": list(CATALOGUE), "roots": roots, "nodes": nodes}
    return json.dumps(table, separators=(",", ":")).replace("},{", "},\n{")


def _mappings(node: Node) -> Iterator[Node]:
    """The mappings that may stand there, or in the list there."""
    for form in node.forms():
        if form.items:
            yield from _mappings(form.items)
        else:
            yield form


def pages() -> dict[Path, str]:
    reference = DOCS / "reference"
    made = {reference / "commands.md": commands(), DOCS / "diagnostics.md": diagnostics()}
    made[reference / "project.md"] = kind_page("Project")
    made[DOCS / "decisions/README.md"] = decisions()
    made[DOCS.parent / "gemctl/workflows/fields.json"] = fields()
    for name in CATALOGUE:
        made[reference / f"{_file(name)}.md"] = kind_page(name)
    return made


def _file(kind: str) -> str:
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in kind).removeprefix("-")


def main() -> int:
    """Returns 1 when --check finds a page that is not current."""
    stale = []
    for path, text in pages().items():
        text = "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if "--check" not in sys.argv:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'not current' if '--check' in sys.argv else 'written'}: {path.relative_to(DOCS.parent)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
