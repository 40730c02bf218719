"""The official Python SDK as a client: what it sends is understood, what it needs is answered."""

import base64
import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest

from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.surfaces import files

genai = pytest.importorskip("google.genai")

from google.genai import errors, types  # noqa: E402

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning:google")]

MODEL = "gemini-2.5-flash"
TEXT = "word " * 1000


@pytest.fixture(scope="module")
def base_url():
    with running(App()) as url:
        yield url


@pytest.fixture(params=["v1", "v1beta", "v1alpha"])
def client(base_url, request):
    options = types.HttpOptions(base_url=base_url, api_version=request.param)
    client = genai.Client(api_key="fake", http_options=options)
    yield client
    for cache in client.caches.list():
        client.caches.delete(name=cache.name)
    client.close()


def test_the_life_of_a_cache(client):
    tool = types.Tool(
        function_declarations=[
            types.FunctionDeclaration(
                name="look_up",
                parameters=types.Schema(
                    type=types.Type.OBJECT,
                    properties={"key": types.Schema(type=types.Type.STRING, max_length=9)},
                    required=["key"],
                ),
            )
        ]
    )
    made = client.caches.create(
        model=MODEL,
        config=types.CreateCachedContentConfig(
            display_name="handbook",
            ttl="300s",
            system_instruction="Be short.",
            contents=[
                types.Content(
                    role="user",
                    parts=[
                        types.Part(text=TEXT),
                        types.Part.from_uri(file_uri="https://x/files/f1", mime_type="text/plain"),
                        types.Part.from_bytes(data=b"png", mime_type="image/png"),
                    ],
                )
            ],
            tools=[tool],
            tool_config=types.ToolConfig(
                function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.AUTO)
            ),
        ),
    )
    assert made.display_name == "handbook"
    assert made.model == f"models/{MODEL}"
    assert made.usage_metadata.total_token_count > 1024
    assert made.expire_time - made.create_time == timedelta(seconds=300)

    assert client.caches.get(name=made.name) == made
    assert [cache.name for cache in client.caches.list()] == [made.name]

    longer = client.caches.update(name=made.name, config=types.UpdateCachedContentConfig(ttl="7200s"))
    assert longer.expire_time - longer.update_time == timedelta(hours=2)
    until = datetime(2099, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert client.caches.update(name=made.name, config={"expire_time": until}).expire_time == until

    client.caches.delete(name=made.name)
    for call in (client.caches.get, client.caches.delete):
        with pytest.raises(errors.ClientError) as raised:
            call(name=made.name)
        assert (raised.value.code, raised.value.status) == (403, "PERMISSION_DENIED")


def test_create_until_a_time_and_pages(client):
    until = datetime(2099, 1, 1, tzinfo=UTC)
    names = [client.caches.create(model=MODEL, config={"contents": TEXT, "expire_time": until}).name for _ in range(5)]
    pager = client.caches.list(config={"page_size": 2})
    assert len(pager) == 2
    assert [cache.name for cache in pager] == names[::-1]


@pytest.mark.parametrize(
    ("model", "config", "code", "said"),
    [
        (MODEL, {"contents": "short"}, 400, "Cached content is too small"),
        (MODEL, {"contents": TEXT, "ttl": "1h"}, 400, "Duration"),
        (MODEL, {"contents": TEXT, "expire_time": datetime(2001, 1, 1, tzinfo=UTC)}, 400, "future"),
        (MODEL, {"contents": TEXT, "ttl": "9s", "expire_time": datetime(2099, 1, 1, tzinfo=UTC)}, 400, "oneof"),
        ("gemini-none", {"contents": TEXT}, 404, "is not found for API version"),
    ],
)
def test_errors(client, model, config, code, said):
    with pytest.raises(errors.APIError) as raised:
        client.caches.create(model=model, config=config)
    assert raised.value.code == code
    assert said in raised.value.message


def test_models(client):
    names = [model.name for model in client.models.list(config={"page_size": 5})]
    assert f"models/{MODEL}" in names
    model = client.models.get(model=MODEL)
    assert "createCachedContent" in model.supported_actions
    assert model.input_token_limit == 1_048_576
    assert client.models.count_tokens(model=MODEL, contents="x" * 40).total_tokens == 10
    with pytest.raises(errors.ClientError, match="is not found"):
        client.models.get(model="gemini-none")


def test_no_valid_key(base_url):
    options = types.HttpOptions(base_url=base_url)
    with genai.Client(api_key="AIza" + "x" * 35, http_options=options) as client:
        with pytest.raises(errors.ClientError, match="API key not valid") as raised:
            client.models.get(model=MODEL)
        assert raised.value.code == 400


@pytest.fixture(params=["default", "v1beta"])
def files_client(base_url, request):
    version = {} if request.param == "default" else {"api_version": request.param}
    with genai.Client(api_key="fake", http_options=types.HttpOptions(base_url=base_url, **version)) as client:
        yield client
        for file in client.files.list():
            client.files.delete(name=file.name)


def test_files_are_uploaded_from_paths_and_streams(files_client, tmp_path):
    client = files_client
    path = tmp_path / "words.txt"
    path.write_text("words " * 10)
    made = client.files.upload(file=path, config={"name": "my-words", "display_name": "Words"})
    assert (made.name, made.display_name, made.mime_type) == ("files/my-words", "Words", "text/plain")
    assert (made.state, made.source) == (types.FileState.ACTIVE, types.FileSource.UPLOADED)
    assert made.size_bytes == 60
    assert base64.b64decode(made.sha256_hash).decode() == hashlib.sha256(path.read_bytes()).hexdigest()
    assert made.expiration_time - made.create_time == timedelta(hours=48)
    assert client.files.get(name="my-words") == made

    data = bytes(range(256)) * (40 * 1024)  # 10 MiB: two chunks
    large = client.files.upload(file=io.BytesIO(data), config={"mime_type": "video/mp4"})
    assert large.state == types.FileState.PROCESSING
    assert base64.b64decode(large.sha256_hash).decode() == hashlib.sha256(data).hexdigest()
    again = client.files.upload(file=io.BytesIO(b"x"), config={"mime_type": "text/plain"})

    pager = client.files.list(config={"page_size": 2})
    assert len(pager) == 2
    assert [file.name for file in pager] == [again.name, large.name, made.name]

    parts = [types.Part(text=TEXT), types.Part.from_uri(file_uri=made.uri, mime_type=made.mime_type)]
    cached = client.caches.create(model=MODEL, config={"contents": [types.Content(role="user", parts=parts)]})
    assert cached.usage_metadata.total_token_count == 1250 + 15
    client.caches.delete(name=cached.name)

    client.files.delete(name=made.name)
    for call in (client.files.get, client.files.delete):
        with pytest.raises(errors.ClientError) as raised:
            call(name=made.name)
        assert (raised.value.code, raised.value.status) == (403, "PERMISSION_DENIED")


def test_files_that_are_refused(files_client):
    client = files_client
    made = client.files.upload(file=io.BytesIO(b"x"), config={"mime_type": "text/plain", "name": "taken"})
    for config, code in (
        ({"mime_type": "text/plain", "name": "taken"}, 409),
        ({"mime_type": "text/plain", "name": "Taken"}, 400),
        ({"mime_type": "bad/mime_type"}, 400),
    ):
        with pytest.raises(errors.ClientError) as raised:
            client.files.upload(file=io.BytesIO(b"x"), config=config)
        assert raised.value.code == code
    with pytest.raises(errors.ClientError, match="GENERATED") as raised:
        client.files.download(file=made.name)
    assert raised.value.code == 400


def test_generated_files_are_found_and_downloaded(tmp_path):
    app = App()
    name = "files/batch-" + "0" * 36
    with app.world.turn():
        list(app.world.advance())
        blob = app.world.blobs.new()
        app.world.blobs.append(blob, b'{"key":"a"}\n' * 100_000)
        files.make_generated(app.world, app.world.blobs, "emulated-project", name, blob, "application/jsonl", "results")
    with running(app) as url, genai.Client(api_key="fake", http_options=types.HttpOptions(base_url=url)) as client:
        (file,) = client.files.list()
        assert (file.name, file.source) == (name, types.FileSource.GENERATED)
        assert client.files.download(file=file) == client.files.download(file=name) == b'{"key":"a"}\n' * 100_000
        client.files.download(file=name, destination=tmp_path / "results")
        assert (tmp_path / "results").stat().st_size == 1_200_000
        with pytest.raises(errors.ClientError, match="more than 40 characters"):
            client.files.get(name=name)
