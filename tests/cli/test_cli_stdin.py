"""`-f FILE` and `-f -`: the same as PATH, and manifests from standard input."""

from __future__ import annotations

import io
import json

import pytest
from cli_world import TEXT, cache, here, make_project

MORE = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: more}
spec: {contents: [{role: user, parts: [{textFile: texts/more.txt}]}]}
"""


class Given(io.StringIO):
    """Standard input that has bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.buffer = io.BytesIO(data)


@pytest.fixture
def project(tmp_path):
    folder = make_project(tmp_path, "one", "two")
    (folder / "texts").mkdir()
    (folder / "texts/more.txt").write_text(TEXT)
    assert here(folder, "apply", "--yes").returncode == 0
    return folder


@pytest.fixture
def given(project, monkeypatch):
    def run(data, *words):
        monkeypatch.setattr("sys.stdin", Given(data.encode() if isinstance(data, str) else data))
        return here(project, *words)

    return run


def test_a_manifest_from_standard_input_is_applied_and_nothing_else_is_touched(given, project):
    assert "Valid: 1 resource." in given(MORE, "validate", "-f", "-").stdout
    planned = given(MORE, "plan", "-f", "-", "--json")
    assert [one["address"] for one in json.loads(planned.stdout)["changes"]] == ["CachedContent/more"]
    done = given(MORE, "apply", "--yes", "--wait", "-f", "-")
    assert (done.returncode, done.stdout.count("✓")) == (0, 1)
    assert "Nothing to do: 1 in sync." in given(MORE, "plan", "-f", "-").stdout
    assert "Nothing to do: 2 in sync." in given(MORE, "plan", "-f", "-", "caches.yaml", "--target", "CachedContent/one",
                                               "--target", "CachedContent/more").stdout  # fmt: skip


def test_what_is_wrong_is_said_with_its_line(given):
    done = given(MORE.replace("contents:", "ttl: soon, contents:"), "validate", "-f", "-")
    assert done.returncode == 1
    assert done.stderr.startswith("<stdin>:4:13: error[E215]") and "4 | spec: {ttl: soon" in done.stderr
    assert "E120" in given("# nothing\n", "plan", "-f", "-").stderr
    assert "<stdin>:1:2: error[E110]" in given(b"a\xff", "plan", "-f", "-").stderr
    assert "<stdin>:1:" in given("a: [", "plan", "-f", "-").stderr
    assert "E120" in given(MORE.replace("texts/more", "no/such"), "validate", "-f", "-").stderr


def test_a_file_is_the_same_as_a_path(given, project):
    (project / "more.yaml").write_text(MORE)
    long, short = (given("", "plan", *words, "--json") for words in (["-f", "more.yaml"], ["more.yaml"]))
    assert json.loads(long.stdout)["changes"] == json.loads(short.stdout)["changes"] != []
    both = given(cache("three").removesuffix("---\n"), "validate", "--filename", "more.yaml", "-f", "-")
    assert "Valid: 2 resources." in both.stdout


def test_what_needs_the_manifests_again_is_refused(given, project):
    done = given(MORE, "plan", "-f", "-", "--out", "more.plan")
    assert done.returncode == 64 and "standard input" in done.stderr and not (project / "more.plan").exists()
    assert given("", "plan", "--out", "all.plan").returncode == 0
    assert given(MORE, "apply", "--yes", "-f", "-", "all.plan").returncode == 64
    assert "nobody to ask" in given(MORE, "apply", "-f", "-").stderr


def test_each_stack_is_given_the_same(given, project):
    text = (project / "gemctl.yaml").read_text().replace("  live: {}", "  live: {endpoint: emulator}")
    (project / "gemctl.yaml").write_text(text)
    assert given(MORE, "validate", "--all-stacks", "-f", "-").stdout.count("Valid: 1 resource.") == 2
    assert given(MORE, "apply", "--all-stacks", "--yes", "-f", "-").stdout.count("Applied: 1 done.") == 2
