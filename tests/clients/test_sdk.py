"""The tests that google-genai ships, in the mode in which they call the API, against the served emulator.

Those that fail are listed in sdk_tests/failing.yaml, each with its reason: one that is not in the list must pass, and
one that is must fail. Tests of Vertex AI are left out by the SDK's own switch.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from environments import HERE, INSTALL, installed, python, variables

FOLDER = HERE / "sdk_tests"
VERSION = "3.6.1"
OLDER = "3.4.0"  # whose list is the same: it runs what depends most on what the SDK makes of a request or an answer
DIRECTORIES = (
    "batches",
    "caches",
    "chats",
    "documents",
    "file_search_stores",
    "files",
    "live",
    "live_api",
    "models",
    "operations",
    "shared/batches",
    "shared/caches",
    "shared/chats",
    "shared/files",
    "shared/models",
    "tokens",
)
OF_THE_OLDER = ("batches", "caches", "files", "live_api", "tokens")
CASES = [*((VERSION, name) for name in DIRECTORIES), *((OLDER, name) for name in OF_THE_OLDER)]
FAILING = yaml.safe_load((FOLDER / "failing.yaml").read_text(encoding="utf-8"))
# Models that the tests were recorded with, and that are gone since.
OF_THEN = [{"name": name, **fields} for name, fields in FAILING["models"].items()]


@pytest.mark.slow
@pytest.mark.parametrize(("version", "directory"), CASES)
def test_a_directory(emulator, version, directory, tmp_path, capfd):
    client = f"sdk_tests/{version}"
    if not installed(client):
        with capfd.disabled():
            print(f"clients: {client} was not run, it is not installed: {INSTALL} {client}", file=sys.stderr)
        return
    emulator.turn(models=OF_THEN, min_cache_tokens=64, live_pacing=False)  # what stands in is small
    outcomes = _run(emulator, client, directory, tmp_path)
    named = {test for reason in FAILING["failing"] for test in reason["tests"]}
    failed = {test for test, (outcome, _) in outcomes.items() if outcome == "failed"}
    expected = {test for test in named if test in outcomes}
    with capfd.disabled():
        counted = Counter(outcome for outcome, _ in outcomes.values())
        print(f"clients: google-genai {version} {directory}: {dict(counted)}", file=sys.stderr)
    report = [f"{test}: {outcomes[test][1]}" for test in sorted(failed - expected)]
    assert not report, "\n".join(report)
    assert sorted(expected - failed) == [], "they pass: strike them off the list"
    assert outcomes


def _run(emulator, client: str, directory: str, home: Path) -> dict[str, tuple[str, str]]:
    """By test, such as `files/test_get.py::test_get`: how it ended, and what it said."""
    [package] = (python(client).parent.parent / "lib").glob("python3*/site-packages/google/genai/tests")
    results = home / "results"
    (home / "replays").mkdir()
    names = {
        "PYTHONPATH": str(FOLDER),
        "SDK_TESTS_URL": emulator.url if directory != "live_api" else emulator.url.replace("http:", "https:"),
        "SDK_TESTS_RESULTS": str(results),
        "SSL_CERT_FILE": str(emulator.authority),
        "GOOGLE_GENAI_REPLAYS_DIRECTORY": str(home / "replays"),
        "GOOGLE_GENAI_RUN_GEMINI_ONLY_IN_API_MODE": "1",
    }
    environment = {**variables(emulator.url, home), **names}
    del environment["GOOGLE_GEMINI_BASE_URL"]  # some test what the SDK does without
    if directory == "live":  # these open no connection
        del environment["GEMINI_API_KEY"]
    options = ["-q", "--mode", "api", "-p", "no:cacheprovider", "-p", "sdk_plugin", "-c", "/dev/null"]
    options += ["-o", "consider_namespace_packages=true", "--rootdir", str(package)]
    done = subprocess.run(
        [python(client), "-m", "pytest", *options, package / directory],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=home,
    )
    assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
    outcomes: dict[str, tuple[str, str]] = {}
    for line in results.read_text().splitlines():
        result = json.loads(line)
        test = result["id"].replace("[False-", "[").split("google/genai/tests/")[-1].split("[")[0]
        if outcomes.get(test, ("", ""))[0] != "failed" and not (result["outcome"] == "skipped" and test in outcomes):
            outcomes[test] = (result["outcome"], result["said"])
    return outcomes
