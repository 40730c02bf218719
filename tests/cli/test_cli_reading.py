"""The commands that show what is live and what is recorded: their columns, their forms, and narrow terminals."""

from __future__ import annotations

import json
import signal

import pytest
import yaml
from cli_world import cache, here, make_project
from values import ManualClock

from gemctl.cli import term
from gemctl.cli.main import run
from gemctl.core.errors import Interrupted

JOB = """\
apiVersion: gemctl/v1
kind: BatchJob
metadata: {name: nightly}
spec:
  model: gemini-3.8-flash
  input: {jsonl: lines.jsonl}
run: {results: out/nightly.jsonl}
"""

LINE = {"key": "a", "request": {"contents": [{"parts": [{"text": "Say hello."}]}]}}


@pytest.fixture
def shop(tmp_path):
    folder = make_project(tmp_path / "shop", "one", "two")
    assert here(folder, "apply", "--yes").returncode == 0
    return folder


def table(done):
    """The rows of a table, by the titles of its columns; which are wide enough for two blanks between any two."""
    assert done.returncode == 0, done.stderr
    title, *lines = done.stdout.splitlines()
    starts = [i for i in range(len(title)) if i == 0 or (title[i] != " " and title[i - 2 : i] == "  ")]
    spans = list(zip(starts, [*starts[1:], None], strict=True))
    return [{title[a:b].strip(): line[a:b].strip() for a, b in spans} for line in lines]


def test_the_address_comes_first_and_columns_that_say_nothing_are_left_out(shop):
    rows = table(here(shop, "get"))
    assert {row["ADDRESS"] for row in rows} == {"CachedContent/one", "CachedContent/two"}
    assert list(rows[0]) == ["ADDRESS", "NAME", "TOKENS", "EXPIRES IN"]
    wide = table(here(shop, "get", "-o", "wide"))
    assert list(wide[0]) == ["ADDRESS", "NAME", "TOKENS", "EXPIRES IN", "DISPLAY NAME", "MODEL", "CREATED"]
    assert {row["DISPLAY NAME"] for row in wide} == {"one", "two"}
    recorded = table(here(shop, "state", "list"))
    assert list(recorded[0]) == ["ADDRESS", "NAME", "ORIGIN", "EXPIRES"]
    assert list(table(here(shop, "state", "list", "-o", "wide"))[0])[4:] == ["TOKENS", "MODEL", "CREATED"]
    assert {row["NAME"] for row in recorded} == {row["NAME"] for row in rows}


@pytest.mark.parametrize("words", ["get", "state list"])
def test_the_forms_say_the_same(shop, words):
    said = here(shop, *words.split(), "-o", "json").stdout
    if words == "state list":  # the remaining life of what is live is another in each run
        assert here(shop, *words.split(), "--json").stdout == said
        assert yaml.safe_load(here(shop, *words.split(), "-o", "yaml").stdout) == json.loads(said)
    in_yaml = yaml.safe_load(here(shop, *words.split(), "--output", "yaml").stdout)
    assert in_yaml["formatVersion"] == json.loads(said)["formatVersion"] == "1"
    assert in_yaml.keys() == json.loads(said).keys()
    names = here(shop, *words.split(), "-o", "name").stdout.splitlines()
    assert sorted(names) == ["CachedContent/one", "CachedContent/two"]
    done = here(shop, *words.split(), "-o", "name", "--json")
    assert done.returncode == 64 and "exclude each other" in json.loads(done.stdout)["diagnostics"][0]["detail"]


def test_no_address_is_printed_for_an_empty_list(tmp_path):
    assert here(make_project(tmp_path), "get", "-o", "name").stdout == ""
    assert json.loads(here(tmp_path, "get", "Nothing", "-o", "json").stdout)["diagnostics"][0]["code"] == "E004"


def test_what_the_service_made_for_a_job_shows_the_job_and_no_mark(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "shop")
    (folder / "job.yaml").write_text(JOB)
    (folder / "lines.jsonl").write_text(json.dumps(LINE) + "\n")
    assert here(folder, "apply", "--yes").returncode == 0
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", "+20h")
    rows = table(here(folder, "get", "File", "-o", "wide"))
    assert [(row["ADDRESS"], row["NOTE"], row["DISPLAY NAME"]) for row in rows] == [
        ("BatchJob/nightly", "made by it", "nightly"),
        ("File/nightly.input", "-", "nightly.input"),
    ]
    assert "~g1." not in here(folder, "get", "-o", "wide").stdout + here(folder, "orphans").stdout


