"""The workflow of a release, read: what it may do; and its shell steps, run in a folder that has what an sdist has.

What only the product interprets, such as permissions and artefacts, is read and not run. So are `pip`, of which a stub
writes down what it was asked for, and `gh`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml
from building import unpacked

import gemctl

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / ".github/workflows/release.yml"
WORKFLOW = yaml.safe_load(FILE.read_text(encoding="utf-8"))
JOBS = WORKFLOW["jobs"]
NEEDS = ("bash", "awk", "sha256sum", "tar")
TAG = f"v{gemctl.__version__}"
MORE = {
    "build": {"contents": "read"},
    "attest": {"id-token": "write", "attestations": "write"},
    "publish": {"id-token": "write"},
    "release": {"contents": "write"},
}


def test_it_is_what_the_published_schema_asks_for():
    text = (resources.files("check_jsonschema") / "builtin_schemas/vendor/github-workflows.json").read_text("utf-8")
    words = {word if isinstance(word, str) else "on": value for word, value in WORKFLOW.items()}  # YAML 1.1's `on`
    kind = jsonschema.validators.validator_for(json.loads(text))
    assert [error.message for error in kind(json.loads(text)).iter_errors(words)] == []


def test_each_job_may_do_no_more_than_it_has_to_and_only_one_runs_what_is_in_the_repository():
    assert WORKFLOW["permissions"] == {} and WORKFLOW[True] == {"push": {"tags": ["v*"]}}
    assert {name: job["permissions"] for name, job in JOBS.items()} == MORE
    for name, job in JOBS.items():
        assert job["timeout-minutes"] and ("run" not in str(job["steps"]) or name in ("build", "release"))
        for step in job["steps"]:
            assert "run" in step or re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])
            assert "${{" not in step.get("run", "") and "secrets." not in str(step)
    assert JOBS["publish"]["environment"] == "pypi" and set(JOBS["publish"]["needs"]) == {"build", "attest"}


@pytest.mark.slow
def test_others_find_nothing_wrong_with_what_github_runs(tools):
    if tools is None:
        return
    done = subprocess.run(
        [tools / "zizmor", "--offline", "--no-progress", FILE, ROOT / "action.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_its_steps_build_check_and_list(built, tools, tmp_path):
    if tools is None:
        return
    place = unpacked(built.sdist, tmp_path / "workspace")
    temp, stubs = tmp_path / "temp", tmp_path / "bin"
    temp.mkdir()
    stubs.mkdir()
    (stubs / "pip").write_text(f'#!/bin/sh\necho "pip $*" >> {tmp_path}/installed\n')
    (stubs / "pip").chmod(0o755)
    (stubs / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (stubs / "python").chmod(0o755)
    env = {**os.environ, "PATH": f"{stubs}:{tools}:{os.environ['PATH']}", "RUNNER_TEMP": str(temp)}
    scripts = {step["name"]: step["run"] for step in JOBS["build"]["steps"] if "run" in step}

    def run(name: str, tag: str = TAG) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", scripts.pop(name)],
            cwd=place, env=env | {"GITHUB_REF_NAME": tag}, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout

    version = scripts["Version"]
    said = f"::error::The tag is v9.9.9, and gemctl/__init__.py has {gemctl.__version__}.\n"
    assert run("Version", "v9.9.9") == (1, said)
    changes = f"# Changelog\n\n## [Unreleased]\n\nLater.\n\n## [{gemctl.__version__}] - today\n\n"
    (place / "CHANGELOG.md").write_text(f"{changes}\n## [0.0.9]\n\nBefore.\n")
    scripts["Version"] = version
    assert run("Version") == (1, f"::error::CHANGELOG.md has no section of {gemctl.__version__}.\n")
    (place / "CHANGELOG.md").write_text(f"{changes}The first.\n\n## [0.0.9]\n\nBefore.\n")
    scripts["Version"] = version
    assert run("Version") == (0, "")
    assert (place / "notes/notes.md").read_text().split() == ["The", "first."]
    for name in ("Install", "Build", "Build again", "Check", "List what is installed"):
        status, said = run(name)
        assert status == 0, (name, said)
    asked = (tmp_path / "installed").read_text().split()
    pinned = (place / "tests/distribution/requirements.txt").read_text() + (place / "constraints.txt").read_text()
    assert all(f"\n{word}==" in pinned for word in asked if not re.search(r"^pip$|^install$|^--|/|\.txt$", word))

    (wheel,), (listed,) = (place / "dist").glob("*.whl"), (place / "sbom").iterdir()
    assert wheel.name == built.wheel.name and listed.name == f"gemctl-{gemctl.__version__}.cdx.json"
    sbom = json.loads(listed.read_text())
    assert sbom["bomFormat"] == "CycloneDX" and "timestamp" not in sbom["metadata"]
    assert sbom["metadata"]["component"]["name"] == "gemctl"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.match(r"[\w.-]+", one)[0] for one in project["dependencies"]}
    assert needed <= {one["name"].lower() for one in sbom["components"]} and "pytest" not in str(sbom["components"])

    address = scripts["Address"]
    status, said = run("Address")
    assert status == ("git.example.com" in project["urls"]["Repository"]) == ("Name the real address" in said)
    wheel.unlink()
    with zipfile.ZipFile(wheel, "w") as other:
        other.writestr("gemctl-9.dist-info/METADATA", "Project-URL: Repository, https://code.example.org/gemctl\n")
    scripts["Address"] = address
    env["RUNNER_TEMP"] = str(tmp_path / "other")
    assert run("Address") == (0, "")
    assert scripts == {}, "all of them were run"
