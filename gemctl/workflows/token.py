"""Mints ephemeral tokens by a policy that was applied. At most once each: what is lost is never asked for again.

A token can neither be read back nor revoked, so the order is what makes it safe:

  can the sink take it?   before anything is sent, since a token that nobody got lives all the same
  what time is it?        one harmless read, so that ends are counted by the service's clock
  the intent, durable     with the instant until which a token that nobody heard of may live
  POST, once              refused: the intent is closed. No trustworthy answer: it stays open until that instant
  the record, durable     the digest of the value, never the value
  the value to the sink   also when the record could not be written: then the intent stays open, which says too much
                          rather than too little, and nothing more is minted

A kill between record and hand-over loses a value that is recorded; one before the record leaves an open intent. In
neither case is a value handed out twice, and `gemctl state list` shows until when it may be in use.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from gemctl.core.address import Address
from gemctl.core.call import Call, put
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.errors import ApiError, GemctlError, Rejected, StateError, Unknown, Usage
from gemctl.core.moment import show_instant
from gemctl.core.record import Closed, Entry, Intended, Intent, Ledger, Minted, MintedToken, Op, fold, forget_ended
from gemctl.core.resource import Desired, Resource
from gemctl.core.source import Span
from gemctl.engine.execute import Stopping
from gemctl.engine.explain import place, told
from gemctl.files.attached import read_text
from gemctl.kinds.token_policy import API_VERSION, TokenPolicyKind, ends, mint, uses, value_of
from gemctl.outputs.sinks import Sink, Value
from gemctl.state.store import Loaded
from gemctl.workflows.ledger import rebuild
from gemctl.workflows.look import unknown_tokens
from gemctl.workflows.wiring import Line, Session, check_identity, identity, key_changed, load_state

_SECRET = re.compile(r"auth_tokens/[^\s\"'<>]+")


@dataclass(frozen=True, slots=True)
class Minting:
    """What came of it. `made` are the tokens that were minted, handed over or not; `asked` how many were wanted."""

    asked: int
    made: tuple[MintedToken, ...]
    problems: tuple[Diagnostic, ...]
    stopped_by: int | None = None

    @property
    def failed(self) -> bool:
        return bool(errors(self.problems))

    @property
    def partial(self) -> bool:
        """Something may have come of it all the same."""
        return self.failed and (bool(self.made) or any(found.code == "E543" for found in self.problems))


def policy(desired: Desired, name: str) -> Resource:
    """The declared policy that is called so; `TokenPolicy/name` is taken too. Raises Usage."""
    kind = TokenPolicyKind.name
    address = Address(kind, name.removeprefix(f"{kind}/"))
    if address not in desired.resources:
        known = [each.name for each in sorted(desired.resources) if each.kind == kind]
        hint = f"Declared: {', '.join(known)}." if known else f"Declare a {kind} first."
        raise Usage(f"No {kind} is called {address.name}.", code="E004", hint=hint)
    return desired.resources[address]


def mint_tokens(
    session: Session,
    line: Line,
    desired: Desired,
    resource: Resource,
    sink: Sink,
    *,
    count: int,
    unapplied: bool,
    stopping: Stopping,
    tell: Callable[[MintedToken], None],
) -> Minting:
    """Mint `count` tokens, one after another, until one fails. The caller holds the lock.

    unapplied   take the policy as it is declared, whether it was applied or not.
    tell        called for each token that was handed over.

    Raises GemctlError or OSError while nothing has been minted: the policy is not applied, the sink can't take a token,
    or the service can't be reached. What goes wrong later is in the result.
    """
    loaded = _loaded(session, line)
    if not unapplied and (found := _unapplied(resource, loaded.ledger)):
        raise Rejected([found])
    sink.prepare()
    try:
        if loaded.identity is None:  # nothing may be taken for a known state before the marks were looked at
            rebuild(session, line, desired)
            loaded = _loaded(session, line)
        return _Mint(session, line, desired, resource, sink, loaded, stopping, tell).run(count)
    finally:
        sink.close()


def _loaded(session: Session, line: Line) -> Loaded:
    loaded = load_state(session)
    check_identity(loaded, identity(session, line, loaded.identity), session.store.place)
    if loaded.identity is not None and not loaded.ledger.known:
        raise StateError(
            "The journal is damaged, and an intent may be missing from it.",
            code="E403",
            hint="Run `gemctl apply`, which waits for what may be under way, or `gemctl state rebuild`.",
        )
    return loaded


def _unapplied(resource: Resource, ledger: Ledger) -> Diagnostic | None:
    record = ledger.records.get(resource.address)
    if record is not None and record.spec == resource.spec_tag:
        return None
    why = "was never applied" if record is None else "was changed since it was applied"
    return problem(
        "E540",
        f"{resource.address} {why}, so that nobody has seen a plan of it. Nothing was minted.",
        span=resource.positions.value(("metadata", "name")),
        address=resource.address,
        hint="Run `gemctl apply` first, or give --unapplied to mint by it as it is declared.",
    )


class _Mint:
    """One run. Every entry is durable before what it makes safe."""

    def __init__(
        self,
        session: Session,
        line: Line,
        desired: Desired,
        resource: Resource,
        sink: Sink,
        loaded: Loaded,
        stopping: Stopping,
        tell: Callable[[MintedToken], None],
    ) -> None:
        self._session, self._line, self._desired, self._resource = session, line, desired, resource
        self._sink, self._loaded, self._stopping, self._tell = sink, loaded, stopping, tell
        self._kind = session.catalogue[resource.address.kind]
        self._client = line.new_client()
        self._journal: list[Entry] = []
        self._made: list[MintedToken] = []
        self._problems: list[Diagnostic] = []

    def run(self, count: int) -> Minting:
        session, loaded = self._session, self._loaded
        assert loaded.identity is not None
        try:
            self._ask_the_time()
            now = self._line.server_now()
            before = (*self._warnings(), *unknown_tokens(loaded.ledger, now))
            session.store.begin(loaded.identity, loaded.ledger)
            for _ in range(count):
                if self._stopping.signal is not None or not self._one():
                    break
        finally:
            self._client.close()
        ledger = forget_ended(fold(loaded.ledger, self._journal), self._line.server_now())
        try:
            session.store.finish(loaded.identity, ledger)
        except OSError as error:
            detail = f"Everything is in the journal, and is folded into the next snapshot; this one failed: {error}."
            self._problems.append(problem("W402", detail))
        if errors(self._problems) and count > 1:
            first, *rest = self._problems
            made = f"{len(self._made)} of {count} tokens were minted." if self._made else "No token was minted."
            self._problems = [replace(first, detail=f"{first.detail} {made}"), *rest]
        stopped_by = self._stopping.signal if len(self._made) < count else None
        return Minting(count, tuple(self._made), (*before, *self._problems), stopped_by)

    def _ask_the_time(self) -> None:
        """Ends are counted by the service's clock, and before any answer only this machine's is known."""
        self._client.perform(Call("GET", "models", query=(("pageSize", "1"),), version=API_VERSION))

    def _warnings(self) -> tuple[Diagnostic, ...]:
        found = (*self._line.warnings(), *self._loaded.warnings)
        if key_changed(self._loaded, self._line):
            found = (*found, problem("W502", "The API key is not the one that was used last."))
        return found

    def _one(self) -> bool:
        """One token. False when the next is not to be tried."""
        resource, fields = self._resource, self._resource.declared.fields
        now = self._line.server_now().replace(microsecond=0)  # people read the ends that are counted from it
        expires, opens = ends(fields, now)
        try:
            call = self._filled(mint(resource.declared, now))
        except GemctlError as error:
            return self._fail(error.code, f"{error} It was not sent.", error.hint)
        intent = Intent(
            id=secrets.token_hex(6),
            op=Op.MINT,
            address=resource.address,
            at=now,
            spec=resource.spec_tag,
            deadline=expires,
        )
        try:
            self._append(Intended(intent))
        except OSError as error:
            return self._fail("E521", f"What was about to be minted could not be written down: {error}.", None)
        value = self._send(call, intent)
        if value is None:
            return False
        token = MintedToken(value.digest, now, expires, opens, uses(fields))
        self._made.append(token)
        unwritten: OSError | None = None
        try:
            self._append(Minted(resource.address, token, intent.id))
        except OSError as error:
            unwritten = error
        try:
            self._sink.take(value, token)
        except (OSError, GemctlError) as error:
            self._fail("E542", f"{_said(error)} The token was minted, and lives until {show_instant(expires)}.", _LIVES)
        else:
            self._tell(token)
        if unwritten is not None:
            detail = f"A token was minted and handed over, but that could not be written down: {unwritten}."
            return self._fail("E521", detail, "Until it expires it counts as one that nobody heard of. Make room.")
        return not errors(self._problems)

    def _send(self, call: Call, intent: Intent) -> Value | None:
        """The token, or None and the reason among the problems."""
        try:
            return Value(value_of(self._client.perform(call).body))
        except Unknown as error:
            self._lost(intent, told(error))
        except ApiError as error:
            why = f"refused: {error.status}" if error.status else "not sent"
            try:
                self._append(Closed(intent.id, why))
            except OSError as unwritten:
                detail = f"No token was minted, but that could not be written down: {unwritten}."
                self._fail("E521", detail, "Until then it counts as one that nobody heard of. Make room.")
            self._fail(error.code, told(error), error.hint, place(self._resource, self._kind, call, error))
        except (TypeError, ValueError) as error:
            self._lost(intent, f"It was answered, but not as the API would answer: {error}")
        return None

    def _lost(self, intent: Intent, why: str) -> None:
        until = show_instant(intent.deadline or intent.at)
        detail = f"{why.rstrip('.')}. One unknown token may live until {until}."
        self._fail(
            "E543", detail, "It is not asked for again by itself, and can't be revoked. To mint is to make another."
        )

    def _fail(self, code: str, detail: str, hint: str | None, at: Span | None = None) -> bool:
        """`at` is what it is about in the policy's manifest, if not the policy as a whole."""
        detail = _SECRET.sub("auth_tokens/…", detail)
        span = at or self._resource.positions.value(("metadata", "name"))
        self._problems.append(problem(code, detail, span=span, address=self._resource.address, hint=hint))
        return False

    def _append(self, *entries: Entry) -> None:
        self._session.store.append(entries)
        self._journal.extend(entries)

    def _filled(self, call: Call) -> Call:
        """The call with its texts put back in. Raises Stale when a file is no longer what it was a moment ago."""
        body = call.body
        for fill in call.fills:
            text = read_text(str(self._session.root), self._desired.attachments[fill.digest])
            body = put(body, fill.at, text)
        return replace(call, body=body, fills=())


_LIVES = "It can't be revoked: whoever got hold of it can use it until then."


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, GemctlError):
        where = f"{error.filename}: " if error.filename else ""
        return f"It could not be handed over: {where}{error.strerror or error}."
    return str(error)