@pytest.mark.parametrize(
    "words", ["get TokenPolicy", "get tokenpolicies", "get TokenPolicy/lesson", "get TokenPolicy -o json"]
)
def test_a_kind_that_is_nowhere_live_says_where_it_is(shop, words):
    done = here(shop, *words.split())
    assert (
        done.returncode == 64 and "E009" in done.stderr + done.stdout and "only recorded" in done.stderr + done.stdout
    )


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("words", ["get", "get -o wide", "state list", "state list -o wide", "cost"])
def test_nothing_is_wider_than_a_narrow_terminal(shop, monkeypatch, words, width):
    whole = here(shop, *words.split()).stdout
    monkeypatch.setattr(term, "columns", lambda stream: width)
    lines = here(shop, *words.split()).stdout.splitlines()
    assert all(len(line) <= width for line in lines if "." not in line), lines  # sentences are the terminal's to wrap
    assert {word for word in whole.split() if "/" in word} == {word for word in "\n".join(lines).split() if "/" in word}
    assert lines[0].startswith(("CachedContent/", "cachedContents/"))


def test_describe_tells_all_that_is_known(tmp_path):
    folder = make_project(tmp_path / "shop", "one", "two")
    (folder / "job.yaml").write_text(JOB)
    (folder / "lines.jsonl").write_text(json.dumps(LINE) + "\n")
    text = (folder / "caches.yaml").read_text()
    (folder / "caches.yaml").write_text(text.replace("{name: one}", "{name: one, labels: {team: docs}}"))
    assert here(folder, "apply", "--yes").returncode == 0
    shown = here(folder, "describe", "cachedContents/one").stdout
    live = json.loads(here(folder, "get", "CachedContent/one", "--json").stdout)["objects"][0]["name"]
    for said in ("caches.yaml:1", "team=docs", live, "gemini-3.8-flash", "created", "in sync", "an hour", "due next"):
        assert said in shown, said
    found = json.loads(here(folder, "describe", "CachedContent/one", "--json").stdout)
    assert found["formatVersion"] == "1"
    assert [(one["file"], one["line"], one["labels"]) for one in found["declared"]] == [
        ("caches.yaml", 1, {"team": "docs"})
    ]
    assert [one["name"] for one in found["live"]] == [one["name"] for one in found["recorded"]] == [live]
    assert [(one["action"], one["reason"]) for one in found["changes"]] == [("keep", "in_sync")]
    assert found["changes"][0]["nextDue"]
    assert json.loads(here(folder, "describe", "BatchJob/nightly", "--json").stdout)["refersTo"] == [
        "File/nightly.input"
    ]
    file = json.loads(here(folder, "describe", "File/nightly.input", "--json").stdout)
    assert file["referredToBy"] == ["BatchJob/nightly"]
    assert file["declared"][0]["comesWith"] == "BatchJob/nightly"


def test_describe_tells_of_what_is_only_declared_only_recorded_or_neither(shop):
    (shop / "caches.yaml").write_text(cache("one") + cache("three").removesuffix("---\n"))
    assert "Live\n  nothing" in here(shop, "describe", "CachedContent/three").stdout
    recorded = here(shop, "describe", "CachedContent/two").stdout
    assert "Declared" not in recorded and "undeclared" in recorded
    done = here(shop, "describe", "CachedContent/four")
    assert done.returncode == 64 and "E004" in done.stderr and "CachedContent/three" in done.stderr


