"""BatchJobs, Files and what refers to them, right and wrong, as data; and what becomes of the right ones."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from manifest_workspace import Workspace
from test_manifest_cases import PROJECT_HEAD, check

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected
from gemctl.core.kind import FileNeed
from gemctl.core.mark import Mark, spec_tag
from gemctl.core.project import Project, Stack
from gemctl.core.resource import Attachment, Desired, Ending, Lifecycle, Run
from gemctl.core.source import SourceFile
from gemctl.kinds import CATALOGUE
from gemctl.kinds.batch_job import BatchJobSpec
from gemctl.manifest.bind import bind
from gemctl.manifest.envelope import resource_schema
from gemctl.manifest.schema import document_schema
from gemctl.manifest.yaml import parse

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "cases/jobs.yaml").read_text(encoding="utf-8"))
JOB, FILE, FAQ = Address("BatchJob", "job"), Address("File", "book"), Address("CachedContent", "faq")
HEAD = "apiVersion: gemctl/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"
LINE = '{"key": "%s", "request": {"contents": [{"parts": [{"text": "x"}]}]}}'


def write(workspace: Workspace, case: dict[str, Any]) -> None:
    documents = (("job", "m.yaml", JOB), ("file", "f.yaml", FILE), ("cache", "c.yaml", FAQ))
    for part, path, address in documents:
        if part in case:
            lines = case[part].rstrip("\n").split("\n")
            if part != "file":
                lines = [f"model: {case.get(f'{part}_model', 'gemini-2.5-flash')}", *lines]
            body = "".join(f"  {line}\n" for line in lines)
            text = HEAD.format(kind=address.kind, name=address.name) + body + case.get(f"after_{part}", "")
            workspace.write({path: text + "\n"})
    for path, content in case.get("files", {}).items():
        workspace.write({path: "".join(f"{line}\n" for line in content) if isinstance(content, list) else content})
    if "project" in case:
        workspace.write({"gemctl.yaml": f"{PROJECT_HEAD}{case['project']}\n"})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_jobs(case: dict[str, Any], workspace: Workspace) -> None:
    write(workspace, case)
    check(workspace, case["expect"])


def loaded(workspace: Workspace, **case: Any) -> Desired:
    write(workspace, case)
    return workspace.load()


REQUESTS = "requests: [{key: a, request: {contents: x}}]"


def test_how_a_job_is_run(workspace: Workspace) -> None:
    rules = "key: '2', results: ./out//r.jsonl, deadline: 1d, onExpired: resubmit, maxResubmits: 3"
    after = f"run: {{{rules}, cleanup: whenHarvested}}"
    job = loaded(workspace, job=REQUESTS, after_job=after).resources[JOB]
    assert job.run == Run("2", "out/r.jsonl", timedelta(days=1), Ending.RESUBMIT, Ending.REPORT, 3, clean=True)
    assert job.declared.fields["run"] == {"key": "2"}
    assert job.lifecycle == Lifecycle()
    plain = loaded(workspace, job=REQUESTS).resources[JOB]
    assert plain.run == Run()
    assert "run" not in plain.declared.fields


def test_a_run_key_is_another_job_and_how_it_is_run_is_not(workspace: Workspace) -> None:
    tags = [
        loaded(workspace, job=REQUESTS, after_job=after).resources[JOB].spec_tag
        for after in ("", "run: {results: a.jsonl, onFailed: resubmit}", "run: {key: a}", "run: {key: b}")
    ]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 3


def test_what_a_saved_plan_is_bound_to(workspace: Workspace) -> None:
    """All that decides what is sent and saved: how it is run as well."""
    digests = [
        loaded(workspace, job=spec, after_job=after).digest
        for spec, after in (
            (REQUESTS, ""),
            (REQUESTS, "run: {results: a.jsonl}"),
            (REQUESTS, "run: {results: a.jsonl, deadline: 1h}"),
            (REQUESTS, "run: {results: a.jsonl, cleanup: whenHarvested}"),
            (REQUESTS, "run: {onFailed: resubmit}"),
            (f"priority: 1\n{REQUESTS}", ""),
            (f"webhookConfig: {{uris: ['https://example.com/']}}\n{REQUESTS}", ""),
        )
    ]
    assert len(set(digests)) == len(digests)


def test_defaults_for_all_jobs(workspace: Workspace) -> None:
    rules = "run: {onFailed: resubmit, cleanup: whenHarvested}, spec: {priority: 2}"
    project, after = (
        f"stacks: {{x: {{}}}}\ndefaults: {{BatchJob: {{{rules}}}}}",
        "run: {results: a.jsonl, onFailed: report}",
    )
    job = loaded(workspace, project=project, job=REQUESTS, after_job=after).resources[JOB]
    assert job.run == Run(results="a.jsonl", clean=True)
    assert job.declared.extras == {"priority": 2}


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("", Lifecycle(on_demand=True)),
        ("lifecycle: {keep: onDemand, preventDestroy: true}", Lifecycle(on_demand=True, prevent_destroy=True)),
        ("lifecycle: {keep: always}", Lifecycle(renew_before=timedelta(hours=12))),
        ("lifecycle: {keep: always, renewBefore: 6h}", Lifecycle(renew_before=timedelta(hours=6))),
    ],
)
def test_how_long_a_file_is_kept(workspace: Workspace, after: str, expected: Lifecycle) -> None:
    desired = loaded(workspace, file="source: a.pdf", files={"a.pdf": "x"}, after_file=after)
    assert desired.resources[FILE].lifecycle == expected


def test_a_margin_for_all_files_waits_for_those_it_suits(workspace: Workspace) -> None:
    project = "stacks: {x: {}}\ndefaults: {File: {lifecycle: {renewBefore: 6h}}}"
    desired = loaded(workspace, project=project, file="source: a.pdf", files={"a.pdf": "x"})
    assert desired.resources[FILE].lifecycle == Lifecycle(on_demand=True)


def test_the_file_of_a_job(workspace: Workspace) -> None:
    """It is declared in passing, by the job's name; where it lies makes no difference to what the job is."""
    line = LINE % "a"
    desired = loaded(workspace, job="input: {jsonl: deep/r.jsonl}", files={"deep/r.jsonl": [line]})
    file = Address("File", "job.input")
    assert set(desired.resources) == {JOB, file}
    assert desired.resources[file].lifecycle.on_demand
    (reference,) = desired.resources[JOB].declared.references
    assert (reference.target, reference.output) == (file, "name")
    assert desired.resources[JOB].declared.fields["input"] == {"fileName": desired.resources[file].spec_tag}
    again = loaded(workspace, job="input: {jsonl: r.txt}", files={"r.txt": [line]}).resources[JOB]
    assert again.spec_tag == desired.resources[JOB].spec_tag
    other = loaded(workspace, job="input: {jsonl: r.txt}", files={"r.txt": [line, LINE % "b"]}).resources[JOB]
    assert other.spec_tag != again.spec_tag
    (attachment,) = desired.resources[file].declared.attachments
    assert (attachment.path, attachment.binary) == ("deep/r.jsonl", True)


