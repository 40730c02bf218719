"""Interactions: what is answered, what becomes of those in the background, and what is refused."""

import base64
import json
import re
from datetime import timedelta

import pytest
from conftest import Caller
from receiver import receiving

from gemctl.emulator import interaction_life, routing
from gemctl.emulator.app import App, Request
from gemctl.emulator.faults import Fault
from gemctl.emulator.surfaces import serving
from gemctl.emulator.world import World

MODEL, IMAGES, SPEECH = "gemini-3.8-flash", "gemini-3.1-flash-image", "gemini-3.8-flash-tts"
PRICED = "gemini-2.5-flash"
RESEARCH = "deep-research-preview-04-2026"
ADD = {
    "type": "function",
    "name": "add",
    "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
}
DAY = 24 * 3600


def ask(caller, text="hello", **more):
    """One turn with a model."""
    return caller.json("POST", "interactions", {"model": MODEL, "input": text, **more})


def run(caller, text="hello", **more):
    """One that begins in the background."""
    return ask(caller, text, background=True, **more)


def get(caller, made, **query):
    return caller.json("GET", f"interactions/{made['id']}", query=query)


def refused(caller, body=None, *, method="POST", path="interactions", **query):
    response = caller.ask(method, path, body, query=query)
    error = json.loads(response.body)["error"]
    assert set(error) == {"code", "message"}
    return response.status, error["code"], error["message"]


def kinds(shown):
    return [step["type"] for step in shown["steps"]]


def text_of(shown):
    return shown["steps"][-1]["content"][-1]["text"]


def signed(step):
    return {**step, "signature": "YQ=="}


# At once


def test_a_turn_and_one_that_follows_it(caller):
    first = ask(caller, "Hi, my name is Phil.")
    assert re.fullmatch(r"v1_[A-Za-z0-9_-]{62}", first["id"])
    assert {name: first[name] for name in ("object", "status", "model", "created", "updated", "service_tier")} == {
        "object": "interaction", "status": "completed", "model": MODEL, "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T00:00:00Z", "service_tier": "standard",
    }  # fmt: skip
    assert kinds(first) == ["thought", "model_output"]
    assert text_of(first).endswith(": Hi, my name is Phil.")
    second = ask(caller, "What is my name?", previous_interaction_id=first["id"])
    assert "read 3 parts" in text_of(second)  # both turns of the user, and the answer to the first
    assert second["previous_interaction_id"] == first["id"]
    shown = get(caller, second)
    assert kinds(shown) == ["user_input", "thought", "model_output"]
    assert shown == get(caller, second, include_input="true", stream="false")
    assert (
        shown["usage"] == second["usage"]
        and shown["usage"]["total_input_tokens"]
        > first["usage"]["total_tokens"] - (first["usage"]["total_thought_tokens"])
    )


def test_the_same_question_has_the_same_answer(caller):
    assert text_of(ask(caller)) == text_of(ask(caller)) != text_of(ask(caller, "other"))


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_all_versions_are_alike(caller, version):
    body = json.dumps({"model": f"models/{MODEL}", "input": "hi"}).encode()
    response = caller.app.handle(Request("POST", f"/{version}/interactions", (), {"x-goog-api-key": "k"}, body))
    assert response.status == 200
    assert json.loads(response.body)["model"] == MODEL


IMAGE = {"type": "image", "mime_type": "image/png", "data": "YQ=="}
SAID = {"type": "text", "text": "a"}
INPUTS = {
    "a text": ("a", ["text"]),
    "a content": (SAID, ["text"]),
    "contents": ([SAID, IMAGE], ["text", "image"]),
    "an address without a type": ([{"type": "image", "uri": "https://a.b/c"}], ["image"]),
    "a step": ({"type": "user_input", "content": [SAID]}, ["text"]),
    "steps": ([{"type": "user_input", "content": [SAID, IMAGE]}], ["text", "image"]),
}


@pytest.mark.parametrize(("given", "contents"), INPUTS.values(), ids=INPUTS)
def test_every_form_of_input_becomes_steps(caller, given, contents):
    shown = get(caller, ask(caller, given))
    assert [content["type"] for content in shown["steps"][0]["content"]] == contents
    tokens = {each["modality"]: each["tokens"] for each in shown["usage"]["input_tokens_by_modality"]}
    assert tokens.keys() == set(contents)


def test_a_schema_is_obeyed(caller):
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    for more in (
        {"response_format": {"type": "text", "mime_type": "application/json", "schema": schema}},
        {"response_format": [{"type": "text", "mime_type": "application/json", "schema": schema}]},
        {"response_format": schema, "response_mime_type": "application/json"},
    ):
        assert json.loads(text_of(ask(caller, **more))) == {"n": 0}
    form = {"type": "text", "mime_type": "application/json"}
    assert json.loads(text_of(ask(caller, response_format=form))).keys() == {"answer"}
    assert text_of(ask(caller, response_format={"type": "text"})).endswith("hello")


