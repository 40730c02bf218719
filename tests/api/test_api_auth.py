import base64
import copy
import json
import os
import pickle
import urllib.parse

import pytest
from api_world import CANARY, patient
from hypothesis import given
from hypothesis import strategies as st

from gemctl.api.auth import (
    DEFAULT_BASE_URL,
    HIDDEN,
    Key,
    base_url,
    find_key,
    fingerprint,
    is_loopback,
    read_key_file,
    redact,
    redact_all,
    run_key_command,
)
from gemctl.core.errors import GemctlError
from gemctl.core.project import Stack

STACK = Stack("dev")
KEYS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=60).filter(
    lambda value: not value.startswith("auth_tokens/")
)


def never(_):
    raise AssertionError("must not be asked")


@pytest.mark.parametrize(
    ("env", "key_env", "value", "source"),
    [
        ({"GEMINI_API_KEY": "a"}, None, "a", "GEMINI_API_KEY"),
        ({"GOOGLE_API_KEY": "b"}, None, "b", "GOOGLE_API_KEY"),
        ({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "a"}, None, "a", "GEMINI_API_KEY"),
        ({"GEMINI_API_KEY": "", "GOOGLE_API_KEY": "b"}, None, "b", "GOOGLE_API_KEY"),
        ({"GEMINI_API_KEY": " a\n"}, None, "a", "GEMINI_API_KEY"),
        ({"GEMINI_API_KEY": "a", "GEMINI_API_KEY_PROD": "p"}, "GEMINI_API_KEY_PROD", "p", "GEMINI_API_KEY_PROD"),
        ({"GEMCTL_API_KEY_FILE": "/f", "GOOGLE_API_KEY": "g"}, "GOOGLE_API_KEY", "g", "GOOGLE_API_KEY"),
    ],
)
def test_sources(env, key_env, value, source):
    key = find_key(env, Stack("dev", key_env=key_env), never, never)
    assert (key.reveal(), key.source, key.warnings) == (value, source, ())


def test_a_stack_with_an_entry_in_the_keyring_asks_that_alone():
    env = {"GEMINI_API_KEY": "a", "GEMCTL_API_KEY_FILE": "/f"}
    key = find_key(env, Stack("dev", keyring="gemctl/prod"), never, never, {"gemctl/prod": " k\n"}.__getitem__)
    assert (key.reveal(), key.source) == ("k", "the keyring")
    with pytest.raises(GemctlError) as caught:
        find_key(env, Stack("dev", keyring="gemctl/prod"), never, never, lambda _: "top secret")
    assert caught.value.code == "E311"
    assert "secret" not in str(caught.value)


def test_file_before_command_before_the_usual_variables():
    env = {"GEMCTL_API_KEY_FILE": "/k", "GEMCTL_API_KEY_COMMAND": "pass 'my key'", "GEMINI_API_KEY": "a"}
    assert find_key(env, STACK, {"/k": "from-file\n"}.__getitem__, never).reveal() == "from-file"
    del env["GEMCTL_API_KEY_FILE"]
    assert find_key(env, STACK, never, lambda argv: {("pass", "my key"): "from-command\n"}[tuple(argv)]).reveal() == (
        "from-command"
    )


def test_two_keys_that_differ_are_a_warning():
    key = find_key({"GEMINI_API_KEY": "secret-a", "GOOGLE_API_KEY": "secret-b"}, STACK, never, never)
    (warning,) = key.warnings
    assert (key.reveal(), warning.code) == ("secret-a", "W301")
    assert "secret" not in repr(warning)
    assert find_key({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "ü"}, STACK, never, never).warnings