def test_a_file_that_is_edited_is_another_cache(workspace: Workspace) -> None:
    tags = []
    for content in ("x", "y"):
        desired = loaded(
            workspace,
            file="source: a.pdf",
            cache="contents: {parts: [{fileRef: {name: book}}]}",
            files={"a.pdf": content},
        )
        faq = desired.resources[FAQ]
        assert faq.declared.fields["contents"][0]["parts"][0]["fileData"]["fileUri"] == desired.resources[FILE].spec_tag
        tags.append(faq.spec_tag)
    assert tags[0] != tags[1]


def test_the_schemas_for_editors(workspace: Workspace) -> None:
    parts = (("job", "m.yaml"), ("file", "f.yaml"), ("cache", "c.yaml"))
    validators = {
        name: jsonschema.Draft202012Validator(resource_schema(name, kind.spec, type(kind.lifetime)))
        for name, kind in CATALOGUE.items()
    }
    whole = jsonschema.Draft202012Validator(document_schema(CATALOGUE))
    for validator in (*validators.values(), whole):
        validator.check_schema(validator.schema)
    for case in CASES:
        write(workspace, case)
        for part, path in parts:
            if part in case and not case["expect"]:
                text = (workspace.root / path).read_text(encoding="utf-8")
                for document in parse(SourceFile(path, text)):
                    validator = validators[document.value["kind"]]
                    assert list(validator.iter_errors(document.value)) == [], case["name"]
                    assert list(whole.iter_errors(document.value)) == [], case["name"]
    head = {"apiVersion": "gemctl/v1", "metadata": {"name": "x"}}
    for kind, wrong in (
        ("CachedContent", {"spec": {}, "run": {}}),
        ("CachedContent", {"spec": {}, "lifecycle": {"keep": "always"}}),
        ("File", {"spec": {"source": "a"}, "run": {}}),
        ("File", {"spec": {"source": "a"}, "lifecycle": {"keep": "never"}}),
        ("BatchJob", {"spec": {}, "run": {"onFailed": "retry"}}),
        ("BatchJob", {"spec": {"requests": [{"key": "a"}]}}),
        ("BatchJob", {"spec": {"requests": [{"key": "a", "request": {"contens": "x"}}]}}),
    ):
        assert list(validators[kind].iter_errors({**head, "kind": kind, **wrong})), (kind, wrong)
        assert list(whole.iter_errors({**head, "kind": kind, **wrong})), (kind, wrong)