def test_a_picture(caller):
    made = ask(
        caller, "a cat", model=IMAGES, response_format={"type": "image", "aspect_ratio": "16:9", "image_size": "4K"}
    )
    (content,) = made["steps"][-1]["content"]
    assert (content["type"], content["mime_type"]) == ("image", "image/jpeg")
    assert base64.b64decode(content["data"]).startswith(b"\xff\xd8\xff\xe0")
    assert made["usage"]["output_tokens_by_modality"] == [{"modality": "image", "tokens": 258}]
    both = ask(caller, "a cat", model=IMAGES, response_modalities=["text", "image"])
    assert [content["type"] for content in both["steps"][-1]["content"]] == ["text", "image"]
    alone = ask(caller, "a cat", model=IMAGES, response_modalities=["image"])
    assert [content["type"] for content in alone["steps"][-1]["content"]] == ["image"]


def test_speech_takes_as_long_as_its_text(caller):
    config = {"speech_config": [{"voice": "Kore", "language": "en-us"}]}
    short, long = (
        ask(caller, text, model=SPEECH, response_format={"type": "audio"}, generation_config=config)["steps"][-1][
            "content"
        ][0]
        for text in ("word " * 6, "word " * 60)
    )
    assert (short["type"], short["mime_type"], short["sample_rate"]) == ("audio", "audio/l16", 24000)
    assert [len(base64.b64decode(each["data"])) / 48_000 for each in (short, long)] == [2, 20]
    usage = ask(caller, "word " * 6, model=SPEECH)["usage"]
    assert usage["output_tokens_by_modality"] == [{"modality": "audio", "tokens": 64}]
    nothing = ask(caller, [IMAGE], model=SPEECH)["steps"][-1]["content"][0]
    assert len(base64.b64decode(nothing["data"])) == 48_000
    slow = {"type": "audio", "sample_rate": 16000}
    made = ask(caller, "word", model=SPEECH, response_format=slow, generation_config=config)["steps"][-1]["content"][0]
    assert (made["sample_rate"], len(base64.b64decode(made["data"]))) == (16000, 32_000)


def test_thoughts_are_signed_and_summed_up_where_that_is_asked_for(caller):
    plain, _ = ask(caller)["steps"]
    assert "summary" not in plain and base64.b64decode(plain["signature"])
    shown, _ = ask(caller, generation_config={"thinking_summaries": "auto"})["steps"]
    assert shown["summary"][0]["type"] == "text"
    none = ask(caller, generation_config={"thinking_level": "minimal"})
    assert kinds(none) == ["model_output"] and none["usage"]["total_thought_tokens"] == 0


def test_an_answer_that_is_cut_off_is_incomplete(caller):
    config = {"max_output_tokens": 4, "thinking_level": "minimal"}
    made = ask(caller, "hello", generation_config=config)
    assert made["status"] == "incomplete" and len(text_of(made)) == 16
    assert ask(caller, "[[emulator: cut]]")["status"] == "incomplete"


def test_what_is_not_stored_was_never_there(caller):
    made = ask(caller, store=False)
    path = f"interactions/{made['id']}"
    assert refused(caller, method="GET", path=path) == (404, "not_found", "Interaction not found.")
    assert refused(caller, {"model": MODEL, "input": "a", "previous_interaction_id": made["id"]})[0] == 404
    assert [effect.kind for effect in caller.app.effects] == ["created", "expired"]


def test_it_is_kept_for_55_days(caller, clock):
    made = ask(caller)
    clock.advance(55 * DAY - 1)
    assert get(caller, made)["status"] == "completed"
    clock.advance(1)
    assert refused(caller, method="GET", path=f"interactions/{made['id']}")[0] == 404
    caller.app.turn(interaction_retention=timedelta(days=1))
    made = ask(caller)
    clock.advance(DAY)
    assert refused(caller, method="GET", path=f"interactions/{made['id']}")[0] == 404


def test_what_was_said_is_shown_and_settings_are_not(caller):
    asked = {"labels": {"team": "a"}, "system_instruction": "Be short.", "service_tier": "flex"}
    shown = get(caller, ask(caller, generation_config={"seed": 1}, tools=[ADD], **asked))
    assert {name: shown[name] for name in asked} == asked
    assert not shown.keys() & {"generation_config", "tools", "input", "outputs", "role"}


def test_settings_are_not_inherited(caller):
    first = ask(caller, "a", system_instruction="Be short. " * 50)
    second = ask(caller, "b", previous_interaction_id=first["id"])
    assert "system_instruction" not in second
    assert second["usage"]["total_input_tokens"] < first["usage"]["total_input_tokens"]


def test_another_projects_interactions_are_not_seen(make):
    caller = make(keys={"some-key": "one", "other-key": "two"})
    made = ask(caller)
    assert caller.ask("GET", f"interactions/{made['id']}", key="other-key").status == 404