def test_the_stacks_are_listed_offline_and_a_broken_state_hides_none(shop, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    text = (shop / "gemctl.yaml").read_text()
    away = "  away: {state: {object: s3://bucket/prefix}}\n  broken: {}\n"
    (shop / "gemctl.yaml").write_text(text.replace("  live: {}\n", f"  live: {{}}\n{away}"))
    (shop / ".gemctl/broken").mkdir()
    (shop / ".gemctl/broken/state.json").write_text("{")
    done = here(shop, "stack", "list")
    assert [tuple(row.values()) for row in table(done)] == [
        ("local", "yes", "emulator", ".gemctl/local", "2"),
        ("live", "-", "gemini", ".gemctl/live", "0"),
        ("away", "-", "gemini", "s3://bucket/prefix", "-"),
        ("broken", "-", "gemini", ".gemctl/broken", "can't be read"),
    ]
    assert "broken: " in done.stderr
    found = json.loads(here(shop, "stack", "list", "--json").stdout)
    assert found["formatVersion"] == "1"
    assert [(one["name"], one["default"], one["recorded"], bool(one["error"])) for one in found["stacks"]] == [
        ("local", True, 2, False), ("live", False, 0, False), ("away", False, None, False),
        ("broken", False, None, True),
    ]  # fmt: skip


def test_help_is_what_the_option_shows(tmp_path):
    for words in ("", "apply", "state", "state mv"):
        assert here(tmp_path, "help", *words.split()).stdout == here(tmp_path, *words.split(), "--help").stdout
    for words, said in (("aply", "Did you mean 'apply'?"), ("plan x", "no commands below"), ("state nv", "nv")):
        done = here(tmp_path, "help", *words.split())
        assert done.returncode == 64 and said in done.stderr, words


def test_colour_can_be_forced_and_no_color_wins(shop, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for setting, coloured in (("1", True), ("3", True), ("0", False), ("", False)):
        monkeypatch.setenv("FORCE_COLOR", setting)
        assert ("\x1b[" in here(shop, "get").stdout) is coloured, setting
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" not in here(shop, "get", "--json").stdout + here(shop, "get", "--no-color").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in here(shop, "get").stdout


def test_labels_select_what_is_listed(tmp_path):
    folder = make_project(tmp_path / "shop", "one", "two", "three")
    text = (folder / "caches.yaml").read_text().replace("{name: one}", "{name: one, labels: {team: docs, old: 'yes'}}")
    (folder / "caches.yaml").write_text(text.replace("{name: two}", "{name: two, labels: {team: web}}"))
    assert here(folder, "apply", "--yes").returncode == 0
    for selector, found in (
        ("team=docs", "one"), ("team!=docs", "two three"), ("team", "one two"), ("team,old", "one"),
        ("team=web, old!=yes", "two"), ("team=none", ""),
    ):  # fmt: skip
        for words in ("get", "state list"):
            names = here(folder, *words.split(), "-l", selector, "-o", "name").stdout.split()
            assert sorted(names) == sorted(f"CachedContent/{name}" for name in found.split()), (words, selector)
    for wrong in ("", "=docs", "a==b", "!team", "team=docs,,"):
        assert here(folder, "get", "-l", wrong).returncode == (0 if not wrong else 64), wrong
    with (folder / "caches.yaml").open("a") as file:
        file.write("---\nkind: Nothing\n")
    assert here(folder, "get").returncode == 0
    assert here(folder, "get", "-l", "team=docs").returncode == 1  # not "nothing is live"


def test_a_name_alone_stands_for_the_only_resource_that_has_it(tmp_path):
    folder = make_project(tmp_path / "shop", "one", "nightly")
    assert here(folder, "apply", "--yes").returncode == 0
    (folder / "job.yaml").write_text(JOB)
    (folder / "lines.jsonl").write_text(json.dumps(LINE) + "\n")
    for words in ("get {}", "describe {}", "output {}", "state show {}", "plan --target {}"):
        short = here(folder, *words.format("one").split())
        assert short.returncode == 0, short.stderr
        if not words.startswith(("get", "describe")):  # these tell the remaining time
            assert short.stdout == here(folder, *words.format("CachedContent/one").split()).stdout
    for words in ("get nightly", "describe nightly", "plan --target nightly", "wait nightly", "state rm nightly"):
        done = here(folder, *words.split())
        assert done.returncode == 64 and "BatchJob/nightly or CachedContent/nightly" in done.stderr, words
    assert "not an address" in here(folder, "describe", "nobody").stderr
    assert "no kind 'nobody'" in here(folder, "get", "nobody").stderr
    assert here(folder, "state", "rm", "one").returncode == 0
    assert here(folder, "describe", "one").returncode == 0  # declared


class Watched(ManualClock):
    """While somebody waits, these happen, one after the other; then Ctrl-C is typed."""

    def __init__(self, *acts):
        super().__init__()
        self.acts = list(acts)

    def sleep(self, seconds):
        self.advance(seconds)
        if not self.acts:
            raise Interrupted(signal.SIGINT)
        self.acts.pop(0)()


def test_watch_says_what_changes_and_draws_on_a_terminal(tmp_path, monkeypatch, capsys):
    folder = make_project(tmp_path / "shop", "one", "two")

    def on(line):
        """Somebody else's command, at the time of the world's beginning."""
        return lambda: run(["-C", str(folder), "--json", *line.split()], clock=ManualClock()) and None

    on("apply --yes")()
    capsys.readouterr()
    clock = Watched(lambda: None, on("state rm CachedContent/two"), on("destroy --yes --allow-empty"))
    assert run(["-C", str(folder), "get", "--watch"], clock=clock) == 130
    shown = [line for line in capsys.readouterr().out.splitlines() if line[:2] in ("+ ", "~ ", "- ")]
    told = [(line[0], line.split()[1], "not bound" in line) for line in shown]
    assert sorted(told[:2]) == [("+", "CachedContent/one", False), ("+", "CachedContent/two", False)]
    assert told[2] == ("~", "CachedContent/two", True)
    assert ("-", "CachedContent/one", False) in told[3:]
    monkeypatch.setattr(term, "columns", lambda stream: 80)
    assert run(["-C", str(folder), "get", "--watch"], clock=Watched(lambda: None)) == 130
    assert capsys.readouterr().out.count("\x1b[H\x1b[J") == 2
    for words in ("--json", "-o yaml", "-o name"):
        assert here(folder, "get", "--watch", *words.split()).returncode == 64
