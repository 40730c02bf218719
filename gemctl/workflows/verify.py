"""Tries a token of a policy: opens sessions with it, and reports what it does. Called by `gemctl token verify`.

A token can't be looked at, and each session spends a use. So a token is minted for it, as `gemctl token mint` does, and
never leaves this process. What is asked for, and what follows from it, is decided in live_probe.py:

  --say, or nothing to try   the policy's own model is named, so that nothing can keep it from answering
  otherwise                  the first session names a model that doesn't exist; where that is refused, another follows
  at last                    one connect more than the policy has uses, where all of them are spent by then

A connect that is refused is taken to spend no use: where that is wrong, the report says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gemctl.api.live import LiveSession, Opener, SessionEnded, is_own_fault, meaning
from gemctl.core.book import Book
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError, Refused, Usage
from gemctl.core.frozen import dataclass
from gemctl.core.live_session import Checked, LiveAnswer, TokenTrial, Tried
from gemctl.core.moment import show_instant
from gemctl.core.quantities import Feature
from gemctl.core.record import MintedToken
from gemctl.core.resource import Desired, Resource
from gemctl.core.secret import Secret
from gemctl.cost.spoken import spoken
from gemctl.engine.execute import Stopping
from gemctl.facts.check import instead_of
from gemctl.workflows.facts import book_of
from gemctl.workflows.live_probe import ELSEWHERE, MODEL, Promise, checks, heard, places, setup_for, turn
from gemctl.workflows.token import ACT, Minting, mint_tokens
from gemctl.workflows.wiring import Connection, Session

_OPENING = 10.0  # seconds until a setup is answered
_TAKES_NO_HEADER = ("unregistered callers", "invalid authentication credentials")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried.

    say       what the model is to answer, if anything. `within`: seconds that it has for that.
    model     the one to ask for, where the policy leaves that to clients.
    """

    say: str | None = None
    within: float = 30.0
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome, with the problems: what went wrong, and what is not as the policy says."""

    trial: TokenTrial
    problems: tuple[Diagnostic, ...] = ()
    stopped_by: int | None = None


class _Keep:
    """Keeps a minted token in this process."""

    def __init__(self) -> None:
        self.secret: Secret | None = None

    def prepare(self) -> None:
        pass

    def take(self, value: Secret, token: MintedToken) -> None:
        self.secret = value

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before anything is minted."""

    resource: Resource
    promise: Promise
    model: str
    version: str
    level: bool  # the model opens no session without a thinking level
    opener: Opener
    book: Book
    wanted: Wanted


def prepare(session: Session, connection: Connection, resource: Resource, wanted: Wanted, *, live: bool) -> Prepared:
    """Look whether it can be tried. Raises Usage where it would cost something and that was not allowed (`live`), or
    where no model is named; GemctlError where a library is missing.
    """
    if not (connection.here or live):
        raise Usage(
            f"{connection.endpoint} is the real service, and what is said there is paid for. Nothing was minted.",
            code="E009",
            hint="Give --live if that is meant; or try it on the emulator, with --stack or GOOGLE_GEMINI_BASE_URL.",
        )
    call = session.catalogue[resource.address.kind].acts[ACT].call(resource, None)
    promise = Promise.of(call.body or {})
    book, _ = book_of(session)
    now = connection.server_now()
    model = (wanted.model or promise.model).removeprefix("models/")
    if promise.model and wanted.model and promise.model.removeprefix("models/") != model:
        raise Usage(
            f"{resource.address} is for {promise.model.removeprefix('models/')}.",
            code="E009",
            hint="Leave out --model.",
        )
    if not model:
        hint = instead_of("bidiGenerateContent", book, now)
        raise Usage(
            f"{resource.address} names no model, so that clients choose one.",
            code="E009",
            hint=f"Name one with --model. {hint}" if hint else "Name one with --model.",
        )
    if connection.sessions is None:
        raise Usage("This endpoint opens no sessions.", code="E009")
    facts = book.billed(model, now)
    level = facts is not None and Feature.THINKING_LEVEL in facts.needs
    version = call.version or session.stack.api_version
    return Prepared(resource, promise, model, version, level, connection.sessions(), book, wanted)


def mint(
    session: Session,
    connection: Connection,
    desired: Desired,
    prepared: Prepared,
    *,
    unapplied: bool,
    stopping: Stopping,
) -> tuple[Minting, Secret | None]:
    """Mint the token. The caller holds the lock. Raises GemctlError while nothing has been minted."""
    keep = _Keep()
    minting = mint_tokens(
        session,
        connection,
        desired,
        prepared.resource,
        keep,
        count=1,
        unapplied=unapplied,
        stopping=stopping,
        tell=lambda _: None,
    )
    return minting, keep.secret