def test_deleted(caller):
    made = ask(caller)
    assert caller.json("DELETE", f"interactions/{made['id']}") == {}
    for method in ("GET", "DELETE"):
        assert refused(caller, method=method, path=f"interactions/{made['id']}")[:2] == (404, "not_found")


# Functions


def test_a_loop_of_tools(caller):
    made = ask(caller, '[[emulator: call add {"a": 1}]] and [[emulator: call add]]', tools=[ADD])
    assert made["status"] == "requires_action"
    assert kinds(made) == ["thought", "function_call", "function_call"]
    calls = made["steps"][1:]
    assert [call["arguments"] for call in calls] == [{"a": 1}, {"a": 0}]
    assert all(re.fullmatch("[a-z0-9]{8}", call["id"]) for call in calls) and calls[0]["id"] != calls[1]["id"]
    results = [{"type": "function_result", "call_id": call["id"], "name": "add", "result": "3"} for call in calls]
    follow = {"model": MODEL, "previous_interaction_id": made["id"], "tools": [ADD]}
    assert refused(caller, {**follow, "input": results[:1]})[2].endswith(f"none for '{calls[1]['id']}' (add).")
    assert "is not the id of a function call" in refused(caller, {**follow, "input": [*results, results[0]]})[2]
    assert refused(caller, {**follow, "input": "go on"})[0] == 400
    done = caller.json("POST", "interactions", {**follow, "input": results})
    assert done["status"] == "completed" and kinds(done) == ["thought", "model_output"]
    assert kinds(get(caller, done)) == ["function_result", "function_result", "thought", "model_output"]
    assert get(caller, made)["status"] == "requires_action"  # for ever: the result is another's


def test_a_loop_of_tools_without_a_store(caller):
    question = {"type": "user_input", "content": [{"type": "text", "text": "[[emulator: call add]]"}]}
    made = ask(caller, [question], store=False, tools=[ADD])
    result = {"type": "function_result", "call_id": made["steps"][-1]["id"], "name": "add", "result": {"sum": 1}}
    whole = [question, *made["steps"], result]
    assert ask(caller, whole, store=False, tools=[ADD])["status"] == "completed"
    bare = [{name: value for name, value in step.items() if name != "signature"} for step in whole]
    said = refused(caller, {"model": MODEL, "input": bare})[2]
    assert said == "Missing required parameter 'input[2].signature'."


def test_results_among_what_a_user_says(caller):
    made = ask(caller, "[[emulator: call add]]", tools=[ADD])
    result = {"type": "function_result", "call_id": made["steps"][-1]["id"], "name": "add", "result": "1"}
    follow = {"model": MODEL, "previous_interaction_id": made["id"], "tools": [ADD]}
    said = {"type": "user_input", "content": [{**result, "signature": "YQ=="}, {"type": "text", "text": "And now?"}]}
    done = caller.json("POST", "interactions", {**follow, "input": [said]})
    assert kinds(get(caller, done)) == ["function_result", "user_input", "thought", "model_output"]
    del said["content"][0]["call_id"]
    assert refused(caller, {**follow, "input": [said]})[2].endswith("'input[0].content[0].call_id'.")


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("any", ["add"]),
        ({"allowed_tools": {"mode": "any", "tools": ["sub"]}}, ["sub"]),
        ("auto", []),
        ("validated", []),
        ("none", []),
    ],
)
def test_when_a_function_is_called(caller, choice, called):
    made = ask(caller, tools=[ADD, {**ADD, "name": "sub"}], generation_config={"tool_choice": choice})
    assert [step["name"] for step in made["steps"] if step["type"] == "function_call"] == called


def test_a_mark_calls_nothing_that_may_not_be_called(caller):
    for text, config in (("[[emulator: call other]]", {}), ("[[emulator: call add]]", {"tool_choice": "none"})):
        assert ask(caller, text, tools=[ADD], generation_config=config)["status"] == "completed"
    assert ask(caller, "[[emulator: call add {1}]] [[emulator: call add [1]]]", tools=[ADD])["status"] == "completed"


def test_where_one_must_be_called_a_mark_says_which(caller):
    config = {"tool_choice": "any"}
    made = ask(caller, "[[emulator: call sub]]", tools=[ADD, {**ADD, "name": "sub"}], generation_config=config)
    assert [step["name"] for step in made["steps"] if step["type"] == "function_call"] == ["sub"]


def test_a_mark_of_an_earlier_turn_calls_nothing(caller):
    first = ask(caller, "[[emulator: call add]]")  # nothing is declared
    assert ask(caller, "b", tools=[ADD], previous_interaction_id=first["id"])["status"] == "completed"


