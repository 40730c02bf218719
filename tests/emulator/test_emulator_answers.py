"""What the model says: calls of functions, thoughts and signatures, tools of the service, ends of texts, and counts."""

import itertools
import json
import math
import random
import re

import pytest
from conftest import Caller

from gemctl.emulator import expressions, marks
from gemctl.emulator.app import App
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.world import World

OLD, NEW, LITE = "gemini-2.5-flash", "gemini-3.8-flash", "gemini-3.5-flash-lite"
WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]},
}
PRICE = {
    "name": "get_stock_price",
    "parametersJsonSchema": {"type": "object", "properties": {"symbol": {"type": "string"}}},
}
DIVIDE = {
    "name": "divide_integers",
    "parameters": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}, "b": {"type": "INTEGER"}}},
}
LIGHT = {
    "name": "setLight",
    "parameters": {
        "type": "OBJECT",
        "properties": {
            "mood": {"type": "STRING", "enum": ["daylight", "warm"]},
            "is_night": {"type": "BOOLEAN"},
            "rooms": {"type": "ARRAY", "items": {"type": "STRING"}},
        },
    },
}
ALL = [WEATHER, PRICE, DIVIDE, LIGHT]


def user(*texts):
    return {"role": "user", "parts": [{"text": text} for text in texts]}


def answer(caller, *contents, model=OLD, **fields):
    body = {"contents": list(contents) or [user("hello")], **fields}
    return caller.json("POST", f"models/{model}:generateContent", body)


def candidate(caller, *contents, **fields):
    return answer(caller, *contents, **fields)["candidates"][0]


def parts(caller, *contents, **fields):
    return candidate(caller, *contents, **fields)["content"]["parts"]


def calls(caller, text, functions=ALL, model=OLD, **calling):
    fields = {"tools": [{"functionDeclarations": functions}]}
    if calling:
        fields["toolConfig"] = {"functionCallingConfig": calling}
    made = parts(caller, user(text), model=model, **fields)
    return [(part["functionCall"]["name"], part["functionCall"]["args"]) for part in made if "functionCall" in part]


# Functions.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", []),
        ("What is the weather in Boston?", [("get_weather", {"city": "Boston"})]),
        ("weather in New York, please", [("get_weather", {"city": "New York"})]),
        ("is there weather?", [("get_weather", {"city": "text"})]),
        (
            "What is the price of GOOG? And what is the weather in Boston?",
            [("get_stock_price", {"symbol": "GOOG"}), ("get_weather", {"city": "Boston"})],
        ),
        ("what is the result of 1000/2?", [("divide_integers", {"a": 1000, "b": 2})]),
        ("what is half of 1000?", []),
        ("Divide 7 by 2.5", [("divide_integers", {"a": 7, "b": 2})]),
        (
            "Dim the lights for the night in Berlin and Rome, warm",
            [("setLight", {"mood": "warm", "is_night": True, "rooms": ["Berlin", "Rome"]})],
        ),
        ("[[emulator: no call]] What is the weather in Boston?", []),
        ('[[emulator: call get_weather {"city": "X"}]] weather in Boston', [("get_weather", {"city": "X"})]),
        ("[[emulator: call get_weather]][[emulator: call setLight {}]]", [
            ("get_weather", {"city": "text"}), ("setLight", {}),
        ]),
        ("[[emulator: call other]]", []),
    ],
)  # fmt: skip
def test_what_a_text_asks_for(caller, text, expected):
    assert calls(caller, text) == expected


@pytest.mark.parametrize(
    ("calling", "expected"),
    [
        ({"mode": "NONE"}, []),
        ({"mode": "AUTO"}, ["get_weather"]),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["get_stock_price"]}, []),
        ({"mode": "ANY", "allowedFunctionNames": ["get_stock_price"]}, ["get_stock_price"]),
        ({"mode": "ANY"}, ["get_weather"]),
    ],
)
def test_the_mode_of_calling(caller, calling, expected):
    assert [name for name, _ in calls(caller, "the weather in Rome", **calling)] == expected


def test_any_calls_also_what_no_word_asks_for(caller):
    assert calls(caller, "hello", mode="ANY") == [("get_weather", {"city": "text"})]
    assert calls(caller, "hello", mode="ANY", allowedFunctionNames=["divide_integers"]) == [
        ("divide_integers", {"a": 0, "b": 0})
    ]


def test_results_are_answered_by_a_text_that_tells_them(caller):
    asked = user("What is the weather in Boston?")
    fields = {"tools": [{"functionDeclarations": [WEATHER]}]}
    called = {"role": "model", "parts": parts(caller, asked, **fields)}
    result = {"functionResponse": {"name": "get_weather", "response": {"result": "sunny"}}}
    (part,) = parts(caller, asked, called, {"role": "user", "parts": [result]}, **fields)
    assert part["text"].endswith('get_weather({"city": "Boston"}) gave {"result": "sunny"})')
    again = parts(
        caller, asked, called, {"role": "user", "parts": [result]}, {"role": "model", "parts": [part]}, asked, **fields
    )
    assert "functionCall" in again[0]