LEAVES = st.sampled_from(["", "x", "1h", "a.jsonl", "embedContent", 1, 1.0, None, True])
FIELDS = st.sampled_from(
    (
        "key",
        "request",
        "contents",
        "content",
        "parts",
        "text",
        "textFile",
        "fileRef",
        "name",
        "cachedContentRef",
        "jsonl",
    )
) | st.sampled_from(
    ("generationConfig", "topK", "results", "deadline", "onFailed", "keep", "renewBefore", "source", "x")
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)


@given(
    kind=st.sampled_from(["BatchJob", "File"]),
    spec=st.dictionaries(
        st.sampled_from(["model", "method", "requests", "input", "priority", "source", "mimeType", "displayName"]),
        TREES,
    ),
    around=st.dictionaries(st.sampled_from(["lifecycle", "publish", "run", "x"]), TREES),
)
def test_no_manifest_raises_anything_but_rejected(kind: str, spec: Any, around: Any) -> None:
    base = {"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": "a"}, "spec": spec}
    stack = Stack("s")

    def attach(need: FileNeed, named_in: str) -> tuple[Attachment, ...]:
        return (Attachment(sha256(b"x"), 1, path="x", binary=need.binary),)

    try:
        desired = bind(
            parse(SourceFile("m.yaml", json.dumps({**base, **around}))), Project("p", None, "s", {"s": stack}), stack,
            CATALOGUE, attach,
        )  # fmt: skip
    except Rejected as rejected:
        assert all(found.span for found in rejected.diagnostics)
    else:
        for address, one in desired.resources.items():
            call = CATALOGUE[address.kind].remote.create(one, Mark("a" * 10, "b" * 13, "c" * 13), 1)
            for fill in call.fills:
                value: Any = call.body
                for step in fill.at:
                    value = value[step]
                assert value == fill.digest


REQUEST = {
    "contents": [{"parts": [{"text": "x"}]}],
    "systemInstruction": {"parts": [{"text": "s"}]},
    "generationConfig": {"temperature": 1, "topK": 3},
}


@given(st.permutations(sorted(REQUEST)), st.booleans(), st.sampled_from([None, 0, 2]))
def test_the_style_of_the_yaml_is_no_part_of_the_form(order: list[str], flow: bool, width: int | None) -> None:
    spec = {"requests": [{"request": {name: REQUEST[name] for name in order}, "key": "a"}], "model": "m"}
    stack = Stack("s")
    document = {"apiVersion": "gemctl/v1", "kind": "BatchJob", "metadata": {"name": "a"}, "spec": spec}
    text = yaml.safe_dump(document, default_flow_style=flow, width=width or 1000, sort_keys=False)
    (job,) = bind(
        parse(SourceFile("m.yaml", text)), Project("p", None, "s", {"s": stack}), stack, CATALOGUE, lambda *_: ()
    ).resources.values()
    spec = {"model": "m", "requests": [{"key": "a", "request": REQUEST}]}
    assert job.spec_tag == spec_tag(CATALOGUE["BatchJob"].declare(BatchJobSpec.model_validate(spec), {}).fields)
