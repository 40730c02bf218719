"""Keys from a keyring: the library's own, with backends of ours in it."""

from __future__ import annotations

import sys
import threading

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import InitError, KeyringLocked

from gemctl.api.keyring import read_keyring
from gemctl.core.errors import GemctlError
from gemctl.core.extras import how_to_install


class Backend(KeyringBackend):
    """A keyring that says what it is told to."""

    priority = 1

    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.asked = []

    def get_password(self, service, username):
        self.asked.append((service, username))
        return self.answer()

    def set_password(self, service, username, password):
        raise AssertionError("gemctl writes nothing there")

    delete_password = set_password


def _raise(error):
    raise error


@pytest.fixture
def use(monkeypatch):
    def use_(backend):
        monkeypatch.setattr(keyring.core, "_keyring_backend", backend)
        return backend

    return use_


def test_the_entry_is_service_and_user(use):
    backend = use(Backend(lambda: "k3y"))
    assert read_keyring("gemctl/prod") == "k3y"
    assert read_keyring("gemctl-desk/ada@example.com") == "k3y"
    assert backend.asked == [("gemctl", "prod"), ("gemctl-desk", "ada@example.com")]


@pytest.mark.parametrize("entry", ["login/ada", "gemctl", "gemctl/", "gemctlx/a", "gemctl/a/b", "gemctl/a\n", "/a"])
def test_secrets_of_others_are_not_asked_for(use, entry):
    backend = use(Backend(lambda: "secret"))
    with pytest.raises(GemctlError) as caught:
        read_keyring(entry)
    assert (caught.value.code, backend.asked) == ("E311", [])


@pytest.mark.parametrize("answer", [None, ""])
def test_no_entry_says_how_to_make_it(use, answer):
    use(Backend(lambda: answer))
    with pytest.raises(GemctlError, match="no entry gemctl/prod") as caught:
        read_keyring("gemctl/prod")
    assert (caught.value.code, caught.value.hint) == ("E319", "Put the key there: keyring set gemctl prod")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyringLocked("the secret is hunter2"), "locked"),
        (InitError("the secret is hunter2"), "locked"),
        (OSError("the secret is hunter2"), "OSError"),
        (ModuleNotFoundError("no hunter2", name="backend_of_a_user"), "ModuleNotFoundError"),
    ],
)
def test_a_keyring_that_fails_is_not_quoted(use, error, said):
    use(Backend(lambda: _raise(error)))
    with pytest.raises(GemctlError, match=said) as caught:
        read_keyring("gemctl/prod")
    assert caught.value.code == "E318"
    assert caught.value.hint
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.__suppress_context__  # nor by what is printed of its cause


def test_a_machine_without_a_keyring(use):
    use(fail.Keyring())
    with pytest.raises(GemctlError, match="can't be had") as caught:
        read_keyring("gemctl/prod")
    assert "apiKey: {env: …}" in caught.value.hint


def test_a_backend_that_is_not_installed(use, monkeypatch):
    use(None)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "nowhere.Keyring")
    with pytest.raises(GemctlError, match="ModuleNotFoundError") as caught:
        read_keyring("gemctl/prod")
    assert caught.value.code == "E318"


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(GemctlError) as caught:
        read_keyring("gemctl/prod")
    assert (caught.value.code, caught.value.hint) == ("E318", how_to_install("keyring"))


def test_a_window_that_nobody_sees_is_not_waited_for(use):
    somebody = threading.Event()
    use(Backend(somebody.wait))
    try:
        with pytest.raises(GemctlError, match="did not answer") as caught:
            read_keyring("gemctl/prod", timeout=0.05)
        assert caught.value.code == "E318"
    finally:
        somebody.set()
