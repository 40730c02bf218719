"""A plan that found nothing to do is remembered, and never says anything else than one that is made anew."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cli_world import TEXT, cache, here

from gemctl.emulator.app import App, Request
from gemctl.emulator.server import running
from gemctl.emulator.world import World
from gemctl.files.disk import Files
from gemctl.files.kept import keep
from gemctl.workflows import facts, settled
from gemctl.workflows.wiring import SystemClock

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: dev
stacks:
  dev: {vars: {word: first}, overlays: [over]}
  other: {}
defaults:
  CachedContent: {spec: {model: gemini-3.8-flash, ttl: 24h}}
facts: facts.yaml
"""
FACTS = "apiVersion: gemctl/v1\nkind: Facts\nasOf: 2026-11-01\nmodels: {}\n"
IN_FILES = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: files}
spec:
  contents:
    - {role: user, parts: [{textFile: texts/one.md}]}
    - {role: user, parts: [{textFiles: texts/more/*.md}]}
  displayName: ${var.word}
publish: [{dotenv: out.env, name: FILES}]
"""
OVER = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: one}\nspec: {systemInstruction: Be short.}\n"
REMEMBERED = ".gemctl/dev/settled.json"
MODULES = 91  # of gemctl


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project with texts in files, an overlay and facts of its own, as it was applied, and the service."""
    for name, text in {
        "gemctl.yaml": PROJECT,
        "facts.yaml": FACTS,
        "caches.yaml": f"{cache('one')}{cache('two')}{IN_FILES}",
        "over/one.yaml": OVER,
        "texts/one.md": TEXT,
        "texts/more/a.md": TEXT,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    start = datetime.now(UTC)
    app = App(World(now=lambda: start))  # amounts and durations depend on the second
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        monkeypatch.setenv("GEMINI_API_KEY", "any-word")
        assert here(tmp_path, "apply", "--yes").returncode == 0
        yield tmp_path, app
    assert not app.bugs


def plan(folder, *words):
    done = here(folder, "plan", "--detailed-exitcode", *words)
    # What depends on the second in which it is said: how long it is until then, and what storage until then costs.
    said = re.sub(r"\(in [^)]*\)|^ *[Cc]osts?:? \$.*$", "", done.stdout, flags=re.MULTILINE)
    return done.returncode, said, done.stderr


def anew(folder, *words):
    """A plan of which nothing was remembered."""
    for name in (REMEMBERED, ".gemctl/dev/declared.jsonl", ".gemctl/project.json"):
        (folder / name).unlink(missing_ok=True)
    return plan(folder, *words)


def kept(folder):
    """What is remembered of a plan."""
    return json.loads((folder / REMEMBERED).read_bytes().partition(b"\n")[2])


def edit(folder, change):
    """Change what is remembered, as gemctl itself would have written it."""
    data = json.dumps(kept(folder) | change).encode()
    keep(Files(folder), folder / REMEMBERED, {"format": settled.FORMAT}, data, settled.LARGEST)


def written(path, text):
    def write(folder, *_):
        (folder / path).write_text(text, encoding="utf-8")

    return write


def gone(path):
    return lambda folder, *_: (folder / path).unlink()


def by_hand(folder, app, _):
    name = json.loads((folder / ".gemctl/dev/state.json").read_bytes())["records"][0]["record"]["name"]
    reply = app.handle(Request("DELETE", f"/v1beta/{name}", (), {"x-goog-api-key": "hand"}, b""))
    assert reply.status == 200


def set_to(name, value):
    return lambda *given: given[2].setenv(name, value)


def linked(folder, *_):
    (folder / "out.env").unlink()
    (folder / "out.env").symlink_to("/nowhere/at-all")


def with_project(old, new):
    return lambda folder, *_: (folder / "gemctl.yaml").write_text(PROJECT.replace(old, new), encoding="utf-8")


def without_state(folder, *_):
    (folder / ".gemctl/dev/state.json").unlink()


CHANGES = {
    "a manifest": written("caches.yaml", f"{cache('one')}{cache('two')}"),
    "a manifest with a mistake": written("caches.yaml", "apiVersion: gemctl/v1\nkind: Cache\n"),
    "one more manifest": written("new.yaml", cache("three").removesuffix("---\n")),
    "no manifest": gone("caches.yaml"),
    "an overlay": written("over/one.yaml", OVER.replace("short", "long")),
    "no overlay": gone("over/one.yaml"),
    "a text": written("texts/one.md", f"{TEXT}!"),
    "no text": gone("texts/one.md"),
    "one more text": written("texts/more/b.md", TEXT),
    "the facts": written("facts.yaml", FACTS.replace("models: {}", "models: {gemini-3.8-flash: {ends: 2026-12-01}}")),
    "wrong facts": written("facts.yaml", "nothing"),
    "a default": with_project("24h", "25h"),
    "a variable in the project": with_project("word: first", "word: second"),
    "a variable in the environment": set_to("GEMCTL_VAR_word", "second"),
    "a limit": with_project("facts: facts.yaml", "facts: facts.yaml\nsafety: {maxMonthlyCost: 0.01}"),
    "the key": set_to("GEMINI_API_KEY", "another-word"),
    "no key": set_to("GEMINI_API_KEY", ""),
    "the stack": set_to("GEMCTL_STACK", "other"),
    "what is live": by_hand,
    "the place of what is published": linked,
    "no state": without_state,
    "nothing": lambda *_: None,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_remembered_plan_says_what_a_new_one_says(shop, monkeypatch, change):
    folder, app = shop
    first = plan(folder)
    assert first[0] == 0 and (folder / REMEMBERED).exists()
    assert plan(folder) == first
    change(folder, app, monkeypatch)
    assert plan(folder) == anew(folder)


def test_a_remembered_plan_imports_nothing_that_checks_manifests_or_decides(shop):
    folder, _ = shop
    code = "import sys; from gemctl.cli.main import run; run(['plan']); print(*sys.modules, file=sys.stderr)"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=True, text=True)
    modules = set(done.stderr.split())
    assert (folder / REMEMBERED).exists() and "gemctl.workflows.settled" in modules
    assert modules.isdisjoint({"pydantic", "yaml", "gemctl.plan.make", "gemctl.manifest.bind", "gemctl.emulator"})
    assert len([name for name in modules if name.startswith("gemctl.")]) <= MODULES


def test_the_same_is_asked_of_the_service_whether_or_not_a_plan_is_remembered(shop, monkeypatch):
    folder, app = shop
    asked = []
    app.record = lambda seen: asked.append((seen.method, seen.path, seen.query))
    plan(folder)
    once = list(asked)
    assert len(once) == 1
    plan(folder)
    assert asked == once * 2
    by_hand(folder, app, monkeypatch)
    asked.clear()
    plan(folder)
    once = list(asked)
    assert len(once) > 1
    anew(folder)
    assert asked == once * 2


@pytest.mark.parametrize("hours", [0, 7, 15, 16, 17, 23, 24, 48, 24 * 30, 24 * 31, 24 * 45, 24 * 400])
def test_a_remembered_plan_says_what_a_new_one_says_at_any_time(tmp_path, monkeypatch, hours):
    project = PROJECT.replace("{vars: {word: first}, overlays: [over]}", "{endpoint: emulator}")
    for name, text in {"gemctl.yaml": project, "facts.yaml": FACTS, "caches.yaml": cache("one")[:-4]}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    start = datetime(2026, 11, 2, tzinfo=UTC)
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", start.strftime("%FT%TZ"))
    assert here(tmp_path, "apply", "--yes").returncode == 0
    plan(tmp_path)
    assert (tmp_path / REMEMBERED).exists()
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", (start + timedelta(hours=hours)).strftime("%FT%TZ"))
    assert plan(tmp_path) == anew(tmp_path)


def test_a_remembered_plan_foresees_the_end_of_what_is_kept_as_a_new_one_does(tmp_path, monkeypatch):
    project = PROJECT.replace("{vars: {word: first}, overlays: [over]}", "{endpoint: emulator}")
    project = project.replace("ttl: 24h", 'expireTime: "2027-02-15T00:00:00Z"')
    facts = FACTS.replace("2026-11-01", "2026-12-01")
    for name, text in {"gemctl.yaml": project, "facts.yaml": facts, "caches.yaml": cache("one")[:-4]}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", "2026-12-02T00:00:00Z")
    assert here(tmp_path, "apply", "--yes").returncode == 0
    assert "from 2027-02-15 on" not in plan(tmp_path)[1]
    assert (tmp_path / REMEMBERED).exists()
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", "2026-12-20T00:00:00Z")  # less than two months before
    assert "from 2027-02-15 on" in plan(tmp_path)[1]
    assert plan(tmp_path) == anew(tmp_path)


def test_facts_that_change_while_a_plan_is_made_are_not_taken_for_those_it_was_made_with(shop, monkeypatch):
    folder, _ = shop
    book_of = facts.book_of

    def edited_meanwhile(session):
        found = book_of(session)
        CHANGES["the facts"](folder)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(facts, "book_of", edited_meanwhile)
        first = plan(folder)
    assert plan(folder) == anew(folder) != first


def test_an_end_that_is_past_by_the_clock_of_this_machine_is_told(tmp_path, monkeypatch):
    now = datetime.now(UTC).replace(microsecond=0)
    monkeypatch.setattr(SystemClock, "now", lambda _: now)
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", f"{now - timedelta(hours=5):%FT%TZ}")  # its clock is behind
    project = PROJECT.replace("{vars: {word: first}, overlays: [over]}", "{endpoint: emulator}")
    project = project.replace("ttl: 24h", f'expireTime: "{now + timedelta(minutes=30):%FT%TZ}"')
    for name, text in {"gemctl.yaml": project, "facts.yaml": FACTS, "caches.yaml": cache("one")[:-4]}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert here(tmp_path, "apply", "--yes").returncode == 0
    plan(tmp_path)
    assert (tmp_path / REMEMBERED).exists()
    now += timedelta(hours=1)
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", f"{now - timedelta(hours=5):%FT%TZ}")
    found = plan(tmp_path)
    assert "W203" in found[2]
    assert found == anew(tmp_path)


@pytest.mark.parametrize(("seconds", "recalled"), [(0.9, True), (3, False)])
def test_a_plan_is_recalled_although_the_time_seems_to_have_gone_back_by_a_second(shop, seconds, recalled):
    folder, _ = shop
    plan(folder)
    later = datetime.fromisoformat(kept(folder)["since"][0]) + timedelta(seconds=seconds)
    edit(folder, {"since": [later.isoformat()], "said": [["As it was."]]})
    assert ("As it was." in plan(folder)[1]) is recalled


@pytest.mark.parametrize("words", [("--json",), ("-v",), ("--target", "CachedContent/one"), ("caches.yaml",),
                                   ("--out", "plan.json"), ("--refresh",), ("--count",), ("--format", "html")],
                         ids=" ".join)  # fmt: skip
def test_a_plan_of_another_sort_is_neither_remembered_nor_recalled(shop, words):
    folder, _ = shop
    anew(folder, *words)
    assert not (folder / REMEMBERED).exists()
    plan(folder)
    data = (folder / REMEMBERED).read_bytes()
    assert plan(folder, *words)[0] == 0
    assert (folder / REMEMBERED).read_bytes() == data


def test_a_plan_with_something_to_say_is_not_remembered(shop):
    folder, _ = shop
    (folder / "caches.yaml").write_text(cache("small", "Too little.\n").removesuffix("---\n"), encoding="utf-8")
    assert "W201" in here(folder, "apply", "--yes", "--allow-deletes", "9").stderr
    plan(folder)
    assert not (folder / REMEMBERED).exists()


DAMAGES = {
    "nothing": lambda _: b"",
    "not JSON": lambda _: b"{",
    "a list": lambda _: b"[]",
    "not UTF-8": lambda _: b"\xff",
    "deep": lambda _: b"[" * 100_000,
    "cut": lambda data: data[:-1],
    "of another version": lambda data: data.replace(b'"gemctl": "', b'"gemctl": "0.'),
    "said otherwise": lambda data: data.replace(b"Nothing to do", b"Nothing at all"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_what_is_remembered_may_be_damaged(shop, damage):
    folder, _ = shop
    first = plan(folder)
    data = (folder / REMEMBERED).read_bytes()
    assert damage(data) != data
    (folder / REMEMBERED).write_bytes(damage(data))
    assert plan(folder) == first
    assert kept(folder)["said"] == json.loads(data.partition(b"\n")[2])["said"]


NAMED = {"pattern": ["a"], "by": ["b"]}


def calls(path="cachedContents", value="5", largest=1000):
    """One that lists caches, as it is remembered."""
    query = [[1], [["pageSize"], [value]]]
    return {"calls": [[1], [["CachedContent"], [[path], query, {"items": ["cachedContents"], "largest": [largest]}]]]}


WRONG = [
    {"since": [None]},
    {"since": ["2026-12-02T00:00:00"]},
    {"since": "2026-12-02T00:00:00+00:00"},
    {"until": [[1], ["2999-12-02T00:00:00"]]},
    {"due": [[1], ["2999-12-02T00:00:00"]]},
    {"ends": [[1], ["2999-12-02T00:00:00"]]},
    {"written": [[5]]},
    {"named": [[1], NAMED | {"pattern": [["a"]]}]},
    {"named": [[2], NAMED]},
    calls(path=5),
    calls(value=5),
    calls(largest="1000"),
    {"said": [[5]]},
    {"said": [[]]},
    {"said": [["\x1b[31mNothing to do."]]},
    {"more": [1]},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_what_is_remembered_may_have_been_edited(shop, wrong):
    folder, _ = shop
    first = plan(folder)
    before = kept(folder)
    edit(folder, wrong)
    assert plan(folder) == first
    assert kept(folder) | {"since": before["since"]} == before


def test_no_text_and_no_secret_is_remembered(shop):
    folder, _ = shop
    plan(folder)
    text = (folder / REMEMBERED).read_text(encoding="utf-8")
    assert "All there is" not in text and "any-word" not in text and "Be short" not in text