def verify(
    session: Session,
    connection: Connection,
    prepared: Prepared,
    minted: MintedToken,
    token: Secret,
    *,
    stopping: Stopping,
) -> Verification:
    """Open sessions with the token, and tell what came of it. Nothing is raised: the token lives in any case."""
    connects = _Connects(prepared, token, session, lambda: stopping.signal is not None)
    wrong: GemctlError | None = None
    try:
        connects.run()
    except GemctlError as error:
        wrong = error
    address, trial = prepared.resource.address, TokenTrial(minted, prepared.model, tuple(connects.tried))
    if wrong is not None:
        detail = f"{wrong} A token was minted, and lives until {show_instant(minted.expires)}."
        return Verification(trial, (problem("E546", detail, address=address, hint=wrong.hint),), stopping.signal)
    if stopping.signal is not None:
        return Verification(trial, (), stopping.signal)
    found = checks(prepared.promise, trial.tried, asked=prepared.wanted.say is not None)
    trial = replace(trial, checks=found)
    if (answer := trial.answer) and (answer.sent or answer.made):
        priced = spoken(prepared.book, prepared.model, answer.sent, answer.made, connection.server_now())
        trial = replace(trial, cost=priced.money, unpriced=priced.unpriced)
    return Verification(trial, tuple(_broken(prepared.resource, one) for one in trial.broken))


def _broken(resource: Resource, checked: Checked) -> Diagnostic:
    span = resource.positions.value(("spec", *places(checked)))
    detail = f"{checked.what}: {checked.said}."
    return problem("E545", detail, span=span, address=resource.address, hint=checked.hint or None)


class _Connects:
    """The connects with one token."""

    def __init__(self, prepared: Prepared, token: Secret, session: Session, stopping: Callable[[], bool]) -> None:
        self._prepared = prepared
        self._token = token
        self._clock = session.clock
        self._stopping = stopping
        self._in_url = False
        self.tried: list[Tried] = []

    def run(self) -> None:
        """Try what can be tried with the uses that the token has."""
        promise, say = self._prepared.promise, self._prepared.wanted.say
        elsewhere = promise.locks(MODEL) and say is None
        first = self._try(elsewhere=elsewhere, contrary=True)
        if first.code and any(stem in first.reason for stem in _TAKES_NO_HEADER):
            self._in_url = True
            first = self._try(elsewhere=elsewhere, contrary=True)
        if not first.opened and promise.setup is not None:
            self._try()
        if promise.locks(MODEL) and not elsewhere and self._opened and self._left:
            self._try(elsewhere=True, silent=True)
        if promise.uses and self._opened == promise.uses:
            self._try(silent=True)

    @property
    def _opened(self) -> int:
        return sum(one.opened for one in self.tried)

    @property
    def _left(self) -> bool:
        """Whether a use is left."""
        return not self._prepared.promise.uses or self._opened < self._prepared.promise.uses

    def _try(self, *, elsewhere: bool = False, contrary: bool = False, silent: bool = False) -> Tried:
        """One connect. Raises GemctlError where the service can't be reached, fails, or can't be understood."""
        one = Tried(ELSEWHERE if elsewhere else self._prepared.model, elsewhere, contrary, in_url=self._in_url)
        if self._stopping():
            return one
        place = len(self.tried)
        self.tried.append(one)
        try:
            with LiveSession.open(
                self._prepared.opener,
                self._prepared.version,
                self._token,
                self._clock,
                in_url=self._in_url,
                stopping=self._stopping,
            ) as session:
                session.send({"setup": setup_for(self._prepared.promise, one, level=self._prepared.level)})
                until = self._clock.monotonic() + _OPENING
                while not one.opened and (message := session.read(until)) is not None:
                    one = replace(one, opened="setupComplete" in message)
                if one.opened and self._prepared.wanted.say is not None and not silent:
                    one = replace(one, answer=LiveAnswer())
                    session.send(turn(self._prepared.wanted.say))
                    until = self._clock.monotonic() + self._prepared.wanted.within
                    while one.answer and not one.answer.whole and (message := session.read(until)) is not None:
                        one = replace(one, answer=_with(one.answer, message))
        except SessionEnded as ended:
            if is_own_fault(ended.end):
                said, hint = meaning(ended.end)
                words = f' "{ended.end.reason}"' if ended.end.reason else ""
                detail = f"A session was ended by a fault of the service: {said} ({ended.end.code}{words})."
                raise GemctlError(detail, code="E304", hint=hint or None) from None
            one = replace(one, code=ended.end.code, reason=ended.end.reason)
        self.tried[place] = one
        return one


def _with(answer: LiveAnswer, message: object) -> LiveAnswer:
    try:
        return heard(answer, message)  # type: ignore[arg-type]
    except (AttributeError, TypeError, ValueError):
        raise Refused("A message of the session is not of the API's shape.", code="E304") from None