@pytest.mark.parametrize(
    ("env", "key_env", "code"),
    [
        ({}, None, "E310"),
        ({"GEMINI_API_KEY": "  "}, None, "E310"),
        ({"GEMINI_API_KEY": "a"}, "GEMINI_API_KEY_PROD", "E310"),  # never another project's key instead
        ({"AWS_SECRET": "a"}, "AWS_SECRET", "E311"),
        ({"XGEMINI_API_KEY": "a"}, "XGEMINI_API_KEY", "E311"),
        ({"GEMINI_API_KEYS": "a"}, "GEMINI_API_KEYS", "E311"),
        ({"GEMINI_API_KEY": "top secret"}, None, "E311"),
        ({"GEMINI_API_KEY": "top\nsecret"}, None, "E311"),
        ({"GEMINI_API_KEY": "secret\x7f"}, None, "E311"),
        ({"GEMINI_API_KEY": "secrét"}, None, "E311"),
        ({"GEMINI_API_KEY": "auth_tokens/secret"}, None, "E311"),
        ({"GEMINI_API_KEY": "secret" * 1000}, None, "E311"),
        ({"GEMCTL_API_KEY_COMMAND": "pass 'secret"}, None, "E313"),
    ],
)
def test_no_usable_key(env, key_env, code):
    with pytest.raises(GemctlError) as caught:
        find_key(env, Stack("dev", key_env=key_env), never, never)
    assert caught.value.code == code
    assert caught.value.hint
    assert "secret" not in f"{caught.value}{caught.value.hint}".replace("AWS_SECRET", "")


def test_without_a_key_both_ways_out_are_named():
    with pytest.raises(GemctlError) as caught:
        find_key({}, STACK)
    assert "GEMINI_API_KEY" in caught.value.hint
    assert "endpoint: emulator" in caught.value.hint


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o700])
def test_a_closed_key_file(tmp_path, mode):
    file = tmp_path / "key"
    file.write_text("k3y\n")
    file.chmod(mode)
    assert find_key({"GEMCTL_API_KEY_FILE": str(file)}, STACK).reveal() == "k3y"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620, 0o666])
def test_an_open_key_file(tmp_path, mode):
    file = tmp_path / "key"
    file.write_text("secret")
    file.chmod(mode)
    with pytest.raises(GemctlError, match="open to other users") as caught:
        read_key_file(str(file))
    assert caught.value.code == "E312"


def test_what_is_no_key_file(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    big = tmp_path / "big"
    big.write_text("x" * 100_000)
    big.chmod(0o600)
    paths = [tmp_path, tmp_path / "pipe", tmp_path / "none", big, "/dev/zero", "a\0b"]
    for path in paths:
        with pytest.raises(GemctlError) as caught:
            read_key_file(str(path))
        assert caught.value.code == "E312"


def test_a_key_command():
    assert run_key_command(["printf", "k3y\\n"]) == "k3y\n"
    env = {"GEMCTL_API_KEY_COMMAND": "printf '%s' $HOME"}  # no shell: nothing is expanded
    assert find_key(env, STACK).reveal() == "$HOME"


@pytest.mark.parametrize(
    "argv",
    [
        ["false"],
        ["sh", "-c", "echo secret >&2; exit 3"],
        ["/nonexistent"],
        [],
        ["a\0b"],
        ["head", "-c", "100000", "/dev/zero"],
    ],
)
def test_a_key_command_that_fails(argv):
    with pytest.raises(GemctlError) as caught:
        run_key_command(argv)
    assert caught.value.code == "E313"
    assert "secret" not in str(caught.value)


def test_a_key_command_that_hangs(monkeypatch):
    monkeypatch.setattr("gemctl.api.auth.COMMAND_TIMEOUT", 0.05)
    with pytest.raises(GemctlError, match="took longer"):
        run_key_command(["sleep", "5"])


def test_a_key_never_shows_itself():
    key = Key(CANARY, "GEMINI_API_KEY")
    for text in (repr(key), str(key), f"{key}", f"{key!r:>50}", "%s" % (key,), repr([key]), repr({"k": key})):
        assert CANARY not in text
    assert not hasattr(key, "__dict__")
    for store in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            store(key)


def test_fingerprint():
    assert fingerprint(Key("k3y"), b"salt") == fingerprint(Key("k3y\n"), b"salt")
    assert len({fingerprint(Key(k), s) for k in ("a", "b") for s in (b"1", b"2")}) == 4
    assert fingerprint(Key("k3y"), b"salt") == "45f14b0d"


@patient
@given(KEYS, st.binary(max_size=5), st.binary(max_size=5))
def test_no_form_of_the_key_survives(value, before, after):
    key = Key(value)
    for form in (
        value,
        value.upper(),
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote(value).lower(),
        json.dumps({"key": value}),
        base64.b64encode(value.encode()).decode(),
        base64.urlsafe_b64encode(value.encode()).decode().rstrip("="),
    ):
        shown = redact(f"<{form}>", key)
        assert form.lower() not in shown.lower()
        assert value.lower() not in shown.lower()
    amid = redact(base64.b64encode(before + value.encode() + after).decode(), key)
    assert "[API key]" in amid


def test_texts_without_the_key_stay():
    assert redact("nothing here", Key(CANARY)) == "nothing here"
    assert redact("nothing here", None) == "nothing here"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (None, DEFAULT_BASE_URL),
        ("", DEFAULT_BASE_URL),
        ("https://example.com", "https://example.com"),
        ("https://example.com/", "https://example.com"),
        (" https://example.com:8443/gemini/v2/ ", "https://example.com:8443/gemini/v2"),
        ("HTTPS://EXAMPLE.com/Path", "https://example.com/Path"),
        ("https://10.0.0.7", "https://10.0.0.7"),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443/x"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80/p", "http://[::1]:80/p"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://LOCALHOST", "http://localhost"),
    ],
)
def test_base_url(text, url):
    assert base_url({} if text is None else {"GOOGLE_GEMINI_BASE_URL": text}) == url


