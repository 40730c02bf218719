"""What is refused of requests to generate, and what is taken although it looks wrong."""

import pytest

OLD, NEW, PRO = "gemini-2.5-flash", "gemini-3.8-flash", "gemini-3.1-pro-preview"
FUNCTIONS, SEARCH = {"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}
JSON = {"responseMimeType": "application/json"}
SHOWN = {"includeServerSideToolInvocations": True}
ENUM = {"type": "STRING", "enum": ["a", "b"]}


def config(**fields):
    return {"generationConfig": fields}


def thinking(**fields):
    return config(thinkingConfig=fields)


def part(**fields):
    return {"contents": [{"parts": [{"text": "a"}, fields]}]}


REFUSED = [
    (OLD, config(candidateCount=0), "candidate_count"),
    (OLD, config(candidateCount=9), "candidate_count"),
    (OLD, config(maxOutputTokens=0), "max_output_tokens must be positive"),
    (OLD, config(maxOutputTokens=-1), "max_output_tokens must be positive"),
    (OLD, config(temperature=5), "temperature must be in the range [0.0, 2.0]"),
    (OLD, config(temperature=-0.1), "temperature must be in the range [0.0, 2.0]"),
    (OLD, config(topP=1.1), "top_p"),
    (OLD, config(topK=-1), "top_k"),
    (OLD, config(stopSequences=list("abcdef")), "stop_sequences"),
    (OLD, config(responseMimeType="text/html"), "`application/yaml` and `text/x.enum`"),
    (OLD, config(responseMimeType="text/x.enum", responseSchema={"type": "ARRAY", "items": ENUM}), "enum"),
    (OLD, config(logprobs=0), "only be set if response_logprobs is true"),
    (OLD, config(responseLogprobs=True), "Logprobs is not enabled for models/gemini-2.5-flash"),
    (NEW, config(responseLogprobs=True), "Logprobs is not enabled for this model"),
    ("gemini-2.0-flash", config(responseLogprobs=True, logprobs=21), "logprobs"),
    (OLD, config(speechConfig={"voiceConfig": {}, "multiSpeakerVoiceConfig": {}}), "mutually exclusive"),
    (PRO, thinking(thinkingBudget=0), "Budget 0 is invalid. This model only works in thinking mode."),
    ("gemini-2.5-pro", thinking(thinkingBudget=0), "Budget 0 is invalid."),
    (NEW, thinking(thinkingLevel="MINIMAL"), "Thinking level MINIMAL is not supported for this model."),
    ("gemini-2.0-flash", thinking(thinkingLevel="LOW"), "Thinking level is not supported for this model."),
    ("gemini-2.0-flash", thinking(thinkingBudget=5), "Thinking budget is not supported for this model."),
    (NEW, thinking(thinkingLevel="LOW", thinkingBudget=5), "only set only one of thinking budget and thinking level"),
    (NEW, {"tools": [FUNCTIONS, SEARCH]}, "Please enable tool_config.include_server_side_tool_invocations"),
    (OLD, {"tools": [FUNCTIONS, SEARCH]}, "Tool use with function calling is unsupported"),
    (OLD, {"tools": [SEARCH], "toolConfig": SHOWN}, "circulation is not enabled for models/gemini-2.5-flash"),
    (OLD, {"tools": [FUNCTIONS], **config(**JSON)}, "Function calling with a response mime type: 'application/json'"),
    (OLD, {"tools": [SEARCH], **config(**JSON)}, "Tool use with a response mime type: 'application/json'"),
    (OLD, part(inlineData={"mimeType": "image/png"}), "inline_data.data"),
    (OLD, part(fileData={"fileUri": "gs://a/b"}), "Cloud Storage URIs are not supported"),
    (OLD, part(videoMetadata={}), "contents[0].parts[1].data"),
    (OLD, {"cachedContent": "batchPredictionJobs/1"}, "cached_content"),
    (OLD, {"cachedContent": "projects/1/locations/a/cachedContents/b"}, "cached_content"),
]
TAKEN = [
    (OLD, config(temperature=2, topP=0, topK=0, stopSequences=list("12345"), maxOutputTokens=1)),
    (OLD, config(responseMimeType="text/x.enum", responseSchema=ENUM)),
    (OLD, thinking(thinkingLevel="LOW")),
    ("gemini-3.6-flash", thinking(thinkingLevel="MINIMAL")),
    ("gemini-3.5-flash-lite", thinking(thinkingLevel="MINIMAL")),
    (NEW, {"tools": [FUNCTIONS, SEARCH], "toolConfig": SHOWN}),
    (NEW, {"tools": [FUNCTIONS], **config(**JSON)}),
    (OLD, part(thought=True)),
    (OLD, part(toolCall={"toolType": "GOOGLE_SEARCH", "args": {}})),
]


@pytest.mark.parametrize(("model", "fields", "stem"), REFUSED)
def test_what_is_refused(caller, model, fields, stem):
    request = {"contents": [{"parts": [{"text": "a"}]}], **fields}
    status, word, message = caller.error("POST", f"models/{model}:generateContent", request)
    assert (status, word) == (400, "INVALID_ARGUMENT") and stem in message


@pytest.mark.parametrize(("model", "fields"), TAKEN)
def test_what_is_taken(caller, model, fields):
    request = {"contents": [{"parts": [{"text": "a"}]}], **fields}
    assert caller.json("POST", f"models/{model}:generateContent", request)["candidates"]


def test_a_store_that_is_to_be_searched_is_there(caller):
    made = caller.json("POST", "fileSearchStores", {"displayName": "a"})["name"]
    for name, status in ((made, 200), ("fileSearchStores/none-of-this-name", 403)):
        tools = [{"fileSearch": {"fileSearchStoreNames": [name]}}]
        request = {"contents": [{"parts": [{"text": "a"}]}], "tools": tools}
        assert caller.ask("POST", f"models/{OLD}:generateContent", request).status == status


def test_models_that_embed_read_cloud_storage(caller):
    content = {"parts": [{"fileData": {"fileUri": "gs://a/b", "mimeType": "image/png"}}]}
    assert caller.json("POST", "models/gemini-embedding-2:embedContent", {"content": content})["embedding"]
