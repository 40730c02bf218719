"""As much of GitHub Actions as the workflow in docs/ci and the action that it uses need: what only the product
interprets is done here in the plainest way, the `run:` steps are given to bash as they stand. What isn't known here is
an error.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from expressions import evaluate
from machine import Job, Machine

_EVENTS = {"pull_request", "push", "schedule", "workflow_dispatch"}
_JOB = {"if", "needs", "runs-on", "timeout-minutes", "environment", "permissions", "concurrency", "steps", "outputs"}
_STEP = {"name", "id", "if", "env", "run", "uses", "with", "shell", "working-directory"}
ROOT = Path(__file__).parent.parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))


@dataclass
class GitHub:
    """One repository. `caches` are those of all its refs: (key, ref, folder), the newest last.

    secrets  of each environment.
    """

    machine: Machine
    workflow: dict[str, Any]
    secrets: dict[str, dict[str, str]]
    state: str
    caches: list[tuple[str, str, Path]] = field(default_factory=list)
    runs: int = 100

    @classmethod
    def read(cls, machine: Machine, file: Path, state: str) -> GitHub:
        workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
        workflow["on"] = workflow.pop(True)  # YAML 1.1 takes the word for a truth value
        assert set(workflow) == {"name", "on", "permissions", "env", "jobs"}
        assert set(workflow["on"]) == _EVENTS
        assert workflow["permissions"] == {}
        secret = {"GEMINI_API_KEY": machine.key, "GEMCTL_STATE_DSN": machine.dsn}
        environments = {job["environment"] for job in workflow["jobs"].values() if "environment" in job}
        return cls(machine, workflow, dict.fromkeys(environments, secret), state)

    def proposed(self, branch: str, repository: str = "o/r") -> dict[str, Job]:
        head = {"sha": self.machine.sha(branch), "repo": {"full_name": repository}}
        return self._run("pull_request", "refs/pull/5/merge", branch, {"pull_request": {"number": 5, "head": head}})

    def merged(self, *, before_apply=lambda: None) -> dict[str, Job]:
        return self._run("push", "refs/heads/main", "main", {}, before_apply)

    def scheduled(self) -> dict[str, Job]:
        return self._run("schedule", "refs/heads/main", "main", {})

    def _run(self, event: str, ref: str, branch: str, payload, before_apply=lambda: None) -> dict[str, Job]:
        self.runs += 1
        github = {"event_name": event, "event": payload, "ref": ref, "repository": "o/r", "token": self.machine.token}
        github |= {"run_id": str(self.runs), "run_attempt": "1"}
        done: dict[str, Job] = {}
        for name, job in self.workflow["jobs"].items():
            assert set(job) <= _JOB, set(job) - _JOB
            assert job["runs-on"] == "ubuntu-latest" and job["timeout-minutes"] and "contents" in job["permissions"]
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            context = {"github": github, "env": {**self.workflow["env"], "STATE": self.state}}
            context["needs"] = {need: {"outputs": done[need].outputs} for need in needs}
            right = all(done[need].status == "success" for need in needs)
            if not (right and self._holds(job.get("if", "true"), context, failed=False)):
                done[name] = Job("skipped")
                continue
            if name == "apply":
                before_apply()
            context["secrets"] = self.secrets.get(job.get("environment", ""), {})
            done[name] = _Running(self, name, job, context, branch).go()
        return done

    def _holds(self, text: str, context: dict[str, Any], *, failed: bool) -> bool:
        """An `if:`; without a function that says otherwise, nothing goes on after a failure."""
        inner = text.removeprefix("${{").removesuffix("}}").strip() if text.startswith("${{") else text
        functions = {"always": True, "cancelled": False}
        value = evaluate(inner, lambda name: _lookup(name, context), functions.__getitem__)
        return bool(value) and (not failed or bool(re.search(r"\b(always|cancelled)\(\)", inner)))


@dataclass
class _Running:
    hub: GitHub
    name: str
    job: dict[str, Any]
    context: dict[str, Any]
    branch: str

    def go(self) -> Job:
        place = self.hub.machine.folder(self.name)
        result = Job("success", place)
        self._steps(self.job["steps"], place, result)
        result.outputs = {key: self._text(value) for key, value in self.job.get("outputs", {}).items()}
        return result

    def _steps(self, steps: list[dict[str, Any]], place: Path, result: Job) -> None:
        self.context["steps"] = {}
        for step in steps:
            assert set(step) <= _STEP, set(step) - _STEP
            if not self.hub._holds(step.get("if", "true"), self.context, failed=result.status != "success"):
                continue
            if "uses" in step:
                options = {key: self._text(value) for key, value in step.get("with", {}).items()}
                if step["uses"].startswith("you/gemctl@"):
                    outputs = self._gemctl(options, place, result)
                    self.context["steps"][step.get("id", "")] = {"outputs": outputs}
                    continue
                ACTIONS[step["uses"]](self, place, **{key.replace("-", "_"): value for key, value in options.items()})
                continue
            assert step["shell"] == "bash"
            files = {name: place.parent / f"{place.name}.{name}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
            for file in files.values():
                file.touch()
            env = {key: self._text(value) for key, value in {**self.context["env"], **step.get("env", {})}.items()}
            env |= {name: str(file) for name, file in files.items()}
            env |= {"GITHUB_API_URL": self.hub.machine.forge.url, "GITHUB_REPOSITORY": "o/r", "CI": "true"}
            env |= {"GITHUB_EVENT_NAME": self.context["github"]["event_name"], "GITHUB_ACTION_PATH": str(ROOT)}
            status, said = self.hub.machine.bash(
                place / self._text(step.get("working-directory", ".")), step["run"], env
            )
            result.said += said
            outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
            self.context["steps"][step.get("id", "")] = {"outputs": outputs}
            result.summary = files["GITHUB_STEP_SUMMARY"].read_text()
            if status:
                result.status = "failure"
                result.exits[step["name"]] = status

    def _gemctl(self, options: dict[str, str], place: Path, result: Job) -> dict[str, str]:
        """The action of this repository: its steps in the workspace of the job, which see its inputs and no secrets."""
        assert set(options) <= set(ACTION["inputs"])
        within = {name: value for name, value in self.context.items() if name not in ("secrets", "needs")}
        inputs = {name: self._text(about["default"]) for name, about in ACTION["inputs"].items()} | options
        action = _Running(self.hub, self.name, ACTION["runs"], {**within, "inputs": inputs}, self.branch)
        action._steps(ACTION["runs"]["steps"], place, result)
        return {name: action._text(about["value"]) for name, about in ACTION["outputs"].items()}

    def _text(self, value: object) -> str:
        """A value with its `${{ … }}` put in."""
        if isinstance(value, bool):
            return str(value).lower()
        return re.sub(r"\$\{\{\s*(.*?)\s*\}\}", lambda found: str(_lookup(found[1], self.context)), str(value))

    def checkout(self, place: Path, *, persist_credentials: str) -> None:
        assert persist_credentials == "false"
        self.hub.machine.clone(place, self.branch)

    def setup_python(self, place: Path, *, python_version: str) -> None:
        assert re.fullmatch(r"3\.1[1-9]", python_version)

    def restore(self, place: Path, *, path: str, key: str, restore_keys: str) -> None:
        """The exact key, else the newest that begins so, of those that this ref may see: its own, and main's."""
        seen = [entry for entry in self.hub.caches if entry[1] in (self.context["github"]["ref"], "refs/heads/main")]
        exact = [folder for name, _, folder in seen if name == key]
        alike = [folder for name, _, folder in seen if name.startswith(restore_keys)]
        if found := exact or alike:
            shutil.copytree(found[-1], place / path)

    def save(self, place: Path, *, path: str, key: str) -> None:
        assert key not in [name for name, _, _ in self.hub.caches], "caches are never overwritten"
        if (place / path).is_dir():
            folder = self.hub.machine.folder("cache")
            shutil.copytree(place / path, folder, dirs_exist_ok=True)
            self.hub.caches.append((key, self.context["github"]["ref"], folder))

    def upload(self, place: Path, *, name: str, path: str, if_no_files_found: str, retention_days: str = "") -> None:
        folder = self._artifacts(name)
        folder.mkdir()
        for file in path.split():
            if (place / file).exists():
                shutil.copy(place / file, folder)
            else:
                assert if_no_files_found == "ignore", file

    def download(self, place: Path, *, name: str, path: str) -> None:
        shutil.copytree(self._artifacts(name), place / path, dirs_exist_ok=True)

    def _artifacts(self, name: str) -> Path:
        return self.hub.machine.home / f"artifacts-{self.context['github']['run_id']}-{name}"


ACTIONS = {
    "actions/checkout@v7": _Running.checkout,
    "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97": _Running.setup_python,
    "actions/cache/restore@27d5ce7f107fe9357f9df03efb73ab90386fccae": _Running.restore,
    "actions/cache/save@27d5ce7f107fe9357f9df03efb73ab90386fccae": _Running.save,
    "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f": _Running.upload,
    "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c": _Running.download,
}


def _lookup(name: str, context: dict[str, Any]) -> object:
    """`github.event.pull_request.number`. A secret that an environment hasn't is empty; nothing else is missing."""
    if name == "true":
        return True
    first, *rest = name.split(".")
    value: Any = context[first]
    for step in rest:
        loose = first in ("secrets", "needs", "steps") or step == "pull_request"
        value = value.get(step, "") if loose else value[step]
        if value == "":
            break
    return value