def test_generate_content_calls_functions_too(caller):
    body = {
        "contents": [{"parts": [{"text": '[[emulator: call add {"a": 7}]]'}]}],
        "tools": [{"functionDeclarations": [{"name": "add", "parameters": {"type": "OBJECT"}}]}],
    }
    (part,) = caller.json("POST", f"models/{MODEL}:generateContent", body)["candidates"][0]["content"]["parts"]
    assert (part["functionCall"]["name"], part["functionCall"]["args"]) == ("add", {"a": 7})
    body["contents"] += [{"role": "model", "parts": [part]},
                         {"parts": [{"functionResponse": {"name": "add", "response": {"sum": 1}}}]}]  # fmt: skip
    assert (
        "text" in caller.json("POST", f"models/{MODEL}:generateContent", body)["candidates"][0]["content"]["parts"][0]
    )


# In the background


def test_an_agent_takes_its_time(caller, clock):
    config = {"type": "deep-research", "thinking_summaries": "auto"}
    made = caller.json(
        "POST", "interactions", {"agent": RESEARCH, "input": "TPUs", "background": True, "agent_config": config}
    )
    assert (made["status"], made["steps"], made["agent"]) == ("in_progress", [], RESEARCH)
    assert not made.keys() & {"model", "usage"}
    seen = []
    for _ in range(4):
        clock.advance(0.5)
        seen.append((get(caller, made)["status"], len(get(caller, made)["steps"])))
    assert [state for state, _ in seen] == ["in_progress"] * 3 + ["completed"]
    counts = [count for _, count in seen]
    assert counts == sorted(counts) and counts[0] < counts[-1] == 5
    done = get(caller, made)
    assert kinds(done) == ["user_input", "thought", "thought", "thought", "model_output"]
    assert all(step["summary"] for step in done["steps"][1:4])
    assert text_of(done).startswith("# TPUs\n") and done["usage"]["total_tokens"] > 0
    assert done["updated"] == "2026-01-01T00:00:02Z"
    assert [(effect.kind, effect.state, effect.model) for effect in caller.app.effects] == [
        ("created", "in_progress", RESEARCH), ("ended", "completed", RESEARCH),
    ]  # fmt: skip
    follow = ask(caller, "and in short?", previous_interaction_id=made["id"])
    assert "read 3 parts" in text_of(follow)


def test_the_knobs_of_time(make, clock):
    caller = make(interaction_queued=timedelta(seconds=10), interaction_running=timedelta(seconds=20))
    made = run(caller)
    assert made["status"] == "queued"
    for seconds, status in ((9, "queued"), (1, "in_progress"), (19, "in_progress"), (1, "completed")):
        clock.advance(seconds)
        assert get(caller, made)["status"] == status


def test_cancelled_while_it_waits(make, clock):
    caller = make(interaction_queued=timedelta(seconds=10))
    made = run(caller)
    clock.advance(9)
    ended = caller.json("POST", f"interactions/{made['id']}/cancel")
    assert (ended["status"], kinds(ended)) == ("cancelled", ["user_input"])
    assert ended["usage"]["total_output_tokens"] == ended["usage"]["total_thought_tokens"] == 0


def test_cancelled_while_it_runs(caller, clock):
    made, whole = run(caller, "x" * 400), run(caller, "x" * 400)
    clock.advance(1)
    before = get(caller, made)
    ended = caller.json("POST", f"interactions/{made['id']}/cancel")
    assert ended["status"] == "cancelled"
    assert ended["steps"] == before["steps"]
    clock.advance(10)
    assert get(caller, made) == ended
    part, all_of_it = ended["usage"], get(caller, whole)["usage"]
    assert part["total_input_tokens"] == all_of_it["total_input_tokens"]
    for name in ("total_output_tokens", "total_thought_tokens"):
        assert part[name] == all_of_it[name] // 2 > 0
    status, code, said = refused(caller, path=f"interactions/{made['id']}/cancel")
    assert (status, code, said) == (400, "invalid_request", "Interaction cannot be cancelled: it is cancelled.")
    assert refused(caller, path=f"interactions/{ask(caller)['id']}/cancel")[0] == 400
    assert refused(caller, path="interactions/v1_x/cancel")[:2] == (404, "not_found")
    assert [effect.kind for effect in caller.app.effects] == ["created", "created", "ended", "ended", "created"]


def test_deleted_while_it_runs_it_is_paid_for_all_the_same(caller, clock):
    made = run(caller)
    caller.json("DELETE", f"interactions/{made['id']}")
    clock.advance(10)
    assert refused(caller, method="GET", path=f"interactions/{made['id']}")[0] == 404
    assert [line["kind"] for line in caller.app.bill()["lines"]] == ["interaction"]
    assert [effect.kind for effect in caller.app.effects] == ["created", "deleted"]


def test_nothing_follows_what_still_runs(caller):
    made = run(caller)
    said = refused(caller, {"model": MODEL, "input": "a", "previous_interaction_id": made["id"]})
    assert said[0] == 400 and said[2].endswith("is still in progress.")


