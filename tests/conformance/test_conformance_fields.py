"""The emulator's tables of interactions, field by field, against the official SDK's own types: whichever of a union."""

from __future__ import annotations

import importlib
import pkgutil
import re
import typing

import interaction_tables
import pytest
from google.genai._gaos.types import interactions as package
from interaction_tables import OF_AGENTS, OF_MODELS
from pydantic import BaseModel
from served import KEY

from gemctl.emulator import interaction_messages
from gemctl.emulator.exact import Choice

# Official fields and types that are not taken, and why.
NOT_TAKEN = {
    "CreateModelInteraction.cached_content": "deprecated; the Gemini API refuses it as unknown",
    "CreateModelInteraction.safety_settings": "Vertex AI's alone",
    "CreateAgentInteraction.safety_settings": "Vertex AI's alone",
    "SafetySetting": "Vertex AI's alone",
    "Retrieval": "Vertex AI's alone",
    "RetrievalCallStep": "of such a tool",
    "RetrievalResultStep": "of such a tool",
    "DeepResearchAgentConfig.enable_bigquery_tool": "Vertex AI's alone",
    "SpeakerConfig": "the service takes a list of speakers, and refuses an object",
    "CodeMenderAgentConfig": "its requests are taken as they come",
    "ModelOutputStep.error": "taken as it comes",
}
# What is in these is the model's own, and is not looked into when it is sent back.
WHOLE = re.compile(
    r"\w*(Annotation|Citation|WordInfo|SearchResult|MapsResult|ContextResult|Places|Snippet|StepResult|Subcontent|Status"
    r"|FindRequest|FixRequest|SessionConfig|FileContent"
    r"|\w*SearchConfig|\w*Rag\w*|Filter|HybridSearch|Rank\w*|DynamicAgentConfig)"
)


def theirs():
    """Each class that a create is made of: its fields, and the words that each field takes."""
    classes = {}
    for module in pkgutil.iter_modules(package.__path__):
        found = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
        classes |= {
            name: each for name, each in found.items() if isinstance(each, type) and issubclass(each, BaseModel)
        }
    met, todo = {}, [OF_MODELS, OF_AGENTS]
    while todo:
        name = todo.pop()
        if name in met or name.startswith("Unknown") or WHOLE.fullmatch(name) or name in NOT_TAKEN:
            continue
        fields = met[name] = {}
        for own, field in classes[name].model_fields.items():
            parts = list(flat(field.annotation))
            fields[field.alias or own] = {part for part in parts if isinstance(part, str)}
            todo += [part.__name__ for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]
    return met


def flat(annotation):
    """The classes and the words of an annotation."""
    annotation = getattr(annotation, "__value__", annotation)
    if typing.get_origin(annotation) is typing.Literal:
        yield from typing.get_args(annotation)
        return
    for inner in typing.get_args(annotation):
        yield from flat(inner)
    yield annotation


def ours():
    """The fields of each message of the emulator's, by its name."""
    met = {name: table(message) for name, message in interaction_tables.messages().items()}
    create = table(interaction_messages.CREATE)
    for name, without in ((OF_MODELS, {"agent", "agent_config"}), (OF_AGENTS, {"model", "generation_config"})):
        met[name] = {field: kind for field, kind in create.items() if field not in without}
    return met


def table(message):
    return {proto: kind for _, proto, kind in message._fields.values()}


def test_every_official_field_is_taken_or_listed_with_a_reason():
    official, taken = theirs(), ours()
    assert official.keys() - taken.keys() - NOT_TAKEN.keys() == set()
    missing = {
        f"{name}.{field}" for name in official.keys() & taken.keys() for field in official[name].keys() - taken[name]
    }
    assert missing - NOT_TAKEN.keys() == set()
    assert len(official) > 60


def test_nothing_is_taken_that_is_not_official():
    official, taken = theirs(), ours()
    extra = {name for name in taken.keys() - official.keys() if not (WHOLE.fullmatch(name) or name in NOT_TAKEN)}
    assert extra == set()
    invented = {
        f"{name}.{field}" for name in official.keys() & taken.keys() for field in taken[name].keys() - official[name]
    }
    # A call of a function has a signature on the wire, which the SDKs keep as something extra.
    assert invented == {"FunctionCallStep.signature"}


def test_words_are_the_official_ones():
    official, taken = theirs(), ours()
    for name in official.keys() & taken.keys():
        for field, kind in taken[name].items():
            kinds = [kind, getattr(kind, "item", None), getattr(kind, "text", None)]
            for each in kinds:
                if isinstance(each, Choice) and official[name].get(field):
                    assert set(each.words) <= official[name][field], f"{name}.{field}"
                    assert official[name][field] - set(each.words) <= {"static", "smart", "verbatim"}, f"{name}.{field}"


def fields_of(name):
    return set(getattr(package, name).model_fields)


@pytest.fixture
def replies(emulator):
    """One of each kind of interaction, as it is shown."""

    def ask(method, path, body=None):
        headers = {"x-goog-api-key": KEY}
        answer = emulator.http.request(method, f"/v1/interactions{path}", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    tool = {"type": "function", "name": "f"}
    hook = {"uris": ["https://example.com"], "user_metadata": {"a": 1}}
    summed_up = {"generation_config": {"thinking_summaries": "auto"}}
    bodies = [
        {"input": "[[emulator: call f]]", "tools": [tool], "labels": {"a": "b"}, "system_instruction": "a"},
        {"input": "[[emulator: interaction continues]]", "store": True, **summed_up},
        {"model": "gemini-3-pro-image", "input": "a", "response_modalities": ["text", "image"]},
        {"model": "gemini-3.8-flash-tts", "input": "a"},
        {"input": "[[emulator: block]]", "background": True, "webhook_config": hook},
    ]
    made = [ask("POST", "", {"model": "gemini-3.8-flash", **body}) for body in bodies]
    agent = {"agent": "antigravity-preview-09-2026", "background": True, "environment": "remote"}
    made += [ask("POST", "", {**agent, "input": "a", "previous_interaction_id": made[2]["id"]})]
    emulator.advance(2)
    return [*made, *(ask("GET", f"/{each['id']}") for each in made)]


def test_replies_have_official_fields(replies):
    shown = {name for reply in replies for name in reply}
    assert shown - fields_of("Interaction") == {"object"}  # which the SDKs drop
    assert fields_of("Interaction") - shown == {
        # The service was never seen to show these, and the last four are the SDK's own.
        "agent_config", "cached_content", "environment", "generation_config", "input", "response_format",
        "response_mime_type", "response_modalities", "safety_settings", "tools",
        "continuation_ids", "output_audio", "output_image", "output_text", "output_video",
    }  # fmt: skip
    usage = {name for reply in replies for name in reply.get("usage", ())}
    assert usage <= fields_of("Usage")
    steps = {step["type"]: step for reply in replies for step in reply["steps"]}
    assert steps.keys() == {
        "user_input", "model_output", "thought", "function_call", "code_execution_call", "code_execution_result",
    }  # fmt: skip
    for kind, step in steps.items():
        name = "".join(word.title() for word in kind.split("_")) + "Step"
        assert step.keys() - fields_of(name) <= {"signature"}
    contents = {each["type"]: each for reply in replies for step in reply["steps"] for each in step.get("content", ())}
    assert contents.keys() == {"text", "image", "audio"}
    for kind, content in contents.items():
        assert content.keys() <= fields_of(f"{kind.title()}Content")
    errors = [error for reply in replies for error in reply.get("errors", ())]
    assert errors and all(error.keys() <= fields_of("Error") for error in errors)
