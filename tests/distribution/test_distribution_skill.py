"""What others read of us: the skill for coding assistants, whose commands are run, and the rule for Renovate."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from importlib import resources
from pathlib import Path

import jsonschema
import yaml

import gemctl
from gemctl.cli.exits import Exit
from gemctl.cli.main import COMMANDS, cli, run

ROOT = Path(__file__).parent.parent.parent
SKILL = ROOT / "docs/skills/gemctl/SKILL.md"
_, HEAD, TEXT = SKILL.read_text(encoding="utf-8").split("---\n", 2)


def test_the_skill_is_what_assistants_take():
    """By the specification of Agent Skills (agentskills.io)."""
    head = yaml.safe_load(HEAD)
    assert set(head) == {"name", "description", "license", "compatibility"}
    assert head["name"] == SKILL.parent.name and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", head["name"])
    assert 0 < len(head["description"]) <= 1024 and len(head["compatibility"]) <= 500
    assert len(TEXT.splitlines()) < 500


def test_its_commands_do_what_it_says_in_their_order(tmp_path):
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", TEXT, re.MULTILINE | re.DOTALL)
    folder, said = tmp_path, {}
    for line in (line.strip() for block in blocks for line in block.splitlines()):
        word, *words = shlex.split(line)
        if word == "cd":
            folder = folder / words[0]
            continue
        assert word == "gemctl"
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            assert run(words) == 0, (line, out.getvalue(), err.getvalue())
        said[line] = out.getvalue()
    assert "1 to create" in said["gemctl plan --stack local --out gemctl.plan"]
    assert "Applied: 1 done." in said["gemctl apply --stack local --yes gemctl.plan"]
    assert "CachedContent/handbook" in said["gemctl output --stack local --json"]


def test_it_names_every_flag_that_overrides_a_guard_and_every_exit_status():
    never = TEXT.partition("## Never")[2].partition("\n## ")[0]
    flags = set()
    for name in ("plan", "apply"):
        command = cli.get_command(cli.make_context("gemctl", [], resilient_parsing=True), name)
        flags |= {word for option in command.params for word in option.opts if re.match(r"--(allow|accept)-", word)}
    assert set(re.findall(r"--(?:allow|accept)-[a-z-]+", never)) == flags and "destroy" in COMMANDS
    statuses = TEXT.partition("## Exit statuses")[2]
    assert {int(number) for number in re.findall(r"^\| (\d+) \|", statuses, re.MULTILINE)} == {
        one.value for one in Exit
    }


def test_renovate_finds_the_line_of_a_pipeline():
    rule = json.loads((ROOT / "docs/ci/renovate.json").read_text(encoding="utf-8"))
    text = (resources.files("check_jsonschema") / "builtin_schemas/vendor/renovate.json").read_text("utf-8")
    kind = jsonschema.validators.validator_for(json.loads(text))
    assert [error.message for error in kind(json.loads(text)).iter_errors(rule)] == []
    (manager,) = rule["customManagers"]
    pattern = manager["matchStrings"][0].replace("(?<", "(?P<")
    found = re.search(pattern, (ROOT / "docs/ci/gitlab-ci.yml").read_text(encoding="utf-8"))
    assert found["packageName"] == "https://git.example.com/you/gemctl"
    assert found["currentValue"] == f"v{gemctl.__version__}"
    assert re.search(pattern, "gemctl[postgres,objects] @ git+https://git.example.com/you/gemctl@v1.2.3")
