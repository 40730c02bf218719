"""Warns, by the book of facts, of models that end, that another one replaces, or that can't do what is asked of them.

Of dates and methods it only warns: announced dates have moved before, and the service has the last word (listed.py).
Of what closes every session of the Live API no list says anything: where the service was seen to refuse it, it is an
error, which the project's own facts can lift. Called by workflows/facts.py for validate, plan and watch; `turns` by
workflows/money.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType

from gemctl.core.book import Book, ModelFacts
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.moment import show_instant
from gemctl.core.quantities import Feature, ModelUse
from gemctl.core.resource import Desired, Resource
from gemctl.core.source import Path
from gemctl.schema.spelling import closest

_CACHE = "createCachedContent"
_CANNOT = {
    _CACHE: "takes no explicit caches",
    "batchGenerateContent": "runs no batch jobs",
    "asyncBatchEmbedContent": "makes no vectors in batch jobs",
    "bidiGenerateContent": "has no Live API",
    "generateContent": "does not answer requests of generateContent",
}
# What is said of a model that doesn't have the feature, and what to do.
_WITHOUT: Mapping[Feature, tuple[str, str]] = MappingProxyType(
    {
        Feature.TEXT_OUTPUT: (
            "{model} only speaks, and closes sessions that are to answer with text.",
            "Write [AUDIO]; `outputAudioTranscription: {}` in config gives what it says as text.",
        ),
        Feature.THINKING_LEVEL: ("{model} has no thinkingLevel.", "Remove it."),
        Feature.AFFECTIVE_DIALOG: ("{model} has no affective dialog: the field was removed for it.", "Remove it."),
        Feature.PROACTIVITY: ("{model} has no proactivity.", "Remove it."),
        Feature.PROACTIVE_AUDIO_OFF: (
            "{model} always chooses itself what it answers, and refuses to have that turned off.",
            "Remove it.",
        ),
        Feature.BLOCKING_FUNCTIONS: (
            "{model} goes on talking while functions are called, and knows no others.",
            "Write behavior: NON_BLOCKING.",
        ),
        Feature.LOCKED_INSTRUCTION: (
            "The service mints no token with systemInstruction among the fields that a mask locks.",
            "Remove lockAdditionalFields: then everything is locked, systemInstruction as well.",
        ),
    }
)


def warnings(desired: Desired, book: Book, now: datetime, notice: timedelta) -> tuple[Diagnostic, ...]:
    """What the book says against the models of the declared resources, as of `now`; what happens within `notice` is
    said ahead.
    """
    found: list[Diagnostic] = []
    fine: set[tuple[object, ...]] = set()  # uses of which nothing is said, whatever they are for
    least: dict[str, int] = {}
    for _, resource in sorted(desired.resources.items()):
        if not (use := resource.declared.model):
            continue
        alike = (use.model, use.method, use.features, use.settled)
        if alike not in fine:
            said = tuple(_about(resource, use, book, now, notice))
            found += said
            if not said:
                fine.add(alike)
        if use.model not in least:
            least[use.model] = _least(use.model, book, now)
        if least[use.model] and use.method == _CACHE:
            found += _too_few(resource, use, least[use.model])
    return tuple(found)


def cannot(method: str) -> str:
    """What a model does not do that lacks this method."""
    return _CANNOT.get(method, f"does not support {method}")


def _about(resource: Resource, use: ModelUse, book: Book, now: datetime, notice: timedelta) -> Iterator[Diagnostic]:
    for feature, at in use.features:
        if feature in book.refuses:
            yield _without("E287", feature, resource, use.model, at)
    facts = book.find(use.model)
    if facts is None:
        fit = [name for name in (*book.models, *book.aliases) if (one := book.find(name)) and one.supports(use.method)]
        near = closest(use.model, fit)
        hint = f"Did you mean {near}?" if near else "`gemctl models` lists those that are known."
        yield _said("W242", f"Nothing is known of {use.model}.", resource, use.at, hint)
        return
    yield from _dates(resource, use, facts, book, now, notice)
    answering = book.billed(use.model, now) or facts
    over = facts.ends is not None and facts.ends <= now
    if not over:
        yield from _features(resource, use, answering)
    if answering.supports(use.method) is False and not over:
        why = f"{answering.name} {cannot(use.method)}"
        itself = use.method == _CACHE and answering.implicit is not None
        why += "; the service caches its long prompts by itself." if itself else "."
        yield _said("W243", why, resource, use.at, instead_of(use.method, book, now))


def _least(model: str, book: Book, now: datetime) -> int:
    """The fewest tokens of a cache for this model; 0 where that isn't known."""
    answering = book.billed(model, now) or book.find(model)
    return answering.least_cached[0] if answering and answering.least_cached else 0


