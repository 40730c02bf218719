"""The pages on clients show what tests/clients runs: an example as it stands there, and the list of all examples.

UPDATE_TRANSCRIPTS=1 writes both into the pages anew. `<!-- example: CLIENT NAME -->` is followed by the body of that
example, with what it needs of its file; `<!-- examples: CLIENT -->` by the examples' names, in words.
"""

from __future__ import annotations

import ast
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path

import javascript
import pytest

ROOT = Path(__file__).parent.parent.parent
CLIENTS = ROOT / "tests/clients"
PAGES = sorted((ROOT / "docs/emulator/clients").glob("*.md"))
EXAMPLE = re.compile(r"(<!-- example: (\S+) (\w+) -->\n```\w+\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)
EXAMPLES = re.compile(r"(<!-- examples: (\S+) -->\n)(?:[^\n]+\n)*")
EVERY = "*"  # stands for a name that all examples of a file need: of statements that set something
WORDS = {
    "googles": "Google's",
    "openais": "OpenAI's",
    "json": "JSON",
    "api": "API",
    "pdf": "PDF",
    "tls": "TLS",
    "live": "Live",
    "mcp": "MCP",
    "sdk": "SDK",
}
UPDATE = os.environ.get("UPDATE_TRANSCRIPTS")


def _names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _defined(node: ast.stmt) -> set[str]:
    """The names that a statement of a file gives to others."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)} or {EVERY}
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
        return {EVERY}
    return {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) else set()


def python_example(text: str, name: str) -> str:
    """The body of a function, after the statements of its file that it needs."""
    tree = ast.parse(text)
    lines = text.splitlines()

    def source(first: ast.stmt, last: ast.stmt) -> str:
        above = [one.lineno for one in getattr(first, "decorator_list", ())]
        return "\n".join(lines[min([first.lineno, *above]) - 1 : last.end_lineno])

    [function] = [node for node in tree.body if getattr(node, "name", "") == name]
    needed, grown = {EVERY, *_names_in(function)}, True
    while grown:
        more = {inner for node in tree.body if _defined(node) & needed for inner in _names_in(node)}
        grown = bool(more - needed)
        needed |= more
    pieces: list[tuple[str, str]] = []  # what it is, and its text
    for node in tree.body:
        if node is function or not _defined(node) & needed:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            node.names = [one for one in node.names if (one.asname or one.name.partition(".")[0]) in needed]
            pieces.append(("import", ast.unparse(node)))
        else:
            kind = "setting" if isinstance(node, ast.Assign | ast.Expr) else "definition"
            pieces.append((kind, source(node, node)))
    body = textwrap.dedent(source(function.body[0], function.body[-1]))
    if isinstance(function, ast.AsyncFunctionDef):
        pieces.append(("definition", f"async def main():\n{textwrap.indent(body, '    ')}"))
    else:
        pieces.append(("body", body))
    made = ""
    for (before, _), (kind, piece) in zip([("", ""), *pieces], pieces, strict=False):
        blank = "\n\n" if "definition" in (before, kind) else "\n" if before != kind else ""
        made += f"{blank if made else ''}{piece}\n"
    return made


def python_names(text: str) -> list[str]:
    """As tests/clients finds them."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node.name for node in functions if not node.args.args and not node.name.startswith("_")]


def shell_example(text: str, name: str) -> str:
    body = re.search(rf"^{name}\(\) {{.*?\n(.*?)^}}", text, re.MULTILINE | re.DOTALL)[1]
    helper = re.search(r"^ask\(\) {.*?^}\n", text, re.MULTILINE | re.DOTALL)[0]
    return "URL=$GOOGLE_GEMINI_BASE_URL\nMODEL=gemini-3.8-flash\n\n" + helper + "\n" + textwrap.dedent(body)


def shell_names(text: str) -> list[str]:
    return [name for name in re.findall(r"^(\w+)\(\) {", text, re.MULTILINE) if name != "ask"]


READERS: dict[str, tuple[Callable[[str, str], str], Callable[[str], list[str]]]] = {
    ".py": (python_example, python_names),
    ".sh": (shell_example, shell_names),
    ".mjs": (javascript.example, javascript.names),
}


def _file(client: str) -> Path:
    [path] = (CLIENTS / client).glob("examples.*")
    return path


def _example(match: re.Match[str]) -> str:
    path = _file(match[2])
    example, _ = READERS[path.suffix]
    return f"{match[1]}{example(path.read_text(encoding='utf-8'), match[3])}{match[5]}"


def _examples(match: re.Match[str]) -> str:
    path = _file(match[2])
    _, names = READERS[path.suffix]
    each = [javascript.words(name).split("_") for name in names(path.read_text(encoding="utf-8"))]
    words = ", ".join(" ".join(WORDS.get(word, word) for word in name) for name in each)
    return f"{match[1]}{textwrap.fill(f'What is run: {words}.', 120)}\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_is_run(page):
    text = page.read_text(encoding="utf-8")
    assert EXAMPLE.search(text) and EXAMPLES.search(text)
    current = EXAMPLES.sub(_examples, EXAMPLE.sub(_example, text))
    if UPDATE:
        page.write_text(current, encoding="utf-8")
    else:
        assert text == current, "run: UPDATE_TRANSCRIPTS=1 pytest tests/docs"


def test_every_client_has_a_page():
    files = (path for path in CLIENTS.rglob("examples.*") if path.suffix in READERS)  # not what Python compiles
    run = {str(path.parent.relative_to(CLIENTS)) for path in files}
    shown = {match[2] for page in PAGES for match in EXAMPLES.finditer(page.read_text(encoding="utf-8"))}
    assert shown == run
    start = (ROOT / "docs/emulator.md").read_text(encoding="utf-8")
    assert {page.stem for page in PAGES} == set(re.findall(r"\]\(emulator/clients/(\S+?)\.md\)", start))


def test_what_an_example_needs_comes_with_it():
    text = (
        "import os\nimport re\nfrom a import b, c\n\nX = c\nY = 2\nos.environ['A'] = 'b'\n\nclass P(b):\n    pass\n\n"
        "async def one():\n    assert P(X)\n\ndef _two(): ...\n\ndef three(a): ...\n"
    )
    assert python_example(text, "one") == (
        "import os\nfrom a import b, c\n\nX = c\nos.environ['A'] = 'b'\n\n\n"
        "class P(b):\n    pass\n\n\nasync def main():\n    assert P(X)\n"
    )
    assert python_names(text) == ["one"]


def test_what_an_example_in_javascript_needs_comes_with_it():
    text = (
        "// What it is.\n\nimport a, { b, c as d } from 'a';\nimport { e } from 'e';\n\nconst X = d({\n  one: 1,\n});\n"
        "const Y = 2;\n\n// Why.\nexport async function firstOne() {\n  e(_two());\n}\n\n"
        "function _two() {\n  return X;\n}\n\nexport async function another() {\n  a();\n}\n"
    )
    assert javascript.example(text, "firstOne") == (
        "import { c as d } from 'a';\nimport { e } from 'e';\n\nconst X = d({\n  one: 1,\n});\n"
        "function _two() {\n  return X;\n}\n\ne(_two());\n"
    )
    assert javascript.names(text) == ["firstOne", "another"]
    assert javascript.words("firstOne") == "first_one"
