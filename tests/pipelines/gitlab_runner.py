"""As much of GitLab CI as the file in docs/ci needs: what only the product interprets is done here in the plainest way,
scripts are given to bash as they stand. What isn't known here is an error.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from expressions import evaluate
from machine import Job, Machine

_GLOBAL = {"stages", "workflow", "variables"}
_JOB = {"image", "interruptible", "timeout", "before_script", "stage", "rules", "script", "environment", "artifacts"}
_JOB |= {"cache", "needs", "resource_group"}
_ACCESS = ("gemctl-plan", "gemctl-renew", "gemctl-apply")


@dataclass
class GitLab:
    """One project. `caches` by key and by whether the branch is protected."""

    machine: Machine
    file: dict[str, Any]
    state: str
    caches: dict[tuple[str, bool], Path] = field(default_factory=dict)
    pipelines: int = 100

    @classmethod
    def read(cls, machine: Machine, file: Path, state: str) -> GitLab:
        whole = yaml.safe_load(file.read_text(encoding="utf-8"))
        if state != "cache":
            whole |= {".state": {}, ".state-to-read": {}}  # as the file says
        return cls(machine, whole, state)

    def proposed(self, branch: str) -> dict[str, Job]:
        more = {"CI_MERGE_REQUEST_IID": "5"}
        return self._run("merge_request_event", branch, more, play=(), protected=False)

    def merged(self, *, before_apply=lambda: None) -> dict[str, Job]:
        return self._run("push", "main", {"CI_COMMIT_BRANCH": "main"}, play=("apply",), before_apply=before_apply)

    def scheduled(self) -> dict[str, Job]:
        return self._run("schedule", "main", {"CI_COMMIT_BRANCH": "main"}, play=())

    def _run(
        self, source: str, branch: str, more: dict[str, str], *, play, protected=True, before_apply=lambda: None
    ) -> dict[str, Job]:
        self.pipelines += 1
        variables = {**self.file["variables"], "CI_PIPELINE_SOURCE": source, "CI_DEFAULT_BRANCH": "main", **more}
        variables |= {"CI_API_V4_URL": self.machine.forge.url, "CI_PROJECT_ID": "7", "CI": "true"}
        variables |= {"CI_COMMIT_SHA": self.machine.sha(branch)}
        assert self._rule(self.file["workflow"]["rules"], variables) is not None
        jobs = {name: self._resolved(name) for name in self.file if name not in _GLOBAL and not name.startswith(".")}
        done: dict[str, Job] = {}
        for stage in self.file["stages"]:
            failed = any(job.status == "failure" for job in done.values())
            for name, job in jobs.items():
                if job["stage"] != stage:
                    continue
                rule = self._rule(job["rules"], variables)
                assert set(job.get("needs", [])) <= set(jobs)
                if rule is None or failed or (rule.get("when") == "manual" and name not in play):
                    done[name] = Job("skipped")
                    continue
                if name == "apply":
                    before_apply()
                done[name] = self._go(name, job, variables, branch, protected)
        return done

    def _rule(self, rules: list[dict[str, str]], variables: dict[str, str]) -> dict[str, str] | None:
        """The first rule that holds."""
        for rule in rules:
            assert set(rule) <= {"if", "when"}
            if evaluate(rule["if"], lambda name: variables.get(name.removeprefix("$"), ""), {}.__getitem__):
                return rule
        return None

    def _resolved(self, name: str) -> dict[str, Any]:
        """The job with what it extends: mappings are merged, anything else is replaced."""
        job = dict(self.file[name])
        bases = job.pop("extends", [])
        whole: dict[str, Any] = {}
        for base in [bases] if isinstance(bases, str) else bases:
            whole = _merged(whole, self._resolved(base))
        whole = _merged(whole, job)
        assert set(whole) <= _JOB, set(whole) - _JOB
        return whole

    def _go(self, name: str, job: dict[str, Any], variables: dict[str, str], branch: str, protected: bool) -> Job:
        place = self.machine.folder(name)
        self.machine.clone(place, branch)
        cache = job.get("cache")
        if cache:
            key = (self._put_in(cache["key"], variables), protected)
            assert cache["paths"] == [".gemctl/"]
            if key in self.caches:
                shutil.copytree(self.caches[key], place / ".gemctl")
        for need in job.get("needs", []):
            shutil.copytree(self._artifacts(need), place, dirs_exist_ok=True)
        environment = job.get("environment", {"name": ""})
        assert environment["name"] in ("", *_ACCESS) and environment.get("action", "access") == "access"
        env = {**variables, **self._secrets(environment["name"])}
        status, said = self.machine.bash(place, "\n".join([*job["before_script"], *job["script"]]), env)
        result = Job("failure" if status else "success", place, said, exits={name: status} if status else {})
        keeps = cache and cache.get("policy", "pull-push") != "pull" and (not status or cache["when"] == "always")
        if keeps and (place / ".gemctl").is_dir():
            self.caches[key] = self.machine.folder("cache")
            shutil.copytree(place / ".gemctl", self.caches[key], dirs_exist_ok=True)
        kept = job.get("artifacts", {"paths": []})
        if not status or kept.get("when") == "always":
            folder = self._artifacts(name)
            folder.mkdir()
            for path in kept["paths"]:
                if (place / path).exists():
                    shutil.copy(place / path, folder)
        return result

    def _secrets(self, environment: str) -> dict[str, str]:
        """The variables of an environment; GEMINI_API_KEY of those that are protected only where the branch is."""
        if not environment:
            return {}
        more = {"PLAN_TOKEN": self.machine.token} if environment == "gemctl-plan" else {}
        return {"GEMINI_API_KEY": self.machine.key, "GEMCTL_STATE_DSN": self.machine.dsn, **more}

    def _put_in(self, text: str, variables: dict[str, str]) -> str:
        head, dollar, name = text.partition("$")
        return head + variables[name] if dollar else text

    def _artifacts(self, job: str) -> Path:
        return self.machine.home / f"artifacts-{self.pipelines}-{job}"


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _merged(one.get(key), other[key]) if key in other else one[key] for key in {**one, **other}}
    return one if other is None else other
