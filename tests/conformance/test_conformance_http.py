"""docs/emulator/http.md, as it stands; and the forms in which Google's samples of curl ask."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from google import genai
from test_conformance_node import run

from gemctl.emulator import reply_names

__all__ = ["run"]

PAGE = (Path(__file__).parent.parent.parent / "docs/emulator/http.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^<!-- runs: \w+\.sh -->\n```sh\n(.*?)^```\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PROGRAM = re.search(r"^<!-- runs: fields.py -->\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture
def shell(emulator, tmp_path):
    """Runs lines of a shell; gives what they printed. None where there is no curl."""

    def run(script):
        if not (shutil.which("bash") and shutil.which("curl")):
            return None  # test_pipelines.py says so, for both
        script = script.replace("http://127.0.0.1:8085", emulator.url)
        done = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_page(shell):
    said = shell("".join(lines for lines, _ in SHOWN))
    assert said is None or said == "".join(each for _, each in SHOWN)


def test_the_program_of_the_page(emulator, monkeypatch, capsys):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", emulator.url)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")
    exec(compile(PROGRAM, "fields.py", "exec"), {})
    assert capsys.readouterr().out == "True None None\n"


UPLOAD = """
url=http://127.0.0.1:8085; size=$(wc -c <talk.mp3)
curl -s "$url/upload/v1beta/files?key=k" -D headers.txt -o begun.json \
  -H 'X-Goog-Upload-Protocol: resumable' -H 'X-Goog-Upload-Command: start' \
  -H "X-Goog-Upload-Header-Content-Length: $size" -H 'X-Goog-Upload-Header-Content-Type: audio/mpeg' \
  -H 'Content-Type: application/json' -d "{'file': {'display_name': 'AUDIO'}}"
place=$(grep -i 'x-goog-upload-url: ' headers.txt | cut -d' ' -f2 | tr -d '\\r')
curl -s "$place" -H "Content-Length: $size" -H 'X-Goog-Upload-Offset: 0' \
  -H 'X-Goog-Upload-Command: upload, finalize' --data-binary @talk.mp3 >file.json
uri=$(grep '"uri":' file.json | cut -d'"' -f4)
curl -s "$url/v1beta/models/gemini-2.5-flash:generateContent?key=k" -H 'Content-Type: application/json' -X POST -d '{
  "contents": [{
    "parts": [
      {"text": "What is said here? \\
        In one sentence."},
      {"file_data": {"mime_type": "audio/mpeg", "file_uri": "'$uri'"}},
    ]
  }],
}'
"""


def test_audio_is_uploaded_and_used_at_once(shell, tmp_path):
    (tmp_path / "talk.mp3").write_bytes(bytes(2000))
    if (said := shell(UPLOAD)) is not None:
        assert json.loads(said)["candidates"][0]["finishReason"] == "STOP"


CACHE = """
url=http://127.0.0.1:8085/v1beta
echo '{"model": "models/gemini-2.5-flash",
  "contents": [{"role": "user", "parts": [
    {"inline_data": {"mime_type": "text/plain", "data": "'$(base64 -w0 a.txt)'"}}
  ]}],
  "systemInstruction": {"parts": {"text": "You read
transcripts."}},
  "ttl": "300s",
}' >request.json
curl -s -X POST "$url/cachedContents?key=k" -H 'Content-Type: application/json' -d @request.json >cache.json
name=$(grep '"name":' cache.json | cut -d'"' -f4 | head -n 1)
curl -s -X PATCH "$url/$name?key=k" -H 'Content-Type: application/json' -d '{"ttl": "600s"}' >patched.json
curl -s "$url/models/gemini-2.5-flash:generateContent?key=k" -H 'Content-Type: application/json' \
  -d '{"contents": {"parts": [{"text": "Sum it up."}], "role": "user"}, "cachedContent": "'$name'",
       "generation_config": {"response_modalities": ["text"]}}' >answer.json
curl -s -X DELETE "$url/$name?key=k"
"""


def test_a_cache_lives(shell, tmp_path, emulator):
    (tmp_path / "a.txt").write_text("a long transcript " * 1000)
    if (said := shell(CACHE)) is not None:
        assert said == "{}\n"
        assert json.loads((tmp_path / "answer.json").read_text())["usageMetadata"]["cachedContentTokenCount"] > 1024
        assert [effect["kind"] for effect in emulator.effects()] == ["created", "patched", "deleted"]


def test_answers_of_the_sdk_are_compressed(emulator):
    seen = []
    client = genai.Client(api_key="k", http_options={"base_url": emulator.url})
    inner = client._api_client._httpx_client
    inner.event_hooks["response"].append(lambda response: seen.append(response.headers.get("content-encoding")))
    assert len(list(client.models.list())) > 10
    assert seen[0] == "gzip"
    client.close()


def test_the_official_javascript_client(run):
    assert run("http.mjs") in (None, "all of it holds\n")


@pytest.mark.slow
def test_every_field_of_an_official_reply_can_be_asked_for():
    from google.ai import generativelanguage_v1beta as official  # takes a second

    seen, lacking = set(), set()

    def walk(message):
        if message.full_name in seen:
            return
        seen.add(message.full_name)
        for field in message.fields:
            if not reply_names.known([field.name.rstrip("_")]):
                lacking.add(f"{message.name}.{field.name}")
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                walk(field.message_type)

    replies = [name for name in dir(official) if name.endswith("Response")]
    for name in [*replies, "CachedContent", "File", "Model"]:
        walk(getattr(official, name).meta.pb.DESCRIPTOR)
    assert lacking == set()
    assert len(seen) > 80
