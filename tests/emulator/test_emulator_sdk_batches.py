"""The official Python SDK on batches and ephemeral tokens: what it sends, and what it makes of the answers."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from gemctl.emulator.app import App
from gemctl.emulator.world import World

genai = pytest.importorskip("google.genai")

from google.genai import errors, types  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:google"),
    pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning"),
]

MODEL = "gemini-2.5-flash"
EMBEDDING = "gemini-embedding-001"
LIVE = "gemini-live-2.5-flash-preview"


@pytest.fixture
def app(front, clock):
    front[0].app = App(World(now=clock))
    yield front[0].app
    assert not front[0].app.bugs


@pytest.fixture(params=["v1", "v1beta"])
def client(app, front, request):
    options = types.HttpOptions(base_url=front[1], api_version=request.param)
    with genai.Client(api_key="fake", http_options=options) as client:
        yield client


@pytest.fixture
def alpha(app, front):
    options = types.HttpOptions(base_url=front[1], api_version="v1alpha")
    with genai.Client(api_key="fake", http_options=options) as client:
        yield client


def wait(client, clock, name):
    """What users do, without sleeping."""
    for _ in range(10):
        job = client.batches.get(name=name)
        if job.done:
            return job
        clock.advance(1)
    raise AssertionError("the batch does not end")


def test_an_inline_batch(client, clock):
    requests = [
        {
            "contents": [{"parts": [{"text": f"number {number}"}], "role": "user"}],
            "metadata": {"key": f"r{number}"},
            "config": {
                "temperature": 0.1,
                "top_k": 10,
                "system_instruction": "Be short.",
                "safety_settings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_ONLY_HIGH"}],
                "thinking_config": {"include_thoughts": True, "thinking_budget": 4000},
                "tools": [{"google_search": {}}],
            },
        }
        for number in range(3)
    ]
    requests.append({"contents": "[[emulator: fail 429]]", "metadata": {"key": "bad"}})
    requests.append({"model": MODEL, "contents": "no metadata", "config": {"response_mime_type": "application/json"}})
    job = client.batches.create(model=MODEL, src=requests, config={"display_name": "bd"})
    assert (job.state, job.display_name, job.model) == (types.JobState.JOB_STATE_PENDING, "bd", f"models/{MODEL}")
    assert not job.done
    clock.advance(1)
    assert client.batches.get(name=job.name).state == types.JobState.JOB_STATE_RUNNING
    ended = wait(client, clock, job.name)
    assert ended.state == types.JobState.JOB_STATE_SUCCEEDED
    assert ended.end_time - ended.create_time == timedelta(seconds=3)
    responses = ended.dest.inlined_responses
    assert [each.metadata["key"] for each in responses[:4]] == ["r0", "r1", "r2", "bad"]
    assert [each.response.text[-8:] for each in responses[:3]] == ["number 0", "number 1", "number 2"]
    assert responses[0].response.usage_metadata.prompt_token_count > 0
    assert (responses[3].error.code, responses[3].response) == (8, None)
    assert json.loads(responses[4].response.text)


def test_a_batch_of_a_file(client, clock):
    lines = [{"key": f"k{number}", "request": {"contents": [{"parts": [{"text": str(number)}]}]}} for number in "abc"]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    file = client.files.upload(file=io.BytesIO(data), config={"mime_type": "jsonl"})
    job = client.batches.create(model=MODEL, src=file.name)
    assert job.display_name is None
    ended = wait(client, clock, job.name)
    assert ended.dest.file_name.startswith("files/batch-")
    results = [json.loads(line) for line in client.files.download(file=ended.dest.file_name).splitlines()]
    assert sorted(result["key"] for result in results) == ["ka", "kb", "kc"]
    parsed = types.GenerateContentResponse.model_validate(results[0]["response"])
    assert parsed.text[-1] == results[0]["key"][-1]


def test_embeddings(client, clock):
    source = types.EmbeddingsBatchJobSource(
        inlined_requests=types.EmbedContentBatch(
            contents=["a", "b"],
            config=types.EmbedContentConfig(task_type="RETRIEVAL_DOCUMENT", output_dimensionality=64),
        )
    )
    job = client.batches.create_embeddings(model=EMBEDDING, src=source, config={"display_name": "eb"})
    ended = wait(client, clock, job.name)
    one, two = ended.dest.inlined_embed_content_responses
    assert len(one.response.embedding.values) == 64
    assert one.response.token_count == 1
    assert one.response.embedding.values != two.response.embedding.values


def test_embeddings_of_a_file(client, clock):
    line = json.dumps({"key": "a", "request": {"content": {"parts": [{"text": "a"}]}}}).encode()
    file = client.files.upload(file=io.BytesIO(line), config={"mime_type": "application/jsonl"})
    job = client.batches.create_embeddings(model=EMBEDDING, src={"file_name": file.name})
    ended = wait(client, clock, job.name)
    (result,) = [json.loads(line) for line in client.files.download(file=ended.dest.file_name).splitlines()]
    assert len(result["response"]["embedding"]["values"]) == 3072


def test_list_cancel_and_delete(client, clock):
    jobs = [client.batches.create(model=MODEL, src=[{"contents": str(number)}] * 4) for number in range(3)]
    names = [job.name for job in jobs]
    assert [job.name for job in client.batches.list(config={"page_size": 2})] == names[::-1]
    client.batches.cancel(name=names[0])
    assert client.batches.get(name=names[0]).state == types.JobState.JOB_STATE_CANCELLED
    clock.advance(2)
    client.batches.cancel(name=names[1])
    cancelled = client.batches.get(name=names[1])
    assert cancelled.state == types.JobState.JOB_STATE_SUCCEEDED
    assert [each.error.code if each.error else None for each in cancelled.dest.inlined_responses] == [None, None, 1, 1]
    for name in names:
        client.batches.delete(name=name)
        with pytest.raises(errors.ClientError) as raised:
            client.batches.get(name=name)
        assert (raised.value.code, raised.value.status) == (404, "NOT_FOUND")
    assert list(client.batches.list()) == []


@pytest.mark.parametrize(
    ("asked", "state"),
    [
        ("FAILED 8", "JOB_STATE_FAILED"),
        ("EXPIRED", "JOB_STATE_EXPIRED"),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED"),
    ],
)
def test_ends_that_were_asked_for(client, clock, asked, state):
    config = {"display_name": f"[[emulator: job ends {asked}]]"}
    job = client.batches.create(model=MODEL, src=[{"contents": "a"}], config=config)
    clock.advance(3)
    assert client.batches.get(name=job.name).state == state


def test_direct_calls(client):
    answer = client.models.generate_content(
        model=MODEL, contents="hello", config={"response_schema": {"type": "OBJECT", "properties": {
            "a": {"type": "INTEGER"}}}, "response_mime_type": "application/json"}
    )  # fmt: skip
    assert answer.parsed == {"a": 0}
    assert answer.usage_metadata.total_token_count > 0
    image = client.models.generate_content(model="gemini-2.5-flash-image", contents="a cat")
    assert image.parts[1].inline_data.data.startswith(b"\x89PNG")
    embedded = client.models.embed_content(model=EMBEDDING, contents=["a", "b"], config={"output_dimensionality": 8})
    assert [len(each.values) for each in embedded.embeddings] == [8, 8]
    with pytest.raises(errors.ServerError) as raised:
        client.models.generate_content(model=MODEL, contents="[[emulator: fail 503]]")
    assert raised.value.code == 503


CONSTRAINTS = {
    "model": LIVE,
    "config": {
        "response_modalities": ["AUDIO"],
        "temperature": 0.7,
        "top_k": 40,
        "system_instruction": "Be short.",
        "session_resumption": {},
        "output_audio_transcription": {},
        "input_audio_transcription": {"language_codes": ["de-DE"]},
        "speech_config": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
        "thinking_config": {"thinking_budget": 0},
        "tools": [{"google_search": {}}, {"function_declarations": [{"name": "f"}]}],
        "realtime_input_config": {
            "automatic_activity_detection": {"start_of_speech_sensitivity": "START_SENSITIVITY_HIGH"},
            "turn_coverage": "TURN_INCLUDES_ALL_INPUT",
        },
        "context_window_compression": {"trigger_tokens": 25600, "sliding_window": {"target_tokens": 12800}},
        "proactivity": {"proactive_audio": True},
        "translation_config": {"target_language_code": "es", "echo_target_language": True},
    },
}


@pytest.mark.parametrize(
    ("config", "sends"),
    [
        (None, set()),
        ({"uses": 1}, {"uses"}),
        ({"live_connect_constraints": CONSTRAINTS}, {"bidiGenerateContentSetup"}),
        (
            {"live_connect_constraints": CONSTRAINTS, "lock_additional_fields": []},
            {"bidiGenerateContentSetup", "fieldMask"},
        ),
        (
            {"live_connect_constraints": CONSTRAINTS, "lock_additional_fields": ["top_p", "proactivity"]},
            {"bidiGenerateContentSetup", "fieldMask"},
        ),
        ({"lock_additional_fields": ["output_audio_transcription"]}, {"fieldMask"}),
        ({"live_connect_constraints": {}, "lock_additional_fields": ["output_audio_transcription"]}, {"fieldMask"}),
        ({"live_connect_constraints": {"config": {"temperature": 1}}}, {"bidiGenerateContentSetup"}),
    ],
)
def test_a_token_with_each_lock(alpha, app, config, sends):
    token = alpha.auth_tokens.create(config=config)
    assert token.name.startswith("auth_tokens/")
    body = app.requests[-1].json or {}
    assert set(body) == sends
    assert ("generationConfig.top_p" in body.get("fieldMask", "")) == ("top_p" in str(config))
    assert [effect.kind for effect in app.effects] == ["created"]


def test_a_token_with_deadlines(alpha, app):
    until = datetime(2026, 1, 1, 3, tzinfo=UTC)
    alpha.auth_tokens.create(config={"expire_time": until, "new_session_expire_time": until, "uses": 0})
    assert app.effects[0].expire_time == until
    with pytest.raises(errors.ClientError, match="less than 20 hours"):
        alpha.auth_tokens.create(config={"expire_time": until + timedelta(days=1)})
    with pytest.raises(errors.ClientError, match="is not found for API version v1alpha"):
        alpha.auth_tokens.create(config={"live_connect_constraints": {"model": MODEL}})


def test_a_token_from_a_client_of_another_version(client, app):
    assert client.auth_tokens.create().name
    assert client.auth_tokens.create(config={"http_options": {"api_version": "v1alpha"}}).name
    assert app.requests[-1].path == "/v1alpha/auth_tokens"