def _too_few(resource: Resource, use: ModelUse, least: int) -> Iterator[Diagnostic]:
    """What a cache stores is less than the service takes."""
    stored, media = resource.declared.quantities.stored, resource.declared.quantities.media
    if stored.likely < least and stored.high and not any(one.count for one in media):
        about = "" if stored.exact else "about "
        said = f"There are {about}{stored.likely:,} tokens; for {use.model} the service takes {least:,} or more."
        yield _said("W201", said, resource, _inputs(resource, use))


def _features(resource: Resource, use: ModelUse, answering: ModelFacts) -> Iterator[Diagnostic]:
    """What is asked of it in a session of the Live API and closes it, or has no effect."""
    for feature, at in use.features:
        if feature in answering.refuses:
            code = "E288" if feature is Feature.TEXT_OUTPUT else "E289"
            yield _without(code, feature, resource, answering.name, at)
        elif feature in answering.lacks:
            yield _without("W579", feature, resource, answering.name, at)
    if use.settled and Feature.THINKING_LEVEL in answering.needs - {feature for feature, _ in use.features}:
        hint = "Write `thinkingConfig: {thinkingLevel: low}` in config, or another level."
        said = f"{answering.name} opens no session without a thinkingLevel."
        yield _said("E289", said, resource, use.at, hint)


def _without(code: str, feature: Feature, resource: Resource, model: str, at: Path) -> Diagnostic:
    detail, hint = _WITHOUT[feature]
    return _said(code, detail.format(model=model), resource, at, hint)


def _dates(
    resource: Resource, use: ModelUse, facts: ModelFacts, book: Book, now: datetime, notice: timedelta
) -> Iterator[Diagnostic]:
    """Ends and redirects that have come, or come soon."""
    instead = f"Use {facts.instead}." if facts.instead else None
    if facts.ends and facts.ends <= now:
        yield _said("W210", f"{facts.name} was switched off on {_day(facts.ends)}.", resource, use.at, instead)
    elif facts.ends and facts.ends <= now + notice:
        what = f"{facts.name} ends on {_day(facts.ends)}, in {_days(facts.ends - now)}: then requests for it fail."
        yield _said("W240", what, resource, use.at, instead)
    turn = facts.redirect
    if turn is None or turn.at > now + notice:
        return
    to = book.billed(use.model, now) if turn.at <= now else book.find(turn.to)
    if turn.at <= now and to and to.ends and to.ends <= now:
        said = f"{to.name}, which answered requests for {facts.name}, was switched off on {_day(to.ends)}."
        yield _said("W210", said, resource, use.at, f"Use {to.instead}." if to.instead else None)
        return
    loses = to is not None and to.supports(use.method) is False
    then = f"{turn.to} answers requests for {facts.name}, at its own prices"
    then = f"Since {_day(turn.at)} {then}." if turn.at <= now else f"From {_day(turn.at)} on {then}."
    hint = f"Write model: {turn.to}, or another one, when it suits you: a cache works with its own model only."
    if loses:
        then, hint = (
            f"{then} It {cannot(use.method)}.",
            f"{turn.to} is no replacement; `gemctl models` has others.",
        )
    yield _said("W241", then, resource, use.at, hint)


def instead_of(method: str, book: Book, now: datetime, among: Collection[str] | None = None) -> str | None:
    """A hint at the newest models that support a method, `among` those of the service where these are known."""
    able = [
        one
        for one in book.models.values()
        if one.supports(method) and not (one.ends and one.ends <= now) and not one.redirect
        if (one.released or date.min) <= now.date() and (among is None or one.name in among)
    ]
    newest = sorted(able, key=lambda one: (one.released or date.min, one.name), reverse=True)[:2]
    return f"Use {' or '.join(one.name for one in newest)}." if newest else None


def _inputs(resource: Resource, use: ModelUse) -> Path:
    """The field of the spec with what is stored; that of the model where there is no text."""
    attached = resource.declared.attachments
    return resource.declared.written(attached[-1].at)[:1] if attached else use.at


def _said(code: str, detail: str, resource: Resource, at: Path, hint: str | None = None) -> Diagnostic:
    span = resource.positions.value(("spec", *at))
    return problem(code, detail, span=span, address=resource.job, hint=hint)


def _day(instant: datetime) -> str:
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    return instant.date().isoformat() if instant == midnight else show_instant(instant)


def _days(left: timedelta) -> str:
    days = left.days + (left.seconds > 0)
    return "a day" if days == 1 else f"{days} days"


def turns(desired: Iterable[Resource], book: Book, now: datetime) -> datetime | None:
    """When the next of these resources' models ends or is replaced; None for never, as far as is known."""
    models = {resource.declared.model.model for resource in desired if resource.declared.model}
    found = [
        at
        for model in models
        if (facts := book.find(model))
        for at in (facts.ends, facts.redirect.at if facts.redirect else None)
        if at and at > now
    ]
    return min(found, default=None)