ENDS = {
    "fails": ("[[emulator: interaction ends failed]]", "failed", "internal"),
    "is refused": ("[[emulator: fail 429]]", "failed", "resource_exhausted"),
    "is blocked": ("[[emulator: block]]", "failed", "blocked"),
    "is cut": ("[[emulator: cut]]", "incomplete", None),
    "is too dear": ("[[emulator: interaction ends budget_exceeded]]", "budget_exceeded", None),
    "calls": ("[[emulator: call add]]", "requires_action", None),
}


@pytest.mark.parametrize(("text", "status", "code"), ENDS.values(), ids=ENDS)
def test_how_it_may_end(caller, clock, text, status, code):
    made = run(caller, text, tools=[ADD])
    assert made["status"] == "in_progress"
    clock.advance(2)
    shown = get(caller, made)
    assert shown["status"] == status
    assert [error["code"] for error in shown.get("errors", [])] == ([code] if code else [])


def test_a_refusal_at_once(caller):
    status, code, _ = refused(caller, {"model": MODEL, "input": "[[emulator: fail once 503]]"})
    assert (status, code) == (503, "unavailable")
    again = ask(caller, "[[emulator: fail once 503]]")
    assert again["status"] == "completed"
    later = ask(caller, "go on", previous_interaction_id=again["id"])
    assert later["status"] == "completed"  # a mark counts once, in its own turn


def test_one_that_never_ends(caller, clock):
    made = run(caller, "[[emulator: interaction stays in_progress]]")
    clock.advance(30 * DAY)
    assert get(caller, made)["status"] == "in_progress"
    assert caller.json("POST", f"interactions/{made['id']}/cancel")["status"] == "cancelled"


def test_an_agent_with_a_sandbox_and_a_budget(caller, clock):
    body = {"agent": "antigravity-preview-05-2026", "input": "list files", "background": True, "environment": "remote"}
    made = caller.json("POST", "interactions", body)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["environment_id"])
    clock.advance(2)
    assert kinds(get(caller, made)) == [
        "user_input", "thought", "code_execution_call", "code_execution_result", "model_output",
    ]  # fmt: skip
    poor = caller.json("POST", "interactions", {**body, "environment": made["environment_id"],
                       "agent_config": {"type": "antigravity", "max_total_tokens": 10}})  # fmt: skip
    assert poor["environment_id"] == made["environment_id"]
    clock.advance(2)
    assert get(caller, poor)["status"] == "budget_exceeded"


def test_agents_that_answer_at_once(caller):
    base = "antigravity-preview-09-2026"
    caller.json("POST", "agents", {"id": "of-work", "base_agent": base})
    caller.json("POST", "agents", {"id": "of-research", "base_agent": RESEARCH})
    for agent in (base, "of-work"):
        made = caller.json("POST", "interactions", {"agent": agent, "input": "list files"})
        assert made["status"] == "completed"
        assert kinds(made)[-1] == "model_output"
    assert "requires 'background'" in refused(caller, {"agent": "of-research", "input": "hi"})[2]


def test_an_agent_of_the_project(caller, clock):
    assert caller.app.effects == []  # brings the world to the present
    with caller.app.world.turn():
        for name, base, more in (
            ("mine", RESEARCH, {"system_instruction": "Call it.", "tools": [ADD]}),
            ("deeper", "mine", {"tools": []}),
            ("broken", "gone", {}),
        ):
            body = {"base_agent": base, **more}
            caller.app.world.create("agents", "emulated-project", body, name=f"agents/{name}")
    made = caller.json(
        "POST", "interactions", {"agent": "deeper", "input": "[[emulator: call add]]", "background": True}
    )
    assert made["agent"] == "deeper" and "tools" not in made
    clock.advance(2)
    shown = get(caller, made)
    assert (shown["status"], kinds(shown)[1:]) == ("requires_action", ["thought"] * 3 + ["function_call"])
    assert "system_instruction" not in shown  # which is the agent's, and was not sent
    assert refused(caller, {"agent": "broken", "input": "a", "background": True})[:2] == (404, "not_found")


def test_it_is_paid_by_what_was_read_and_written(caller, clock):
    model = ask(caller, model=PRICED)
    run(caller, model=PRICED)
    caller.json("POST", "interactions", {"agent": RESEARCH, "input": "a", "background": True})
    clock.advance(2)
    bill = caller.app.bill()
    assert [(line["kind"], line["model"]) for line in bill["lines"]] == [
        ("interaction", PRICED), ("interaction", PRICED), ("interaction", RESEARCH),
    ]  # fmt: skip
    usage = model["usage"]
    assert bill["lines"][0]["tokens"] == {
        "input": usage["total_input_tokens"], "output": usage["total_output_tokens"] + usage["total_thought_tokens"],
    }  # fmt: skip
    assert bill["notPriced"] == [RESEARCH]


