"""What the newest releases of Google's packages have that the pinned ones have not, and what of it we lack.

    .venv/bin/python tests/conformance/newest.py

Installs them into a folder of its own, which is removed again; nothing here changes. Prints every type and field that
was added or is gone, and says of each added one whether manifests and the emulator have it already. Ends with 1 if
there is a field that is neither supported nor listed in unsupported.yaml.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import schema_gaps
from unsupported import covers, listed

PROGRAM = Path(__file__).parent / "official_schemas.py"
PACKAGES = ("google-ai-generativelanguage", "google-genai")


def newest() -> dict[str, Any]:
    """What official_schemas.py prints where the newest releases are installed."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin/python"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True)
        return printed(python)


def printed(python: Path | str) -> dict[str, Any]:
    """What it prints under that Python."""
    return dict(json.loads(subprocess.run([python, PROGRAM], capture_output=True, text=True, check=True).stdout))


def report(before: dict[str, Any], after: dict[str, Any]) -> tuple[list[str], bool]:
    """The lines to print, and whether all that was added is supported or listed."""
    versions = [f"{name} {before['packages'][name]} -> {after['packages'][name]}" for name in PACKAGES]
    old, new = _fields(before["types"]), _fields(after["types"])
    missing = schema_gaps.gaps(after["types"])
    lines, done = [], True
    for field in sorted(new - old):
        lacking = [side for side in missing if any(gap in _keys(field) for gap in missing[side])]
        open_ = [side for side in lacking if not any(covers(listed(side), key) for key in _keys(field))]
        done = done and not open_
        what = f"not in {' and '.join(open_)}" if open_ else "listed" if lacking else "supported, or not met"
        lines.append(f"added  {field}: {what}")
    lines += [f"gone   {field}" for field in sorted(old - new)]
    return [*versions, *(lines or ["no field was added, and none is gone"])], done


def _fields(types: dict[str, dict[str, str]]) -> set[str]:
    return {f"{name}.{field}" for name, fields in types.items() for field in fields}


def _keys(field: str) -> tuple[str, str]:
    """As gaps name it."""
    plain = field.partition(" ")[2]
    return plain, f"Live {plain}"


if __name__ == "__main__":
    said, all_done = report(printed(sys.executable), newest())
    print("\n".join(said))
    sys.exit(0 if all_done else 1)
