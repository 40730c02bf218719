"""Google's published samples in JavaScript, by the tests that they come with, against the served emulator.

They are run where GEMINI_SAMPLES says where they are (samples/tree.py), with the SDK of the client node/google-genai.
samples/javascript.yaml has those that want more than an emulator can know.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from environments import HERE, INSTALL, environment, installed, node, variables
from samples import tree

CLIENT = "node/google-genai"
TABLE = yaml.safe_load((HERE / "samples" / "javascript.yaml").read_text(encoding="utf-8"))
NAMED = sorted(test for row in TABLE for test in row["tests"])


@pytest.fixture
def samples(emulator, tmp_path, capfd):
    """Runs files of tests of the samples: which of their tests failed, and how; None where they are not there."""
    why = f"{tree.VARIABLE} is not set" if not tree.there() else ""
    if not installed(CLIENT):
        why = f"{CLIENT} is not installed: {INSTALL} {CLIENT}"
    if why:
        with capfd.disabled():
            print(f"clients: Google's samples in JavaScript were not run, {why}", file=sys.stderr)
        return None
    folder = tree.lay("javascript", tmp_path)
    (folder / "node_modules").symlink_to(environment(CLIENT) / "node_modules")

    def run(*patterns: str) -> dict[str, str]:
        outcomes = _run(folder, patterns, variables(emulator.url, tmp_path))
        failed = {test: said for test, said in outcomes.items() if said}
        with capfd.disabled():
            print(
                f"clients: {len(outcomes) - len(failed)} of {len(outcomes)} samples in JavaScript pass", file=sys.stderr
            )
        return failed

    return run


@pytest.mark.slow
def test_all_samples(samples):
    if samples:
        failed = samples("*.test.js", "*.tests.js")
        assert sorted(failed) == NAMED, "\n".join(f"{test}: {failed[test]}" for test in failed if test not in NAMED)


@pytest.mark.slow
def test_samples_whose_answers_are_scripted(samples, emulator):
    if samples:
        emulator.turn(answers=[answer for row in TABLE for answer in row["answers"]])
        assert samples(*{f"{test.split(':')[0]}.test*.js" for test in NAMED}) == {}


def _run(folder: Path, patterns: tuple[str, ...], environment: dict[str, str]) -> dict[str, str]:
    """By test, such as `cache: cacheGet`: how it failed, or nothing."""
    report = folder / "report.xml"
    files = [file.name for pattern in patterns for file in sorted(folder.glob(pattern))]
    reporting = ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    done = subprocess.run(
        [node(), "--test", *reporting, *files], capture_output=True, text=True, check=False, env=environment, cwd=folder
    )
    assert done.returncode in (0, 1) and files, done.stderr
    found = {}
    for suite in ElementTree.parse(report).iter("testsuite"):
        for test in suite.findall("testcase"):
            failure = test.find("failure")
            found[f"{suite.get('name')}: {test.get('name')}"] = (
                "" if failure is None else failure.get("message", "failed")
            )
    return found