def test_its_end_is_delivered(caller, clock):
    events = ["interaction.completed", "interaction.failed", "interaction.requires_action"]
    with receiving() as receiver:
        caller.json("POST", "webhooks", {"uri": receiver.uri, "subscribed_events": events})
        texts = ("a", "[[emulator: interaction ends failed]]", "[[emulator: call add]]", "[[emulator: cut]]")
        made = [run(caller, text, tools=[ADD])["id"] for text in texts]
        made.append(run(caller, "b")["id"])
        caller.json("POST", f"interactions/{made[-1]}/cancel")
        ask(caller, "at once")
        clock.advance(2)
        told = {one["event"]: one["body"]["data"] for one in caller.app.deliveries()}
    assert told == {
        "interaction.completed": {"id": made[0]},
        "interaction.failed": {"id": made[1], "error_code": "internal",
                               "error_message": "This end was asked for by the input: failed."},
        "interaction.requires_action": {"id": made[2]},
    }  # fmt: skip


def test_it_has_receivers_of_its_own(caller, clock):
    with receiving() as receiver:
        caller.json("POST", "webhooks", {"uri": "https://example.com", "subscribed_events": ["interaction.completed"]})
        config = {"uris": [receiver.uri], "user_metadata": {"k": 1}}
        assert run(caller, webhook_config=config)["webhook_config"] == config
        clock.advance(2)
        (told,) = caller.app.deliveries()
        assert (told["uri"], told["state"], told["body"]["user_metadata"]) == (receiver.uri, "delivered", {"k": 1})


def test_it_outlives_the_process(make, store, clock):
    first = make(store)
    made, gone = run(first, "x" * 100), run(first)
    first.json("DELETE", f"interactions/{gone['id']}")
    clock.advance(1)
    second = make(store)
    assert get(second, made) == get(first, made)
    clock.advance(1)
    assert get(second, made)["status"] == "completed"
    assert text_of(ask(make(store), "and?", previous_interaction_id=made["id"])).endswith("and?")
    effects = [(effect.kind, effect.state) for effect in first.app.effects]
    assert effects[-2:] == [("ended", "completed"), ("created", "completed")]


def test_another_surface_begins_one(clock):
    """As a schedule would: from a body, in the background, whatever else it says."""

    def begin(call):
        return {"begun": interaction_life.start(call, routing.parse(call.request.body))}

    def look(call):
        return {"outcome": interaction_life.outcome(call, call.params["id"])}

    def stop(call):
        interaction_life.stop(call, call.params["id"])
        return {}

    methods = (("POST", "runs", begin), ("GET", "runs/{id}", look), ("DELETE", "runs/{id}", stop))
    runs = routing.Surface("runs", tuple(routing.Route(method, path, handler) for method, path, handler in methods))
    caller = Caller(App(World(now=clock), serving=lambda word: (runs,) if word == "runs" else serving(word)), clock)
    texts = ("a", "[[emulator: interaction ends failed]]", "b")
    ids = [caller.json("POST", "runs", {"agent": RESEARCH, "input": text, "store": False})["begun"] for text in texts]
    assert caller.json("GET", f"runs/{ids[0]}") == {"outcome": ["in_progress", []]}
    caller.json("DELETE", f"runs/{ids[2]}")
    clock.advance(2)
    caller.json("DELETE", f"runs/{ids[0]}")  # it has ended
    assert [caller.json("GET", f"runs/{each}")["outcome"][0] for each in ids] == ["completed", "failed", "cancelled"]
    assert caller.json("GET", f"runs/{ids[1]}")["outcome"][1][0]["code"] == "internal"
    assert caller.json("GET", "runs/v1_x") == {"outcome": None}
    assert caller.ask("POST", "runs", {"agent": "nobody", "input": "a"}).status == 404


# In two hops


@pytest.mark.parametrize("store", [True, False])
def test_an_answer_in_two_hops(caller, store):
    text = "[[emulator: interaction continues]]"
    first = ask(caller, text, store=store)
    assert first["status"] == "requires_continuation"
    token = {"continuation_token": first["continuation_token"]}
    if store:
        hop = {"model": MODEL, "previous_interaction_id": first["id"], **token}
    else:
        hop = {"model": MODEL, "input": text, "store": False, **token}
    second = caller.json("POST", "interactions", hop)
    assert second["status"] == "completed" and "continuation_token" not in second
    assert (text_of(first) + text_of(second)).endswith(text)
    if store:
        assert "read 3 parts" not in text_of(ask(caller, "b", previous_interaction_id=second["id"]))
    assert refused(caller, {**hop, "continuation_token": "ct_other"})[0] == 400
    assert refused(caller, {"model": MODEL, "input": "other", **token})[0] == 400


def test_hops_of_a_turn_that_is_not_stored(caller):
    """The whole body comes again, with what came before it."""
    first = ask(caller, "a")
    body = {"input": "[[emulator: interaction continues]]", "store": False, "previous_interaction_id": first["id"]}
    begun = ask(caller, **body, text="")
    ended = ask(caller, **body, text="", continuation_token=begun["continuation_token"])
    assert "read 3 parts" in text_of(begun) + text_of(ended)


