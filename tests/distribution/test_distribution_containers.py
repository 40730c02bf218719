"""docs/deploy: the recipe of the image, and the manifests for Kubernetes. Nothing here needs a container runtime."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from building import Built
from conformance.served import serving
from quick_gemctl import quick_gemctl
from servers import postgres

from gemctl.workflows.init import init

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "docs/deploy"
RECIPE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
# Steps of the recipe: (word, the rest, in one line). The first ones, up to the second FROM, build.
STEPS = re.findall(r"^([A-Z]+) (.*)$", RECIPE.replace("\\\n", ""), re.MULTILINE)
SECOND = [number for number, (word, _) in enumerate(STEPS) if word == "FROM"][1]


def documents(file: str) -> dict[str, dict]:
    found = yaml.safe_load_all((DEPLOY / file).read_text(encoding="utf-8"))
    return {document["kind"]: document for document in found}


CRON = documents("cronjob.yaml")["CronJob"]["spec"]
WATCH = documents("deployment.yaml")["Deployment"]["spec"]
PODS = {"cronjob": CRON["jobTemplate"]["spec"]["template"]["spec"], "deployment": WATCH["template"]["spec"]}


def test_the_image_runs_as_nobody_in_particular_and_holds_no_secret():
    bases = {rest.split()[0] for word, rest in STEPS if word == "FROM"}
    assert len(bases) == 1 and re.fullmatch(r"\S+/python:3\.\d+-slim-\w+", bases.pop())
    last = dict(STEPS[SECOND:])
    assert last["USER"] == "{runAsUser}:{runAsGroup}".format(**PODS["cronjob"]["securityContext"])
    assert json.loads(last["ENTRYPOINT"]) == ["gemctl"] and last["WORKDIR"] == "/project"
    assert not re.search(
        r"KEY|TOKEN|SECRET|PASSWORD|DSN", "".join(rest for word, rest in STEPS if word in ("ENV", "ARG"))
    )
    assert "RUN" not in [word for word, _ in STEPS[SECOND:]], "what runs gemctl is copied, and nothing is installed"


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_the_least_rights(name):
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False and "serviceAccountName" not in pod
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    own = pod["securityContext"]
    assert own["runAsNonRoot"] is True and own["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {one["name"] for one in container["env"]} == {"GEMINI_API_KEY", "GEMCTL_STATE_DSN"}
    assert all(set(one) == {"name", "valueFrom"} for one in container["env"]), "secrets stand in no manifest"
    assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]
    assert {one["name"]: one["mountPath"] for one in container["volumeMounts"]} == {
        "tmp": "/tmp",
        "out": "/project/out",
    }
    unit = re.search(r"^TimeoutStopSec=(\d+)$", (ROOT / "docs/watch.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert pod["terminationGracePeriodSeconds"] == int(unit[1])


def test_one_run_at_a_time():
    assert CRON["concurrencyPolicy"] == "Forbid"
    assert CRON["jobTemplate"]["spec"]["backoffLimit"] == 0 and PODS["cronjob"]["restartPolicy"] == "Never"
    assert WATCH["replicas"] == 1 and WATCH["strategy"] == {"type": "Recreate"}


@pytest.mark.slow
def test_others_find_nothing_wrong(tools):
    if tools is None:
        return
    files = [DEPLOY / "cronjob.yaml", DEPLOY / "deployment.yaml"]
    for words in (["hadolint", DEPLOY / "Containerfile"], ["kubernetes-validate", "--strict", *files]):
        done = subprocess.run([tools / words[0], *words[1:]], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_steps_of_the_recipe_make_what_the_wheel_has(built: Built, tools, tmp_path):
    """Those that build, with their paths in a folder of their own. uv stands in for pip, which takes ten times as long,
    and leaves out the libraries, which other tests install.
    """
    if tools is None:
        return
    pip = f"{tools}/uv pip install --quiet --no-deps --python /opt/gemctl/bin/python"
    for word, rest in STEPS[1:SECOND]:
        if word == "COPY":
            *sources, into = (tmp_path / path.lstrip("/") if path[0] == "/" else ROOT / path for path in rest.split())
            into.mkdir(parents=True, exist_ok=True)
            for source in sources:
                if source.is_dir():
                    shutil.copytree(source, into, dirs_exist_ok=True)
                else:
                    shutil.copy(source, into)
            continue
        assert word == "RUN" and "/opt/gemctl/bin/pip install --no-cache-dir" in rest
        own = rest.replace("/opt/gemctl/bin/pip install --no-cache-dir", pip).replace(
            "-m venv", "-m venv --without-pip"
        )
        own = re.sub(r"(?<![\w/])/(opt|src)\b", rf"{tmp_path}/\1", own)
        env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-euc", own], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "opt/gemctl/bin/gemctl").exists()
    (packages,) = (tmp_path / "opt/gemctl/lib").glob("python3*/site-packages")
    files = {path.relative_to(packages).as_posix() for path in (packages / "gemctl").rglob("*") if path.is_file()}
    assert files == {name for name in built.in_wheel() if name.startswith("gemctl/")}


def _words(words: list[str], port: int) -> list[str]:
    return [word.replace("9095", str(port)) for word in words]


@pytest.mark.slow
def test_the_arguments_do_their_work_and_write_only_where_a_volume_is(tmp_path):
    project = tmp_path / "project"
    init(str(project))
    text = (
        (project / "gemctl.yaml").read_text().replace("prod: {}", "prod: {state: {postgres: {env: GEMCTL_STATE_DSN}}}")
    )
    (project / "gemctl.yaml").write_text(text)
    (project / "out").mkdir()  # the volume

    def seen() -> set[tuple[str, int]]:
        """All but what is in `out`; a folder in which something was made, and be it for a moment, is another one."""
        paths = [project, *(path for path in project.rglob("*") if path.relative_to(project).parts[0] != "out")]
        return {(str(path), path.stat().st_mtime_ns) for path in paths}

    before = seen()
    with serving() as emulator, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        env = {**os.environ, "GOOGLE_GEMINI_BASE_URL": emulator.url, "GEMINI_API_KEY": "canary-key-5f1"}
        env |= {"GEMCTL_STATE_DSN": postgres(f"deploy_{tmp_path.name}"), "PYTHONUTF8": "1"}
        (container,) = PODS["cronjob"]["containers"]
        done = subprocess.run(
            [quick_gemctl(), *container["args"]], cwd=project, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads((project / "out/prod/caches.json").read_text())["handbook"]

        (container,) = PODS["deployment"]["containers"]
        watch = subprocess.Popen(
            [quick_gemctl(), *_words(container["args"], port)], cwd=project, env=env, stdout=subprocess.PIPE, text=True
        )
        lines = []
        for line in watch.stdout:
            lines.append(json.loads(line))
            if lines[-1].get("event") == "sleep":
                break
        python, *words = _words(container["readinessProbe"]["exec"]["command"], port)
        assert python == "python"
        probe = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(timeout=120) == 143 and probe.returncode == 0, (lines, probe.stderr)
        watch.stdout.close()
        assert "error" not in [line.get("event") for line in lines]
        assert [effect["kind"] for effect in emulator.effects()] == ["created"], "the watch found it, by the state"
    assert seen() == before
