"""Google's published samples in Python, which are tests of unittest, against the served emulator.

They are run where GEMINI_SAMPLES says where they are (samples/tree.py), in the environment of the SDK's own tests.
samples/python.yaml has those that want more than an emulator can know.
"""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest
import yaml
from environments import HERE, INSTALL, installed, python, variables
from samples import tree

CLIENT = "sdk_tests/3.6.1"
TABLE = yaml.safe_load((HERE / "samples" / "python.yaml").read_text(encoding="utf-8"))
NAMED = sorted(test for row in TABLE for test in row["tests"])
PICTURES = "import sys; from PIL import Image; [Image.new('RGB', (64, 48)).save(name) for name in sys.argv[1:]]"


@pytest.mark.slow
def test_all_samples(emulator, tmp_path, capfd):
    why = f"{tree.VARIABLE} is not set" if not tree.there() else ""
    if not installed(CLIENT):
        why = f"{CLIENT} is not installed: {INSTALL} {CLIENT}"
    if why:
        with capfd.disabled():
            print(f"clients: Google's samples in Python were not run, {why}", file=sys.stderr)
        return
    folder = tree.lay("python", tmp_path)
    pictures = sorted((tmp_path / "third_party").glob("*.jpg"))
    subprocess.run([python(CLIENT), "-c", PICTURES, *pictures], check=True)  # these are decoded
    report = tmp_path / "report.xml"
    command = [
        python(CLIENT),
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        f"--junitxml={report}",
    ]
    done = subprocess.run(
        [*command, *sorted(folder.glob("*.py"))],
        capture_output=True,
        text=True,
        check=False,
        env=variables(emulator.url, tmp_path),
        cwd=tmp_path,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    outcomes = {}
    for test in ElementTree.parse(report).iter("testcase"):
        failure = next((test.find(kind) for kind in ("failure", "error") if test.find(kind) is not None), None)
        name = f"{test.get('classname').split('.')[-2]}: {test.get('name').removeprefix('test_')}"
        outcomes[name] = "" if failure is None else failure.get("message")
    failed = {test: said for test, said in outcomes.items() if said}
    with capfd.disabled():
        print(f"clients: {len(outcomes) - len(failed)} of {len(outcomes)} samples in Python pass", file=sys.stderr)
    assert sorted(failed) == NAMED, "\n".join(f"{test}: {failed[test]}" for test in failed if test not in NAMED)
