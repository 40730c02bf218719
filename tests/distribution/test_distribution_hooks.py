"""The hooks for pre-commit, run by pre-commit itself over a project that is right, and one that is not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from quick_gemctl import quick_gemctl

from gemctl.workflows.init import init

ROOT = Path(__file__).parent.parent.parent
NEEDS = ("git",)
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def test_what_a_hook_calls_is_a_command_that_takes_no_names_of_files():
    assert [hook["id"] for hook in HOOKS] == ["gemctl-validate", "gemctl-fmt"]
    for hook in HOOKS:
        assert hook["entry"].split()[0] == "gemctl" and hook["language"] == "python"
        assert hook["pass_filenames"] is False and hook["require_serial"] is True


@pytest.mark.slow
def test_what_is_wrong_or_laid_out_otherwise_is_not_committed(tools, tmp_path):
    """All of pre-commit but its installing, which is pip's: the hook is a local one with gemctl of this checkout."""
    if tools is None:
        return
    subprocess.run(
        [tools / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"], check=True, capture_output=True
    )
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/gemctl").symlink_to(quick_gemctl())
    init(str(tmp_path / "repository/infra"))
    hooks = [{**hook, "language": "system", "args": ["-C", "infra"]} for hook in HOOKS]
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (tmp_path / "repository/.pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    env = {**os.environ, "HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    env |= {"GIT_CONFIG_GLOBAL": "/dev/null", "PRE_COMMIT_HOME": str(tmp_path / "home")}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in words],
            cwd=tmp_path / "repository",
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )

    run("git", "init", "--quiet")
    run("git", "add", "--all")
    done = run(tools / "pre-commit", "run")
    assert done.returncode == 0 and done.stdout.count("Passed") == len(HOOKS), done.stdout + done.stderr
    manifest = tmp_path / "repository/infra/handbook.yaml"
    text = manifest.read_text()
    manifest.write_text(text.replace("contents:", "contens:"))
    run("git", "add", "--all")
    done = run(tools / "pre-commit", "run")
    assert done.returncode == 1 and "error[E206]: Unknown field" in done.stdout, done.stdout + done.stderr
    manifest.write_text(text.replace("  name: handbook", "      name: handbook"))
    run("git", "add", "--all")
    done = run(tools / "pre-commit", "run", "gemctl-fmt")
    assert done.returncode == 1 and "files were modified by this hook" in done.stdout, done.stdout + done.stderr
    assert manifest.read_text() == text
