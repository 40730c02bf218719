"""Scripted answers: what a rule may say, which requests it fits, and that every surface gives them."""

import json

import pytest

from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request
from gemctl.emulator.scripted import Rule
from gemctl.emulator.world import World

MODEL, NEW = "gemini-2.5-flash", "gemini-3.8-flash"
PATH = f"models/{MODEL}:generateContent"
FUNCTION = {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}}}


def body(text="hello", **fields):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}


def scripted(caller, *rules):
    caller.app.turn(answers=[Rule.from_json(rule) for rule in rules])
    return caller


def said(caller, text="hello", path=PATH, **fields):
    parts = caller.json("POST", path, body(text, **fields))["candidates"][0]["content"]["parts"]
    return "".join(part.get("text", "") for part in parts)


RULES = [
    {"text": "It rains."},
    {"prompt": "(?i)weather", "model": "flash$", "functions": False, "results": False, "nth": [1, 3], "text": ""},
    {"json": {"a": [1, None]}, "times": 2},
    {"json": None},
    {"calls": [{"name": "f", "args": {"a": "b"}}, {"name": "g", "id": "1"}], "usage": {"promptTokenCount": 5}},
    {"thoughts": "Hm.", "code": [{"code": "1", "output": "2", "outcome": "OUTCOME_FAILED"}], "text": "x"},
    {"sources": [{"uri": "https://a.example", "title": "A"}], "queries": ["a?"], "finish_reason": "STOP", "text": "x"},
    {"block": "PROHIBITED_CONTENT"},
    {"finish_reason": "SAFETY"},
    {"status": 503, "message": "Busy.", "retry_delay": 1.5},
]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_written_as_it_is_read(rule):
    assert Rule.from_json(rule).to_json() == rule
    assert Rule.from_json(Rule.from_json(rule).to_json()) == Rule.from_json(rule)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, "a rule has an answer"),
        ({"text": "a", "block": "SAFETY"}, "a rule has an answer"),
        ({"text": "a", "status": 500}, "a rule has an answer"),
        ({"text": "a", "json": 1}, "a text or json"),
        ({"text": 1}, "text is of the wrong type"),
        ({"text": "a", "functions": 1}, "functions is of the wrong type"),
        ({"text": "a", "times": True}, "times is of the wrong type"),
        ({"text": "a", "nth": 0}, "counted from 1"),
        ({"text": "a", "nth": ["1"]}, "whole numbers"),
        ({"text": "a", "nth": 1, "times": 1}, "not both"),
        ({"text": "a", "prompt": "("}, "regular expressions"),
        ({"text": "a", "message": "b"}, "of an error"),
        ({"status": 200}, "not an error status"),
        ({"status": 429, "retry_delay": -1}, "not negative"),
        ({"block": "BAD"}, "block is one of"),
        ({"finish_reason": "DONE"}, "finish_reason is one of"),
        ({"calls": ["f"]}, "calls are objects"),
        ({"calls": [{"args": {}}]}, "calls are objects"),
        ({"calls": [{"name": "f", "args": []}]}, "wrong type"),
        ({"code": [{"code": "1", "outcome": "FINE"}]}, "outcome is one of"),
        ({"sources": [{"title": "A"}]}, "sources are objects"),
        ({"queries": [1]}, "queries are texts"),
        ({"usage": {"tokens": 1}}, "usage has whole numbers"),
        ({"usage": {"promptTokenCount": -1}}, "usage has whole numbers"),
        ({"txet": "a"}, "unknown fields: txet"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, why):
    with pytest.raises(ValueError, match=why):
        Rule.from_json(rule)


@pytest.mark.parametrize(
    ("fits", "request_", "model", "expected"),
    [
        ({}, body(), MODEL, True),
        ({"prompt": "^hel"}, body(), MODEL, True),
        ({"prompt": "weather"}, body(), MODEL, False),
        ({"model": "pro"}, body(), MODEL, False),
        ({"functions": True}, body(), MODEL, False),
        ({"functions": True}, body(tools=[{"functionDeclarations": [FUNCTION]}]), MODEL, True),
        ({"functions": True}, body(tools=[{"googleSearch": {}}]), MODEL, False),
        ({"results": True}, body(), MODEL, False),
        ({"results": True}, {"contents": [{"parts": [{"functionResponse": {}}]}]}, MODEL, True),
        ({"prompt": "^$"}, {"contents": [{"parts": [{"inlineData": {}}]}]}, MODEL, True),
    ],
)
def test_which_requests_a_rule_fits(fits, request_, model, expected):
    assert Rule(text="x", **fits).fits(model, request_) == expected


