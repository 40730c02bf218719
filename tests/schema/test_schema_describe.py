"""Help for every field there is, from the schema alone; and a way out for what there is not."""

from __future__ import annotations

import pytest

from gemctl.core.errors import Usage
from gemctl.kinds import CATALOGUE
from gemctl.schema.describe import describe, steps_of
from gemctl.workflows.explain import ENVELOPE, explain, schema_of

ROOTS = [*CATALOGUE, "Project", *ENVELOPE]


def everything(root: str, schema, steps: tuple[str, ...] = (), above: tuple = ()):
    """The help of this path and of all below it; a shape within itself is not entered again."""
    found = describe(root, schema, steps)
    yield found
    if found.below and found.below not in above:
        for field in found.below:
            yield from everything(root, schema, (*steps, field.name), (*above, found.below))


@pytest.mark.parametrize("root", ROOTS)
def test_every_field_says_what_it_is_and_what_it_is_for(root):
    silent = []
    for found in everything(root, schema_of(root)):
        assert found.field.type
        silent += [found.field.name] if not found.field.description else []
    assert [path for path in silent if not path.endswith("<name>")] == []


def test_lists_and_references_are_passed_through():
    paths = ["CachedContent.spec.contents.parts.text", "CachedContent.spec.contents[0].parts[*].text"]
    paths += ["CachedContent.spec.contents.0.parts.12.text"]
    assert {explain(path).field.description for path in paths} == {"The text itself."}
    assert [field.name for field in explain("BatchJob.spec.input.fileRef").below] == ["name"]


def test_names_of_the_users_own_are_passed_through():
    named, unnamed = explain("Project.stacks.prod.endpoint"), explain("Project.stacks.endpoint")
    assert named.field.default == unnamed.field.default == "gemini"


def test_what_is_required_of_a_spec_is_said_although_defaults_may_give_it():
    required = {field.name for field in explain("CachedContent.spec").below if field.required}
    assert required == {"model"}


def test_a_field_of_one_of_several_forms_is_not_required():
    assert not any(field.required for field in explain("BatchJob.spec.requests.request").below)


def test_the_envelope_is_that_of_all_kinds():
    assert {"keep", "renewBefore"} <= {field.name for field in explain("lifecycle").below}
    assert explain("run.maxResubmits").field.default == "1"
    assert [field.name for field in explain("expect").below] == ["readsPerHour", "outputTokens", "tokensPerRun"]
    assert [field.name for field in explain("CachedContent.expect").below] == ["readsPerHour"]
    assert [field.name for field in explain("BatchJob.expect").below] == ["outputTokens"]
    assert [field.name for field in explain("Trigger.expect").below] == ["tokensPerRun"]


def test_values_are_written_as_one_writes_them():
    assert explain("lifecycle.retire").field.default == "10m"
    assert explain("lifecycle.preventDestroy").field.default == "false"
    assert explain("CachedContent.spec.expireTime").field.type == "time"
    assert explain("CachedContent.spec.ttl").field.type == "duration"
    assert explain("run.maxResubmits").field.limits == ("at least 1", "at most 100")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("CachedContnt", "Did you mean CachedContent?"),
        ("CachedContent.contents", "Did you mean CachedContent.spec.contents?"),
        ("CachedContent.spec.contnets", "Did you mean CachedContent.spec.contents?"),
        ("CachedContent.spec.contents.partz", "Did you mean CachedContent.spec.contents.parts?"),
        ("CachedContent.spec.qqqqqq", "`gemctl explain CachedContent.spec` shows what there is."),
        ("CachedContent.spec.ttl.x", "Nothing is known of what is below it."),
        ("", "Known here:"),
        ("..", "Known here:"),
    ],
)
def test_what_is_not_there_leads_to_what_was_meant(path, hint):
    with pytest.raises(Usage) as caught:
        explain(path)
    assert caught.value.code == "E004" and caught.value.hint.startswith(hint)


def test_what_exists_elsewhere_is_told_why_not_here():
    with pytest.raises(Usage, match="this kind doesn't"):
        explain("CachedContent.run")


def test_a_schema_that_refers_to_itself_ends():
    circle = {"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]}}}
    assert describe("A", circle, ()).field.type == "text"
    loop = {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert describe("A", loop, ()).below == ()


def test_paths_as_people_write_them():
    assert steps_of("spec.contents[0].parts[].text") == ("spec", "contents", "parts", "text")
