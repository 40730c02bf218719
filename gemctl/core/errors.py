"""Defines the exceptions of gemctl, by what the caller should do about them. Most rooms raise them; cli shows them.

    GemctlError
      Rejected            the user's text is wrong: many diagnostics, show them all
      Usage               the command line asks for something impossible (exit 64)
      Stale               a saved plan no longer fits what is there (exit 4)
      StateError          the ledger can't be used as it is (exit 6)
        Locked            another run holds the lock (exit 3)
      ApiError            the service, or the way to it
        Temporary         may work later; repeatable calls were already retried
        Refused           the service said no and meant it; sending again won't help
        Unknown           sent, and it may have taken effect or not; never sent again blindly

    Interrupted           the user asked to stop before anything was decided

Interrupted is no GemctlError, and not even an Exception: it may come at any instruction, and passes through all that
makes a message of whatever is raised below. Any other exception is a bug of gemctl; cli/main.py says so without a
traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass


class GemctlError(Exception):
    """The root. `hint` is the way out, in a sentence, or None."""

    def __init__(self, message: str, *, code: str = "E001", hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


class Rejected(GemctlError):
    """A stage found mistakes in the user's text; all of them at once."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(d.summary for d in self.diagnostics))


class Usage(GemctlError):
    """The command line asks for something impossible."""


class Stale(GemctlError):
    """A plan that was made earlier no longer fits the state, the files, the live objects or the clock."""


class StateError(GemctlError):
    """The state is damaged, foreign, older than its journal, or newer than this gemctl."""


class Locked(StateError):
    """Another run holds the lock of this stack."""


class Interrupted(BaseException):
    """A signal arrived while gemctl was only looking or waiting; nothing was changed."""

    def __init__(self, signal_number: int) -> None:
        super().__init__("Interrupted.")
        self.signal_number = signal_number


@dataclass(frozen=True, slots=True)
class Violation:
    """One entry of google.rpc.BadRequest: the API's path of a field, and what is wrong with it."""

    field: str
    description: str


class ApiError(GemctlError):
    """A call that did not succeed. `status` is the HTTP status, 0 when no answer came. `no_room` are the words of a
    service that has no room for it now, 429 RESOURCE_EXHAUSTED; "" for any other failure. `left` is the live name of
    what an operation left behind that came to nothing, where it leaves something.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        reason: str = "",
        violations: tuple[Violation, ...] = (),
        no_room: str = "",
        left: str = "",
        code: str = "E301",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.left = left
        self.status = status
        self.reason = reason
        self.violations = violations
        self.no_room = no_room

    @property
    def missing(self) -> bool:
        """403 and 404 both mean "not there, or not yours" for caches; only a complete list can tell."""
        return self.status in (403, 404)

    def reworded(self, change: Callable[[str], str]) -> ApiError:
        """The same failure in other words: `change` is made to every text of it."""
        violations = tuple(Violation(change(one.field), change(one.description)) for one in self.violations)
        return type(self)(
            change(str(self)),
            status=self.status,
            reason=change(self.reason),
            violations=violations,
            no_room=change(self.no_room),
            left=self.left,
            code=self.code,
            hint=None if self.hint is None else change(self.hint),
        )


class Temporary(ApiError):
    """The service can't answer now: rate limits, overload, a connection that never opened."""


class Refused(ApiError):
    """The service said no, and asking again won't change it."""


class Unknown(ApiError):
    """The request left, and no trustworthy answer came back."""