def test_rules_are_asked_in_order_and_count_what_fits_them(caller):
    scripted(
        caller,
        {"prompt": "weather", "text": "first", "times": 1},
        {"prompt": "weather|time", "text": "later"},
        {"prompt": "time", "text": "never"},
    )
    assert [said(caller, text) for text in ("weather", "weather", "time")] == ["first", "later", "later"]
    assert [rule["fitted"] for rule in caller.app.answers] == [2, 2, 0]


def test_a_rule_that_has_run_out_leaves_the_rest_to_the_next(caller):
    scripted(caller, {"text": "a", "times": 1}, {"text": "b", "times": 1})
    assert [said(caller) for _ in range(2)] == ["a", "b"]
    assert said(caller).startswith(MODEL)
    assert [rule["fitted"] for rule in caller.app.answers] == [3, 2]


def test_every_nth_request(caller):
    scripted(caller, {"text": "x", "nth": [2, 3]})
    assert [said(caller) == "x" for _ in range(4)] == [False, True, True, False]


def test_what_is_said_is_cut_and_streamed_like_any_answer(caller):
    scripted(caller, {"text": "one two three " * 10, "thoughts": "Let me see."})
    config = {"stopSequences": ["three"], "thinkingConfig": {"includeThoughts": True}}
    parts = caller.json("POST", PATH, body(generationConfig=config))["candidates"][0]["content"]["parts"]
    assert parts == [{"text": "Let me see.", "thought": True}, {"text": "one two "}]
    stream = caller.ask("POST", f"models/{MODEL}:streamGenerateContent", body(), query={"alt": "sse"})
    events = [json.loads(piece.removeprefix(b"data: ")) for piece in stream.pieces()]
    assert len(events) == 6
    texts = [event["candidates"][0]["content"]["parts"][0]["text"] for event in events]
    assert "".join(texts) == "one two three " * 10


def test_calls_are_made_whatever_is_declared(caller):
    scripted(caller, {"results": False, "calls": [{"name": "g", "args": {"a": 1}}], "usage": {"thoughtsTokenCount": 7}})
    answer = caller.json("POST", f"models/{NEW}:generateContent", body())
    (part,) = answer["candidates"][0]["content"]["parts"]
    call = part["functionCall"]
    assert (call["name"], call["args"]) == ("g", {"a": 1}) and call["id"] and part["thoughtSignature"]
    assert answer["usageMetadata"]["thoughtsTokenCount"] == 7


def test_code_and_sources(caller):
    scripted(
        caller,
        {
            "code": [{"code": "1/0", "output": "ZeroDivisionError", "outcome": "OUTCOME_FAILED"}],
            "text": "It failed.",
            "sources": [{"uri": "https://a.example"}],
            "queries": ["a?"],
        },
    )
    candidate = caller.json("POST", PATH, body())["candidates"][0]
    assert [next(iter(part)) for part in candidate["content"]["parts"]] == [
        "executableCode",
        "codeExecutionResult",
        "text",
    ]
    assert candidate["groundingMetadata"]["groundingSupports"][0]["segment"]["text"] == "It failed."


def test_blocks_and_other_ends(caller):
    scripted(
        caller,
        {"prompt": "a", "block": "OTHER"},
        {"prompt": "b", "finish_reason": "SAFETY"},
        {"finish_reason": "OTHER"},
    )
    blocked = caller.json("POST", PATH, body("a"))
    assert blocked["promptFeedback"] == {"blockReason": "OTHER"} and "candidates" not in blocked
    (unsafe,) = caller.json("POST", PATH, body("b"))["candidates"]
    assert unsafe["finishReason"] == "SAFETY" and "content" not in unsafe
    assert {"blocked": True}.items() <= unsafe["safetyRatings"][-1].items()
    (other,) = caller.json("POST", PATH, body("c"))["candidates"]
    assert other["finishReason"] == "OTHER" and other["content"]["parts"]


