"""What a command line says when it is not understood: it names what the hand was looking for."""

from __future__ import annotations

import json
import socket

from cli_world import here, make_project
from values import ManualClock

from gemctl.cli import habits
from gemctl.cli.main import COMMANDS, run

MEANT = [  # the command line; what is said
    ("status", "gemctl plan"),
    ("status", "gemctl get"),
    ("applly", "Did you mean 'apply'?"),
    ("apply -auto-approve", "--yes"),
    ("apply --auto-approve=true", "--yes"),
    ("destroy -y", "--yes"),
    ("state rm CachedContent/one --yes", "asks nothing"),
    ("plan -y", "asks nothing"),
    ("apply --dry-run", "`gemctl plan`"),
    ("plan -var a=b", "Write --var, with two dashes"),
    ("plan -out=x.plan", "Write --out, with two dashes"),
    ("plan -detailed-exitcode", "Write --detailed-exitcode, with two dashes"),
    ("plan -var-file x", "vars"),
    ("plan -o x.plan", "--out"),
    ("plan --namespace dev", "--stack NAME"),
]
KINDS = [  # a word for a kind; the kind that is meant, in brackets where it is only suggested
    ("CachedContent", "CachedContent"), ("cachedcontents", "CachedContent"), ("cached-content", "CachedContent"),
    ("caches", "(CachedContent)"), ("cache", "(CachedContent)"), ("file", "File"), ("Files", "File"),
    ("batches", "BatchJob"), ("batchjobs", "BatchJob"), ("job", "(BatchJob)"), ("jobs", "(BatchJob)"),
    ("tokenpolicies", "TokenPolicy"), ("auth_tokens", "TokenPolicy"), ("tokens", "(TokenPolicy)"),
    ("policies", "(TokenPolicy)"),
]  # fmt: skip


def test_a_habit_from_elsewhere_is_answered(tmp_path):
    project = make_project(tmp_path)
    for line, said in MEANT:
        done = here(project, *line.split())
        assert done.returncode == 64, line
        assert said in done.stderr and done.stdout == "", (line, done.stderr)
        document = json.loads(here(project, *line.split(), "--json").stdout)
        (found,) = document["diagnostics"]
        assert said in f"{found['detail']} {found['hint']}", line


def test_no_habit_is_ours_and_each_leads_to_what_there_is():
    assert not habits.COMMANDS.keys() & COMMANDS.keys()
    for word, said in {**habits.COMMANDS, **habits.OPTIONS}.items():
        named = [text.split()[0].rstrip("`") for text in said.split("`gemctl ")[1:]]
        assert said.endswith("."), word
        assert all(name in COMMANDS or name[:1] in "-C" for name in named), (word, named)


def test_kinds_are_known_by_their_other_names(tmp_path):
    project = make_project(tmp_path)
    for word, meant in KINDS:
        done = here(project, "explain", word)
        if meant.startswith("("):
            assert done.returncode == 64 and f"Did you mean {meant.strip('()')}?" in done.stderr, word
            assert f"Did you mean {meant.strip('()')}?" in here(project, "get", word).stderr, word
        else:
            assert done.stdout.startswith(f"{meant}\n"), (word, done.stdout[:50], done.stderr)
    assert here(project, "apply", "--yes").returncode == 0
    by_name = here(project, "output", "CachedContent/one").stdout
    assert by_name and here(project, "output", "cachedcontents/one").stdout == by_name
    assert here(project, "get", "cachedContents/one").stdout == here(project, "get", "CachedContent/one").stdout
    assert here(project, "plan", "--target", "cachedcontent/one").returncode == 0


def test_without_a_project_that_is_what_is_said(tmp_path):
    for words in (["apply"], ["destroy"], ["cancel", "BatchJob/x"], ["apply", "--json"]):
        done = here(tmp_path, *words)
        assert done.returncode == 64
        assert "E018" in done.stdout + done.stderr and "nobody to ask" not in done.stderr, words


def test_what_is_no_plan_is_an_error_and_not_stale(tmp_path):
    project = make_project(tmp_path)
    assert here(project, "plan", "--out", "good.plan").returncode == 0
    whole = (project / "good.plan").read_bytes()
    for what, data in {
        "no plan": b"junk", "nothing": b"", "JSON": b'{"a": 1}', "half of one": whole[: len(whole) // 2],
        "changed": whole.replace(b"create", b"delete", 1), "later": whole.replace(b'Plan": 2', b'Plan": 3'),
        "earlier": whole.replace(b'Plan": 2', b'Plan": 1'),
    }.items():  # fmt: skip
        (project / "bad.plan").write_bytes(data)
        done = here(project, "apply", "--yes", "bad.plan")
        assert (done.returncode, "E511" in done.stderr) == (1, True), (what, done.stderr)
        assert "Nothing was done" in done.stderr and "gemctl plan --out" in done.stderr, what
    assert here(project, "apply", "--yes", "good.plan").returncode == 0
    assert here(project, "apply", "--yes", "good.plan").returncode == 4


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = here(tmp_path, "emulator", "--port", str(port))
    assert done.returncode == 1
    for said in ("E091", f"Port {port} of 127.0.0.1", "--port 0"):
        assert said in done.stderr


def test_a_wrong_base_url_is_shown_with_a_right_one(tmp_path, monkeypatch):
    project = make_project(tmp_path)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")
    for text, shown in [
        ("localhost:8085", '"localhost:8085"'),
        ("http://example.com/x", '"http://example.com/x"'),
        ("https://ada:rutabaga@example.com", '"https://example.com"'),
        ("https://ada:ruta/baga?rutabaga#rutabaga@example.com?key=rutabaga", '"https://example.com"'),
        ("https://example.com/?key=rutabaga@x", '"https://x"'),
        ("rutabaga" * 5, '"…"'),
    ]:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", text)
        done = here(project, "plan", "--stack", "live")
        assert done.returncode == 1 and "E314" in done.stderr and "rutabaga" not in done.stderr, text
        assert "GOOGLE_GEMINI_BASE_URL" in done.stderr and shown in done.stderr, (text, done.stderr)
        assert "http://127.0.0.1:8085" in done.stderr and "https://generativelanguage.googleapis.com" in done.stderr


def test_where_nothing_listens_the_variable_is_named(tmp_path, monkeypatch, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    project = make_project(tmp_path)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
    assert run(["-C", str(project), "get", "--stack", "live"], clock=ManualClock()) == 1
    said = capsys.readouterr().err
    assert "E302" in said and f"GOOGLE_GEMINI_BASE_URL is {url}" in said and "gemctl emulator" in said


def test_a_file_in_other_capitals_is_named(tmp_path):
    project = make_project(tmp_path)
    (project / "texts").mkdir()
    (project / "texts/Handbook.md").write_text("All there is.", encoding="utf-8")
    (project / "caches.yaml").write_text(
        "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: a}\n"
        "spec: {contents: {parts: [{textFile: texts/handbook.md}, {textFile: texts/Handbok.md}, {textFile: x.md}]}}\n",
        encoding="utf-8",
    )
    done = here(project, "validate")
    assert "Capitals count: there is texts/Handbook.md." in done.stderr
    assert "Did you mean texts/Handbook.md?" in done.stderr
    assert done.stderr.count("error[E120]") == 3 and done.stderr.count("texts/Handbook.md") == 2
    assert "Capitals count: there is caches.yaml." in here(project, "validate", "Caches.yaml").stderr
