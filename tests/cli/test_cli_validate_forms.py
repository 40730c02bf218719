"""`gemctl validate --format github|sarif`, for programs that others have made."""

from __future__ import annotations

import json

import pytest
from cli_world import PROJECT, cache, here, make_project

from gemctl.core.codes import summary

WRONG = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: one}
spec:
  ttl: "100%, one day: long"
  contentz: nothing
"""


@pytest.fixture
def project(tmp_path):
    """A project in a folder of a repository, with two mistakes in a file whose name needs escapes."""
    (tmp_path / ".git").mkdir()
    folder = make_project(tmp_path / "my shop")
    (folder / "caches.yaml").unlink()
    (folder / "a, b.yaml").write_text(WRONG)
    return folder


def test_github_shows_each_problem_beside_its_line(project):
    done = here(project, "validate", "--format", "github")
    lines = done.stdout.splitlines()
    assert done.returncode == 1 and done.stderr == ""
    assert all(line.startswith(("::error file=my shop/a%2C b.yaml,line=", "::warning file=")) for line in lines)
    (ttl,) = (line for line in lines if "line=5," in line)
    assert ttl.startswith("::error file=my shop/a%2C b.yaml,line=5,col=8,endColumn=28,title=E215%3A Not a duration::")
    assert "100%25, one day: long" in ttl.rpartition("::")[2] and "CachedContent/one: " in ttl
    assert any("%0A" in line for line in lines), "the hint stands in a line of its own"


def test_what_is_well_has_no_annotation(tmp_path):
    done = here(make_project(tmp_path), "validate", "--format", "github")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_column_is_named_within_one_line_only(tmp_path):
    project = make_project(tmp_path)
    (project / "caches.yaml").write_text(cache("one") + cache("one").removesuffix("---\n"))
    (line,) = here(project, "validate", "--format", "github").stdout.splitlines()
    assert "file=caches.yaml,line=" in line and line.startswith("::error ")


def test_sarif_has_all_that_its_readers_ask_for(project):
    """The schema of SARIF asks for these; docs of code scanning for the rules, and for a place from the top on."""
    done = here(project, "validate", "--format", "sarif")
    document = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr == ""
    assert document.keys() == {"$schema", "version", "runs"}  # its schema takes no other names
    assert document["version"] == "2.1.0" and document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "gemctl" and run["columnKind"] == "unicodeCodePoints"
    for result in run["results"]:
        rule = driver["rules"][result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] and rule["shortDescription"]["text"] == summary(rule["id"])
        assert result["level"] in ("error", "warning") and result["message"]["text"]
    (ttl,) = (result for result in run["results"] if result["ruleId"] == "E215")
    (place,) = (location["physicalLocation"] for location in ttl["locations"])
    assert place == {
        "artifactLocation": {"uri": "my%20shop/a%2C%20b.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 5, "startColumn": 8, "endLine": 5, "endColumn": 29},
    }


def test_a_project_file_that_is_wrong_is_in_both(project):
    (project / "gemctl.yaml").write_text(PROJECT.replace("defaultStack", "defaultStak"))
    assert "gemctl.yaml,line=4" in here(project, "validate", "--format", "github").stdout
    for more in ([], ["--all-stacks"]):
        done = here(project, "validate", "--format", "sarif", *more)
        found = {result["ruleId"] for result in json.loads(done.stdout)["runs"][0]["results"]}
        assert "E011" in found and done.returncode == 1


@pytest.mark.parametrize("form", ["github", "sarif"])
def test_json_and_another_form_exclude_each_other(project, form):
    assert here(project, "validate", "--json", "--format", form).returncode == 64
    assert here(project, "validate", "--json").stdout == here(project, "validate", "--format", "json").stdout
