"""Digests of secrets: they are for ever, and say nothing about each other."""

from __future__ import annotations

from gemctl.core.secret import UNSEEN, Secret, keyed


def test_a_keyed_digest_is_for_ever():
    """With another one all secrets of all users would be sent again."""
    assert UNSEEN == "secret"
    assert keyed("hunter2", "00112233445566ff", "Credential/crm token") == GOLDEN


GOLDEN = "scrypt:3cf074a790be0b6445a38ab31027566c"


def test_the_same_value_elsewhere_has_another_one():
    found = {keyed("v", salt, whose) for salt in ("a", "b") for whose in ("Credential/a token", "Credential/a value")}
    assert len(found) == 4
    assert keyed("v", "a", "b") != keyed("w", "a", "b")
    assert keyed("\ud800", "a", "b").startswith("scrypt:")


def test_a_secret_shows_its_digest_only():
    assert "hunter2" not in repr(Secret("hunter2")) and Secret("hunter2").reveal() == "hunter2"
