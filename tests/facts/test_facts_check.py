"""What the book of facts says against models, as of a day; and where the service's own list says otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gemctl.core.address import Address
from gemctl.core.errors import Refused
from gemctl.core.quantities import Media, Medium, ModelUse, Quantities, Tokens
from gemctl.core.resource import Declared, Desired, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.facts.check import turns, warnings
from gemctl.facts.listed import compare, entry
from gemctl.workflows.facts import listed as models_listed
from gemctl.workflows.facts import shipped

BOOK = shipped()
MONTH = timedelta(days=30)
CACHE, BATCH, EMBED, LIVE = (
    "createCachedContent",
    "batchGenerateContent",
    "asyncBatchEmbedContent",
    "bidiGenerateContent",
)


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def using(model: str, method: str = CACHE, stored: int = 5_000, media: tuple[Media, ...] = ()) -> Resource:
    quantities = Quantities(stored=Tokens.about(stored), media=media)
    declared = Declared({"model": f"models/{model}"}, quantities=quantities, model=ModelUse(model, method, ("model",)))
    positions = Positions(Span("a.yaml", 1, 1, 1, 1))
    return Resource(Address("CachedContent", model), declared, Lifecycle(), (), {}, {}, positions)


def said(model: str, method: str, day: str, notice: timedelta = MONTH) -> list[tuple[str, str, str | None]]:
    one = using(model, method)
    found = warnings(Desired({one.address: one}), BOOK, on(day), notice)
    return [(one.code, one.detail, one.hint) for one in found]


PRO = "gemini-3.8-flash answers requests for gemini-2.5-pro, at its own prices."
OWN = "Write model: gemini-3.8-flash, or another one, when it suits you: a cache works with its own model only."


@pytest.mark.parametrize(
    ("model", "method", "day", "expected"),
    [
        ("gemini-3.8-flash", CACHE, "2026-11-28", []),
        ("gemini-3.8-flash", BATCH, "2027-06-01", []),
        ("gemini-flash-latest", CACHE, "2026-11-28", []),
        ("gemini-3.8-live", LIVE, "2026-11-28", []),
        ("gemini-2.5-pro", CACHE, "2026-10-31", []),
        ("gemini-2.5-pro", CACHE, "2026-11-28", [("W241", f"From 2026-12-01 on {PRO}", OWN)]),
        ("gemini-2.5-pro", CACHE, "2026-12-01", [("W241", f"Since 2026-12-01 {PRO}", OWN)]),
        (
            "gemini-3.1-flash-lite",
            BATCH,
            "2027-05-01",
            [
                (
                    "W240",
                    "gemini-3.1-flash-lite ends on 2027-05-07, in 6 days: then requests for it fail.",
                    "Use gemini-3.5-flash-lite.",
                )
            ],
        ),
        (
            "gemini-3.1-flash-lite",
            BATCH,
            "2027-05-07",
            [("W210", "gemini-3.1-flash-lite was switched off on 2027-05-07.", "Use gemini-3.5-flash-lite.")],
        ),
        (
            "gemini-live-2.5-flash-preview",
            LIVE,
            "2026-11-28",
            [("W210", "gemini-live-2.5-flash-preview was switched off on 2025-12-09.", "Use gemini-3.8-live.")],
        ),
        (
            "gemini-4-argon",
            CACHE,
            "2026-11-28",
            [
                (
                    "W243",
                    "gemini-4-argon takes no explicit caches; the service caches its long prompts by itself.",
                    "Use gemini-3.8-flash or gemini-3.6-flash.",
                )
            ],
        ),
        ("gemini-4-argon", BATCH, "2026-11-28", []),
        (
            "gemini-3.8-live",
            BATCH,
            "2026-11-28",
            [("W243", "gemini-3.8-live runs no batch jobs.", "Use gemini-4-neon or gemini-4-hydrogen.")],
        ),
        (
            "gemini-3.8-flash",
            LIVE,
            "2026-11-28",
            [
                (
                    "W243",
                    "gemini-3.8-flash has no Live API.",
                    "Use gemini-3.8-live-extended-thinking or gemini-3.8-live.",
                )
            ],
        ),
        (
            "gemini-3.8-flsh",
            CACHE,
            "2026-11-28",
            [("W242", "Nothing is known of gemini-3.8-flsh.", "Did you mean gemini-3.8-flash?")],
        ),
    ],
)
def test_what_is_said_of_a_model(model, method, day, expected) -> None:
    assert said(model, method, day) == expected


def test_how_long_ahead_is_the_users_choice() -> None:
    assert said("gemini-2.5-pro", CACHE, "2026-11-28", timedelta(days=2)) == []
    assert said("gemini-2.5-pro", CACHE, "2026-11-29", timedelta(days=2)) != []
    assert [code for code, *_ in said("gemini-3.1-flash-lite", CACHE, "2026-11-28", timedelta(days=365))] == ["W240"]


def test_a_model_that_will_answer_and_cannot_do_it_is_said() -> None:
    book = replace(BOOK, models={**BOOK.models, "old": replace(BOOK.models["gemini-2.5-pro"], name="old")})
    turn = replace(book.models["old"].redirect, to="gemini-4-argon")
    book = replace(book, models={**book.models, "old": replace(book.models["old"], redirect=turn)})
    one = using("old")
    ahead, after = (
        [(one.code, one.hint) for one in warnings(Desired({one.address: one}), book, on(day), MONTH)]
        for day in ("2026-11-28", "2026-12-02")
    )
    assert ahead == [("W241", "gemini-4-argon is no replacement; `gemctl models` has others.")]
    assert [code for code, _ in after] == ["W241", "W243"]


@pytest.mark.parametrize(
    ("stored", "media", "warned"),
    [(1_023, (), True), (1_024, (), False), (500, (Media(Medium.IMAGE),), False)],
)
def test_too_few_tokens(stored, media, warned) -> None:
    one = using("gemini-3.8-flash", stored=stored, media=media)
    found = warnings(Desired({one.address: one}), BOOK, on("2026-11-28"), MONTH)
    assert [one.code for one in found] == (["W201"] if warned else [])
    if warned:
        said = f"There are about {stored:,} tokens; for gemini-3.8-flash the service takes 1,024 or more."
        assert found[0].detail == said


def test_the_next_date_of_models() -> None:
    pro, lite, flash = (using(name) for name in ("gemini-2.5-pro", "gemini-3.1-flash-lite", "gemini-3.8-flash"))
    assert turns([pro, lite, flash], BOOK, on("2026-11-28")) == on("2026-12-01")
    assert turns([pro, lite, flash], BOOK, on("2026-12-01")) == on("2027-05-07")
    assert turns([flash], BOOK, on("2026-11-28")) is None


# The service's own list.


def listed(*names: str, methods: frozenset[str] | None = frozenset({CACHE, BATCH})) -> dict[str, frozenset[str] | None]:
    return dict.fromkeys(names, methods)


@pytest.mark.parametrize(
    ("model", "method", "day", "known", "expected"),
    [
        ("gemini-3.8-flash", CACHE, "2026-11-28", listed("gemini-3.8-flash"), []),
        ("gemini-3.8-flash", CACHE, "2026-11-28", listed("gemini-3.8-flash", methods=None), []),
        (
            "gemini-3.8-flsh",
            CACHE,
            "2026-11-28",
            listed("gemini-3.8-flash"),
            [
                (
                    "E580",
                    "The service has no gemini-3.8-flsh. The book of facts does not know it either. Nothing was made.",
                    "Did you mean gemini-3.8-flash?",
                )
            ],
        ),
        (
            "gemini-2.0-flash",
            CACHE,
            "2026-11-28",
            listed("gemini-3.8-flash"),
            [
                (
                    "E580",
                    "The service has no gemini-2.0-flash. It was switched off on 2026-06-01. Nothing was made.",
                    "Use gemini-3.8-flash.",
                )
            ],
        ),
        (
            "gemini-3.8-flash",
            CACHE,
            "2026-11-28",
            listed("gemini-9"),
            [
                (
                    "E580",
                    "The service has no gemini-3.8-flash. By the facts of 2026-11-28 it is there; its list holds. "
                    "Nothing was made.",
                    "`gemctl models --live` lists what there is.",
                )
            ],
        ),
        (
            "gemini-3.8-flash",
            LIVE,
            "2026-11-28",
            {**listed("gemini-3.8-flash"), "gemini-3.8-live": frozenset({LIVE})},
            [
                (
                    "E581",
                    "gemini-3.8-flash has no Live API: the service lists batchGenerateContent, createCachedContent for "
                    "it.",
                    "Use gemini-3.8-live.",
                )
            ],
        ),
        (
            "gemini-2.0-flash",
            CACHE,
            "2026-11-28",
            listed("gemini-2.0-flash"),
            [
                (
                    "W580",
                    "The facts of 2026-11-28 are old: the service still has gemini-2.0-flash, which was to end on "
                    "2026-06-01. The service's list holds.",
                    None,
                )
            ],
        ),
        (
            "gemini-4-argon",
            CACHE,
            "2026-11-28",
            listed("gemini-4-argon"),
            [
                (
                    "W580",
                    "The facts of 2026-11-28 are old: the service lists createCachedContent for gemini-4-argon. The "
                    "service's list holds.",
                    None,
                )
            ],
        ),
        ("gemini-of-tomorrow", CACHE, "2026-11-28", listed("gemini-of-tomorrow"), []),
    ],
)
def test_the_list_has_the_last_word(model, method, day, known, expected) -> None:
    found = compare([using(model, method)], known, BOOK, on(day))
    assert [(one.code, one.detail, one.hint) for one in found] == expected


def test_a_disagreement_is_said_once_for_each_model() -> None:
    two = [using("gemini-2.0-flash"), replace(using("gemini-2.0-flash"), address=Address("BatchJob", "b"))]
    found = list(compare(two, listed("gemini-2.0-flash"), BOOK, on("2026-11-28")))
    assert [one.code for one in found] == ["W580"]
    assert [one.code for one in compare(two, {}, BOOK, on("2026-11-28"))] == ["E580", "E580"]


_SHAPES = [{}, {"name": ""}, {"name": 1}, {"name": "a", "supportedGenerationMethods": "b"}, "models/a", None, []]


@pytest.mark.parametrize("shown", _SHAPES)
def test_another_shape_is_no_model(shown) -> None:
    with pytest.raises(ValueError, match=r"name|model|list"):
        entry(shown)


class Lists:
    """A connection to a service that answers with these pages."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self._pages = pages

    def new_client(self) -> Lists:
        return self

    def pages(self, _: object) -> tuple[dict[str, Any], ...]:
        return self._pages

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "page", [*({"models": [shown]} for shown in _SHAPES), {"models": None}, {"models": "a"}, {"models": 1}]
)
def test_a_list_of_another_shape_is_refused(page) -> None:
    with pytest.raises(Refused, match=r"not of the API's shape: [a-zA-Z ]+\.$") as caught:
        models_listed(Lists(page), ())
    assert caught.value.code == "E304"


def test_what_is_listed_over_several_pages() -> None:
    found = models_listed(Lists({"models": [{"name": "models/a"}]}, {}, {"models": [{"name": "models/b"}]}), ())
    assert found == {"a": None, "b": None}


def test_only_models_that_can_do_it_are_proposed() -> None:
    """gemini-embedding-2 is nearest, and takes no caches."""
    found = list(
        compare([using("gemini-embedding-3")], {"gemini-embedding-2": frozenset({EMBED})}, BOOK, on("2026-11-28"))
    )
    assert [(one.code, one.hint) for one in found] == [("E580", "`gemctl models --live` lists what there is.")]


def test_a_model_as_the_service_shows_it() -> None:
    shown = {"name": "models/a", "supportedGenerationMethods": [CACHE]}
    assert entry(shown) == ("a", frozenset({CACHE}))
    assert entry({"name": "models/a"}) == ("a", None)