def test_what_has_no_text_to_cut_has_one_hop(caller):
    text = "[[emulator: interaction continues]]"
    assert ask(caller, text, model=SPEECH)["status"] == "completed"
    assert ask(caller, f"{text} [[emulator: call add]]", tools=[ADD])["status"] == "requires_action"


# What is refused

SCHEMA = {"type": "object"}
CONFIG = "generation_config"
LEGACY = "The legacy Interactions API schema is no longer supported."
WRONG = {
    "a modality in capitals": ({"response_modalities": ["IMAGE"]},
        "The value 'IMAGE' is not supported for 'response_modalities[0]'. Supported values: 'text', 'image', 'audio',"
        " 'video', 'document'."),
    "an object of speakers": ({CONFIG: {"speech_config": {"voice": "Kore", "language": "en-us"}}},
        "The value is invalid for 'generation_config.speech_config'. Expected an array, got object."),
    "the old voice": ({CONFIG: {"speech_config": [{"voiceConfig": {}}]}}, "no such field: 'voiceConfig'"),
    "a voice alone": ({CONFIG: {"speech_config": [{"voice": "Kore"}]}},
        "Missing required parameter 'generation_config.speech_config[0].language'."),
    "two voices of nobody": ({CONFIG: {"speech_config": [{"voice": "Kore", "language": "en"}] * 2}},
        "Missing required parameter 'generation_config.speech_config[0].speaker'."),
    "a type of audio": ({"response_format": {"type": "audio", "mime_type": "audio/mp3"}},
        "Audio mime_type is not supported in response_format."),
    "how a picture comes": ({"response_format": {"type": "image", "delivery": "uri"}},
        "Image delivery is not supported in response_format."),
    "a type alone": ({"response_mime_type": "application/json"},
        "responseFormat must be set when responseMimeType is set"),
    "a schema alone": ({"response_format": SCHEMA},
        "The value is invalid for 'response_format'. A JSON schema requires 'response_mime_type'."),
    "a cache": ({"cached_content": "cachedContents/a"}, "Unknown parameter 'cached_content'."),
    "safety": ({"safety_settings": []}, "Unknown parameter 'safety_settings'."),
    "camel case": ({"previousInteractionId": "v1_a"},
        "Unknown parameter 'previousInteractionId'. Did you mean 'previous_interaction_id'?"),
    "top_k": ({CONFIG: {"top_k": 1}}, "Unknown parameter 'generation_config.top_k'. Did you mean 'top_p'?"),
    "a small k": ({CONFIG: {"image_config": {"image_size": "4k"}}},
        "The value '4k' is not supported for 'generation_config.image_config.image_size'. Supported values: '512',"
        " '1K', '2K', '4K'."),
    "summaries in capitals": (
        {"model": None, "agent": RESEARCH, "background": True,
         "agent_config": {"type": "deep-research", "thinking_summaries": "THINKING_SUMMARIES_AUTO"}},
        "The value 'THINKING_SUMMARIES_AUTO' is not supported for 'agent_config.thinking_summaries'. Supported values:"
        " 'auto', 'none'."),
    "turns": ({"input": [{"role": "user", "content": "hi"}]}, LEGACY),
    "one turn": ({"input": {"role": "user", "parts": []}}, LEGACY),
    "both": ({"agent": RESEARCH, "background": True}, "Exactly one of 'model' and 'agent' is required, and both are"),
    "neither": ({"model": None}, "Exactly one of 'model' and 'agent' is required, and none is"),
    "no input": ({"input": None}, "Missing required parameter 'input'."),
    "an empty input": ({"input": []}, "Missing required parameter 'input'."),
    "a mixed input": ({"input": [SAID, {"type": "user_input", "content": [SAID]}]},
        "The value is invalid for 'input'. It holds either contents or steps."),
    "a number": ({"input": 1}, "The value is invalid for 'input'. Expected a string, object or array, got number."),
    "an unknown step": ({"input": [{"type": "question"}]},
        "The value 'question' is not supported for 'input[0].type'."),
    "no type": ({"input": [{"text": "a"}]}, "Missing required parameter 'input[0].type'."),
    "no text": ({"input": [{"type": "text"}]}, "Missing required parameter 'input[0].text'."),
    "no bytes": ({"input": [{"type": "image"}]},
        "Exactly one of 'data' and 'uri' is required in 'input[0].content[0]'."),
    "no type of bytes": ({"input": [{"type": "image", "data": "YQ=="}]},
        "Missing required parameter 'input[0].content[0].mime_type'."),
    "no base64": ({"input": [{"type": "image", "data": "?"}]}, "The value is invalid for 'input[0].data'."),
    "another's storage": ({"input": [{"type": "image", "uri": "gs://a/b"}]}, "Cloud Storage URIs are not supported"),
    "background without a store": ({"background": True, "store": False}, "'background' requires 'store' to be true."),
    "an agent at once": ({"model": None, "agent": RESEARCH},
        "An interaction with an agent requires 'background' to be true."),
    "an agent's settings for a model": ({"agent_config": {"type": "dynamic"}},
        "Parameter 'agent_config' is not supported with 'model'."),
    "a model's settings for an agent": ({"model": None, "agent": RESEARCH, "background": True, CONFIG: {"seed": 1}},
        "Parameter 'generation_config' is not supported with 'agent'"),
    "BigQuery": ({"model": None, "agent": RESEARCH, "background": True,
                  "agent_config": {"type": "deep-research", "enable_bigquery_tool": True}},
        "Unknown parameter 'agent_config.enable_bigquery_tool'."),
    "receivers at once": ({"webhook_config": {"uris": ["https://a.b"]}}, "'webhook_config' requires 'background'"),
    "a tool of Vertex AI": ({"tools": [{"type": "retrieval"}]},
        "The value 'retrieval' is not supported for 'tools[0].type'."),
    "a function without a name": ({"tools": [{"type": "function"}]}, "Missing required parameter 'tools[0].name'."),
    "twice the same": ({"tools": [ADD, ADD]},
        "The value is invalid for 'tools'. The function 'add' is declared twice."),
    "any of nothing": ({CONFIG: {"tool_choice": "any"}},
        "The value is invalid for 'generation_config.tool_choice'. It requires 'tools'."),
    "an unknown function": ({"tools": [ADD], CONFIG: {"tool_choice": {"allowed_tools": {"tools": ["x"]}}}},
        "'generation_config.tool_choice.allowed_tools' names 'x', which is no function."),
    "a label": ({"labels": {"Team": "a"}}, "The value is invalid for 'labels.Team'."),
    "a label's value": ({"labels": {"team": 1}},
        "The value is invalid for 'labels.team'. Expected a string, got number."),
    "a tier": ({"service_tier": "best"}, "The value 'best' is not supported for 'service_tier'."),
    "a text for a flag": ({"store": "yes"}, "The value is invalid for 'store'. Expected a boolean, got string."),
    "a text for a number": ({CONFIG: {"temperature": "1"}},
        "The value is invalid for 'generation_config.temperature'. Expected a number, got string."),
    "a fraction": ({CONFIG: {"seed": 1.5}},
        "The value is invalid for 'generation_config.seed'. Expected an integer, got"),
    "a token of nobody": ({"continuation_token": "ct_a"}, "The value is invalid for 'continuation_token'."),
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_a_body_is_refused(caller, change, said):
    body = {name: value for name, value in {"model": MODEL, "input": "hi", **change}.items() if value is not None}
    status, code, message = refused(caller, body)
    assert (status, code) == (400, "invalid_request")
    assert message.startswith(said)
    assert caller.app.effects == []


@pytest.mark.parametrize(
    "body",
    [
        {"model": "gemini-1"},
        {"model": "veo-3.1-generate-preview"},
        {"model": "gemini-embedding-001"},
        {"agent": "mine", "background": True},
        {"model": MODEL, "previous_interaction_id": "v1_a"},
    ],
)
def test_what_is_not_there(caller, body):
    assert refused(caller, {"input": "hi", **body})[:2] == (404, "not_found")


def test_an_answer_in_a_form_that_the_model_has_not(caller):
    assert refused(caller, {"model": MODEL, "input": "hi", "response_format": {"type": "image"}})[:2] == (
        400, "invalid_request",
    )  # fmt: skip


@pytest.mark.parametrize("agent", ["google-genai-sdk/1.55.0 gl-python/3.11", "google-genai-sdk/1.33.0 gl-node/v20"])
def test_the_sdks_of_before_are_told_to_upgrade(caller, agent):
    made = ask(caller)
    headers = {"x-goog-api-key": "k", "user-agent": agent}
    body = json.dumps({"model": MODEL, "input": "hi"}).encode()
    for method, path, sent in (("POST", "interactions", body), ("GET", f"interactions/{made['id']}", b"")):
        response = caller.app.handle(Request(method, f"/v1beta/{path}", (), headers, sent))
        assert response.status == 400
        assert "no longer supported" in json.loads(response.body)["error"]["message"]


def test_what_is_only_in_the_newest_sdk_is_not_there(caller):
    made = ask(caller)
    assert caller.ask("POST", f"interactions/{made['id']}/auth_tokens", {}).status == 404
    assert caller.ask("GET", "interactions/live").status == 404
    assert caller.ask("GET", "interactions").status == 404


def test_a_stale_read_shows_the_time_before(make, clock):
    caller = make()
    made = run(caller)
    clock.advance(2)
    assert get(caller, made)["status"] == "completed"
    caller.app.set_faults([Fault("stale", delay=1.5)])
    before = get(caller, made)
    assert (before["status"], before["steps"][1:]) == ("in_progress", [])
    caller.app.set_faults([])
    caller.json("DELETE", f"interactions/{made['id']}")
    caller.app.set_faults([Fault("stale", delay=1)])
    assert refused(caller, method="GET", path=f"interactions/{made['id']}")[0] == 404