@pytest.mark.parametrize(
    "text",
    [
        "http://example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::ffff:127.0.0.1]",
        "http://127.1",
        "http://2130706433",
        "http://localhost@example.com",
        "https://user:secret@example.com",
        "https://secret@example.com",
        "https://example.com?key=secret",
        "https://example.com/?",
        "https://example.com/#secret",
        "https://example.com#",
        "ftp://example.com",
        "example.com",
        "//example.com",
        "https://",
        "https:///path",
        "https://example.com:0",
        "https://example.com:99999",
        "https://example.com:x",
        "https://exa mple.com",
        "https://example.com/a b",
        "https://example.com/../x",
        "https://example.com/./x",
        "https://example.com/%2e%2e/x",
        "https://example.com//x",
        "https://example.com\\@evil.com",
        "https://exämple.com",
        "https://example.com/\x01",
        "https://exam\tple.com",
        "https://[::1",
        "https://[::1%25eth0]",
        "https://-example.com",
        "https://example.com-",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://a_b.com",
    ],
)
def test_what_the_key_is_not_sent_to(text):
    with pytest.raises(GemctlError) as caught:
        base_url({"GOOGLE_GEMINI_BASE_URL": text})
    assert caught.value.code == "E314"
    assert caught.value.hint
    assert "secret" not in str(caught.value)


@patient
@given(st.text(max_size=40))
def test_any_base_url_is_taken_or_refused(text):
    try:
        url = base_url({"GOOGLE_GEMINI_BASE_URL": text})
    except GemctlError as error:
        assert error.code == "E314"
    else:
        host = urllib.parse.urlsplit(url).hostname
        assert url.startswith("https://") or is_loopback(host)


def test_secrets_are_taken_out_whatever_form_they_are_in():
    secret = "one\ttwo/+three"
    forms = (
        secret,
        "one two/+three",
        urllib.parse.quote(secret),
        urllib.parse.quote(secret, safe=""),
        json.dumps(secret)[1:-1],
    )
    for form in forms:
        assert redact_all(f"<{form}>", [secret]) == f"<{HIDDEN}>", form
    encoded = base64.b64encode(secret.encode()).decode()
    assert redact_all(encoded, [secret]) == f"{HIDDEN}U="  # the last group has bits of what follows
    several = "-----BEGIN KEY-----\nabcdefghijkl\nxy\n"
    assert redact_all("it says abcdefghijkl.", [several]) == f"it says {HIDDEN}."
    assert redact_all("xy", [several]) == "xy"  # a short line is an ordinary word
    assert redact_all("nothing here", []) == "nothing here" == redact_all("nothing here", [""])
    assert redact_all("abcdef", ["abc", "abcdef"]) == HIDDEN