def test_a_model_that_draws_goes_on_to_draw_where_no_words_are_scripted(caller):
    path = "models/gemini-2.5-flash-image:generateContent"
    for rule, kinds in (({"usage": {"promptTokenCount": 9}}, ["text", "inlineData"]), ({"text": "No."}, ["text"])):
        answer = scripted(caller, rule).json("POST", path, body())
        assert [next(iter(part)) for part in answer["candidates"][0]["content"]["parts"]] == kinds
        assert answer["usageMetadata"]["promptTokenCount"] == rule.get("usage", {}).get("promptTokenCount", 2)


def test_an_error_says_when_to_come_again(caller):
    scripted(caller, {"status": 429, "message": "Slowly.", "retry_delay": 2.5, "times": 1})
    error = json.loads(caller.ask("POST", PATH, body()).body)["error"]
    assert (error["code"], error["message"], error["status"]) == (429, "Slowly.", "RESOURCE_EXHAUSTED")
    assert error["details"][0]["retryDelay"] == "2.5s"
    assert said(caller).startswith(MODEL)


def test_batches_and_interactions_say_it_too(caller, clock):
    scripted(
        caller,
        {"prompt": "bad", "status": 500},
        {"prompt": "call", "calls": [{"name": "f", "args": {"a": "b"}}]},
        {"prompt": "code", "code": [{"code": "1", "output": "1"}], "text": "One."},
        {"prompt": "no", "block": "OTHER"},
        {"prompt": "odd", "finish_reason": "RECITATION"},
        {"text": "It rains."},
    )
    requests = [{"request": body(text)} for text in ("weather", "bad")]
    made = caller.json(
        "POST", f"models/{MODEL}:batchGenerateContent", {"batch": {"inputConfig": {"requests": {"requests": requests}}}}
    )
    clock.advance(5)
    first, second = caller.json("GET", made["name"])["response"]["inlinedResponses"]["inlinedResponses"]
    assert first["response"]["candidates"][0]["content"]["parts"] == [{"text": "It rains."}]
    assert second["error"]["code"] == 13

    def ask(text):
        made = caller.json("POST", "interactions", {"model": NEW, "input": text})
        return made["status"], [step for step in made["steps"] if step["type"] != "thought"]

    assert ask("weather")[1] == [{"type": "model_output", "content": [{"type": "text", "text": "It rains."}]}]
    status, (step,) = ask("call")
    assert (status, step["name"], step["arguments"]) == ("requires_action", "f", {"a": "b"})
    assert [step["type"] for step in ask("code")[1]] == ["code_execution_call", "code_execution_result", "model_output"]
    assert ask("no") == ask("odd") == ("failed", [])


def test_the_door(clock):
    app = App(World(now=clock))
    admin = Admin(app)

    def door(method, value=None, path="/answers", status=200):
        data = b"" if value is None else json.dumps(value).encode()
        answer = admin.handle(Request(method, f"/emulator{path}", (), {}, data))
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    assert door("GET") == {"answers": []}
    assert door("POST", {"text": "a", "times": 1}) == {"answers": [{"times": 1, "text": "a", "fitted": 0}]}
    app.handle(Request("POST", f"/v1/{PATH}", (), {"x-goog-api-key": "k"}, json.dumps(body()).encode()))
    shown = door("POST", {"answers": [{"text": "b"}, {"json": None}]})["answers"]
    assert [rule.get("fitted") for rule in shown] == [1, 0, 0]
    assert door("GET", path="")["knobs"]["answers"] == [{"times": 1, "text": "a"}, {"text": "b"}, {"json": None}]
    assert "a rule has an answer" in door("POST", {}, status=400)["error"]["message"]
    assert "list of objects" in door("POST", {"answers": "x"}, status=400)["error"]["message"]
    assert "unknown" in door("POST", {"answers": [], "text": "x"}, status=400)["error"]["message"]
    assert len(door("GET")["answers"]) == 3
    assert door("PATCH", {"answers": [{"text": "c"}]}, "")["knobs"]["answers"] == [{"text": "c"}]
    assert door("DELETE") == {"answers": []}
    door("PATCH", {"answers": [{"text": "c"}]}, "")
    door("POST", {}, "/reset")
    assert door("GET") == {"answers": []}