def test_where_a_function_must_be_called_it_is_after_results_too(caller):
    fields = {
        "tools": [{"functionDeclarations": [WEATHER, {"name": "finish"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    }
    said, names = [user("What is the weather in Boston?")], []
    for _ in range(3):
        (part,) = parts(caller, *said, **fields)
        names.append(part["functionCall"]["name"])
        result = {"functionResponse": {"name": names[-1], "response": {}}}
        said += [{"role": "model", "parts": [part]}, {"role": "user", "parts": [result]}]
    assert names == ["get_weather", "finish", "finish"]


def test_tools_of_a_cache_are_called(caller):
    name = caller.create(tools=[{"functionDeclarations": [WEATHER]}])["name"]
    (part,) = parts(caller, user("the weather in Rome"), cachedContent=name)
    assert part["functionCall"]["args"] == {"city": "Rome"}


def test_calls_have_ids_and_a_signature_from_gemini_3_on(caller):
    asked = {"tools": [{"functionDeclarations": ALL}]}
    text = user("the price of GOOG and the weather in Rome")
    for model, new in ((OLD, False), (NEW, True)):
        first, second = parts(caller, text, model=model, **asked)
        ids = {part["functionCall"].get("id") for part in (first, second)}
        assert ids == {None} if not new else len(ids) == 2 and None not in ids
        assert ("thoughtSignature" in first, "thoughtSignature" in second) == (new, False)
    (said,) = parts(caller, user("hello"), model=NEW)
    assert said["text"] and said["thoughtSignature"]
    assert "thoughtSignature" not in parts(caller, user("hello"))[0]


CALL, RESULT = {"functionCall": {"name": "f", "args": {}}}, {"functionResponse": {"name": "f", "response": {}}}
SIGNED = {**CALL, "thoughtSignature": "c2lnbmVk"}


@pytest.mark.parametrize(
    ("model", "turns", "stem"),
    [
        (OLD, [[CALL], [RESULT]], None),
        (NEW, [[SIGNED], [RESULT]], None),
        (NEW, [[SIGNED, CALL], [RESULT, RESULT]], None),
        (NEW, [[CALL], [RESULT]], "Function call is missing a thought_signature in functionCall parts."),
        (NEW, [[SIGNED], [RESULT], [CALL], [RESULT]], "function call `default_api:f` , position 4."),
        (NEW, [[CALL], [RESULT], [{"text": "done"}], [{"text": "and now?"}]], None),
        (OLD, [[{"text": "I call."}, CALL], [RESULT]], None),
        (OLD, [[CALL, CALL], [RESULT]], "the number of function response parts is equal"),
        (OLD, [[CALL], [{"text": "no result"}]], "the number of function response parts is equal"),
        (OLD, [[{"text": "a"}], [RESULT]], "function response turn comes immediately after a function call turn"),
    ],
)
def test_turns_of_functions(caller, model, turns, stem):
    contents = [user("hello")]
    for turn, role in zip(turns, itertools.cycle(["model", "user"])):
        contents.append({"role": role, "parts": turn})
    if stem is None:
        assert candidate(caller, *contents, model=model)["finishReason"] == "STOP"
        return
    status, word, message = caller.error("POST", f"models/{model}:generateContent", {"contents": contents})
    assert (status, word) == (400, "INVALID_ARGUMENT") and stem in message


def test_a_turn_may_come_in_several_messages(caller):
    """As the SDKs keep the chunks of a stream."""
    model = [{"role": "model", "parts": [part]} for part in (SIGNED, CALL, {"text": ""})]
    results = [{"role": "user", "parts": [RESULT]}] * 2
    assert candidate(caller, user("a"), *model, *results, model=NEW)["finishReason"] == "STOP"
    _, _, message = caller.error(
        "POST", f"models/{NEW}:generateContent", {"contents": [user("a"), *reversed(model[:2]), *results]}
    )
    assert "position 2." in message


# Thoughts.


def test_thoughts_are_shown_where_they_are_asked_for(caller):
    for model, config, shown in (
        (OLD, {"includeThoughts": True}, True),
        (OLD, {}, False),
        (OLD, {"includeThoughts": True, "thinkingBudget": 0}, False),
        (LITE, {"includeThoughts": True}, False),
        (LITE, {"includeThoughts": True, "thinkingLevel": "HIGH"}, True),
    ):
        made = answer(caller, model=model, generationConfig={"thinkingConfig": config})
        first = made["candidates"][0]["content"]["parts"][0]
        assert first.get("thought", False) == shown, (model, config)
        assert ("thoughtsTokenCount" in made["usageMetadata"]) == (shown or (model, config) == (OLD, {}))


def test_a_lower_level_thinks_less(caller):
    thought = [
        answer(caller, model=NEW, generationConfig={"thinkingConfig": {"thinkingLevel": level}})["usageMetadata"][
            "thoughtsTokenCount"
        ]
        for level in ("LOW", "MEDIUM", "HIGH")
    ]
    assert thought == sorted(thought)


# Ends.


def test_stop_sequences_and_lengths(caller):
    whole = parts(caller, user("one two three"))[0]["text"]
    for config, said, reason in (
        ({"stopSequences": ["two"]}, whole.partition("two")[0], "STOP"),
        ({"stopSequences": ["absent", "three", "two"]}, whole.partition("two")[0], "STOP"),
        ({"maxOutputTokens": 4, "thinkingConfig": {"thinkingBudget": 0}}, whole[:16], "MAX_TOKENS"),
        ({"maxOutputTokens": 1_000}, whole, "STOP"),
    ):
        # The number that it makes up depends on the settings.
        made = candidate(caller, user("one two three"), generationConfig=config)
        text = made["content"]["parts"][0]["text"]
        assert (re.sub("digest .{8}", "", text), made["finishReason"]) == (re.sub("digest .{8}", "", said), reason)


def test_a_stop_sequence_at_the_beginning_leaves_nothing(caller):
    made = answer(caller, generationConfig={"stopSequences": ["gemini"]})
    assert made["candidates"] == [{"content": {}, "finishReason": "STOP", "index": 0}]
    assert "candidatesTokenCount" not in made["usageMetadata"]


def test_several_candidates(caller):
    made = answer(caller, generationConfig={"candidateCount": 3})["candidates"]
    assert [each["index"] for each in made] == [0, 1, 2]
    assert len({each["content"]["parts"][0]["text"] for each in made}) == 3


# Tools of the service.


def test_code_that_is_not_run(caller):
    tools = [{"codeExecution": {}}]
    code, result, text = parts(caller, user("[[emulator: run print(1 + 1) => 2]]"), tools=tools)
    assert code == {"executableCode": {"language": "PYTHON", "code": "print(1 + 1)"}}
    assert result == {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2\n"}}
    assert text["text"]
    code, result, _ = parts(caller, user("the first 50 primes"), tools=tools)
    assert "runs no code" in code["executableCode"]["code"]
    assert "first 50 primes" in result["codeExecutionResult"]["output"]
    assert len(parts(caller, user("[[emulator: run print(1)]]"))) == 1


def test_pages_that_are_not_searched(caller):
    made = answer(
        caller, user("[[emulator: search who won => https://a.example/x The news]]"), tools=[{"googleSearch": {}}]
    )
    grounding = made["candidates"][0]["groundingMetadata"]
    assert grounding["webSearchQueries"] == ["who won"]
    assert grounding["groundingChunks"] == [{"web": {"uri": "https://a.example/x", "title": "The news"}}]
    (support,) = grounding["groundingSupports"]
    text = made["candidates"][0]["content"]["parts"][0]["text"]
    assert support["segment"] == {"startIndex": 0, "endIndex": len(text.encode()), "text": text}
    usage = made["usageMetadata"]
    assert usage["toolUsePromptTokenCount"] == usage["toolUsePromptTokensDetails"][0]["tokenCount"] > 0
    assert adds_up(usage)
    by_itself = candidate(caller, user("who won?"), tools=[{"googleSearch": {}}])["groundingMetadata"]
    assert by_itself["groundingChunks"][0]["web"]["uri"] == "https://example.com/"
    assert "groundingMetadata" not in candidate(caller, user("who won?"))


def test_addresses_that_are_not_read(caller):
    text = user("Compare https://a.example/1, https://b.example/2. And (https://a.example/1)")
    read = candidate(caller, text, tools=[{"urlContext": {}}])["urlContextMetadata"]["urlMetadata"]
    assert [each["retrievedUrl"] for each in read] == ["https://a.example/1", "https://b.example/2"]


def test_ratings_where_settings_ask_for_them(caller):
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]
    ratings = candidate(caller, safetySettings=settings)["safetyRatings"]
    assert {each["probability"] for each in ratings} == {"NEGLIGIBLE"} and len(ratings) == 4
    assert "safetyRatings" not in candidate(caller)


def test_log_probabilities_of_the_last_series_that_had_any(caller):
    config = {"responseLogprobs": True, "logprobs": 2}
    made = candidate(caller, model="gemini-2.0-flash", generationConfig=config)
    chosen = made["logprobsResult"]["chosenCandidates"]
    assert "".join(each["token"] for each in chosen) == made["content"]["parts"][0]["text"]
    assert made["avgLogprobs"] < 0 and len(made["logprobsResult"]["topCandidates"][0]["candidates"]) == 2


# Counts.


def adds_up(usage):
    details = {
        "promptTokenCount": "promptTokensDetails",
        "candidatesTokenCount": "candidatesTokensDetails",
        "cachedContentTokenCount": "cacheTokensDetails",
        "toolUsePromptTokenCount": "toolUsePromptTokensDetails",
    }
    for count, by_modality in details.items():
        assert usage.get(count, 0) == sum(each["tokenCount"] for each in usage.get(by_modality, ()))
    summands = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
    return usage["totalTokenCount"] == sum(usage.get(name, 0) for name in summands)


def test_counts_add_up_with_a_cache(caller):
    name = caller.create()["name"]
    plain = answer(caller)["usageMetadata"]
    usage = answer(caller, cachedContent=name)["usageMetadata"]
    assert adds_up(plain) and adds_up(usage)
    assert usage["promptTokenCount"] == plain["promptTokenCount"] + usage["cachedContentTokenCount"]


def test_a_repeated_request_has_another_id_and_the_same_for_the_same_seed():
    def ids(seed):
        caller = Caller(App(World(now=ManualClock(), ids=random.Random(seed))), ManualClock())
        return [answer(caller)["responseId"] for _ in range(2)]

    assert ids(1) == ids(1) != ids(2)
    assert len(set(ids(1))) == 2 and all(re.fullmatch(r"[\w-]{23}", each) for each in ids(1))


def test_what_is_made_for_a_schema_is_of_it(caller):
    schema = {
        "type": "object",
        "$defs": {"code": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}},
        "properties": {
            "codes": {"type": "array", "items": {"$ref": "#/$defs/code"}, "minItems": 2},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "step": {"type": "integer", "minimum": 7, "multipleOf": 5},
            "tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
            "way": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
    }
    config = {"responseMimeType": "application/json", "responseJsonSchema": schema}
    value = json.loads(parts(caller, generationConfig=config)[0]["text"])
    assert value == {
        "codes": ["AAA-0000", "AAA-0000"],
        "share": 0.5,
        "step": 10,
        "tags": ["a", "b", "c"],
        "pair": ["text", 0],
        "way": 0,
    }


@pytest.mark.parametrize(
    "bounds",
    [
        {"minimum": 10**400},
        {"exclusiveMinimum": -(10**400)},
        {"maximum": -(10**400)},
        {"minimum": 10**299, "multipleOf": 1e-300},
        {"minimum": 5, "multipleOf": 10**400},
    ],
)
@pytest.mark.parametrize("kind", ["integer", "number"])
def test_numbers_beyond_all_bounds(caller, kind, bounds):  # fmt: skip
    schema = {"type": "object", "properties": {"n": {"type": kind, "multipleOf": 7, **bounds}}}
    [(_, given)] = calls(caller, "add it", [{"name": "add_it", "parametersJsonSchema": schema}], mode="ANY")
    assert math.isfinite(given["n"])
    [(_, given)] = calls(caller, f"add {'9' * 400}.5", [{"name": "add_it", "parametersJsonSchema": schema}], mode="ANY")
    assert given["n"] == 10**15 - 1


@pytest.mark.parametrize(
    ("text", "said", "rest"),
    [
        ("a [[emulator: run x => 1]] b [[emulator: run y]][[emulator: search z]]", ["x => 1", "y"], "a  b "),
        ("[[emulator: run x[0] ]]", ["x[0] "], ""),
        ("[[emulator: run x\n=> 1]]", ["x\n=> 1"], ""),
        ("[[emulator: runs]] [[emulator:run x]]", [], " [[emulator:run x]]"),
        ("[[emulator: run x", [], "[[emulator: run x"),
        ("[[emulator: run " * 200_000, [], "[[emulator: run " * 200_000),  # hours, where each is looked at anew
        ("[[emulator: run x]]" * 100_000, ["x"] * 100_000, ""),
    ],
    ids=range(7),
)
def test_marks_in_texts_of_any_length(text, said, rest):
    assert (marks.inside(text, "run"), marks.without(text)) == (said, rest)


@pytest.mark.filterwarnings("error")
def test_where_warnings_are_errors_what_python_will_read_otherwise_is_no_pattern(caller):
    config = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "string", "pattern": "[[a]"}}
    assert parts(caller, generationConfig=config)[0]["text"] == '"text"'
    with pytest.raises(ValueError, match="Possible nested set"):
        expressions.compiled("[[b]")
