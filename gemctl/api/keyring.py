"""Asks the keyring of the user's desktop for a key (the extra `gemctl[keyring]`). Called by auth.py, and by
workflows/secrets.py.

A keyring holds other secrets too, and a project file, which names the entry, may come from a pull request. So entries
are gemctl's own or none: their service is `gemctl`, or begins with `gemctl-`.
"""

from __future__ import annotations

import re
import threading

from gemctl.core.errors import GemctlError
from gemctl.core.extras import how_to_install

KEYRING_TIMEOUT = 60.0  # seconds: time for a person to type a password into a window

_ENTRY = re.compile(r"(gemctl(?:-[a-z0-9-]{1,32})?)/([A-Za-z0-9][A-Za-z0-9._@-]{0,63})", re.ASCII)


def read_keyring(
    entry: str, *, timeout: float = KEYRING_TIMEOUT, what: str = "key", instead: str = "apiKey: {env: …}"
) -> str:
    """The key, or another secret, under `service/user`, such as `gemctl/prod`.

    `what` is the word for it in messages; `instead` is what a person may write in place of the entry.

    The library is asked in a thread of its own, which is left behind when it takes too long: there may be a window
    that waits for a person, on a machine where none is. Of a failure only the type is told, as messages of keyrings
    may quote anything. Raises GemctlError: E311 not an entry of gemctl's, E318 no keyring that answers, E319 no such
    entry in it.
    """
    found = _ENTRY.fullmatch(entry)
    if not found:
        raise GemctlError(
            "The stack's entry in the keyring isn't one for gemctl.",
            code="E311",
            hint="Write it as in apiKey: {keyring: gemctl/prod}.",
        )
    service, user = found.groups()
    answers: list[str | None] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            import keyring

            answers.append(keyring.get_password(service, user))
        except Exception as error:  # a backend may be any code
            failures.append(error)

    asking = threading.Thread(target=ask, name="keyring", daemon=True)
    asking.start()
    asking.join(timeout)
    for failure in failures:
        raise _failed(failure, what, instead) from None
    if not answers:
        hint = "It may be waiting in a window: unlock it there. Where there is no desktop, use a variable: {env: …}."
        raise GemctlError(f"The keyring did not answer for {timeout:.0f} seconds.", code="E318", hint=hint)
    if not answers[0]:
        hint = f"Put the {what} there: keyring set {service} {user}"
        raise GemctlError(f"The keyring has no entry {entry}.", code="E319", hint=hint)
    return answers[0]


def _failed(error: Exception, what: str, instead: str) -> GemctlError:
    if isinstance(error, ModuleNotFoundError) and error.name == "keyring":
        why, hint = "needs a library more", how_to_install("keyring")
    else:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if "NoKeyringError" in kinds:
            why = "can't be had: no keyring that gemctl could use is on this machine"
            hint = f"Run `keyring --list-backends` to see what there is, or use a variable: {instead}."
        elif kinds & {"KeyringLocked", "InitError"}:
            why, hint = "is locked, and was not unlocked", "Unlock it, and run this again."
        else:
            why = f"can't be read ({type(error).__name__})"
            hint = f"Run `keyring diagnose`, or use a variable: {instead}."
    return GemctlError(f"A {what} from the keyring {why}.", code="E318", hint=hint)
