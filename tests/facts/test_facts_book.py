"""The shipped book of facts is whole; and what a project's own facts change in it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import gemctl
from gemctl.core.book import LONG_PROMPT, BatchLimits, Period
from gemctl.core.errors import Rejected
from gemctl.core.money import Money
from gemctl.core.source import SourceFile
from gemctl.facts.check import warnings
from gemctl.facts.read import FILE, read
from gemctl.manifest.facts import check_facts
from gemctl.manifest.yaml import parse
from gemctl.render.models import details, document
from gemctl.workflows.declared import declared
from gemctl.workflows.facts import shipped
from gemctl.workflows.models import model
from gemctl.workflows.wiring import Settings, SystemClock, open_session

BOOK = shipped()
ROOT = Path(gemctl.__file__).parent.parent
START = "apiVersion: gemctl/v1\nkind: Facts\n"


def test_the_shipped_file_is_of_the_form_that_users_write() -> None:
    text = (ROOT / "gemctl" / "facts" / FILE).read_text(encoding="utf-8")
    value = check_facts(parse(SourceFile(FILE, text)), FILE)
    assert read(value) == BOOK


def test_every_fact_has_a_source_that_is_said() -> None:
    for name, facts in BOOK.models.items():
        assert facts.sources, name
        assert set(facts.sources) <= set(BOOK.sources), name


def test_every_name_in_it_is_in_it() -> None:
    named = [*BOOK.aliases.values()]
    named += [facts.redirect.to for facts in BOOK.models.values() if facts.redirect]
    named += [facts.instead for facts in BOOK.models.values() if facts.instead]
    assert {name for name in named if name not in BOOK.models} == set()
    assert {facts.media for facts in BOOK.models.values()} <= {*BOOK.media, ""}


def test_no_model_is_given_up_for_one_that_is_gone() -> None:
    day = datetime.combine(BOOK.as_of, datetime.min.time(), UTC)
    for facts in BOOK.models.values():
        if facts.instead:
            other = BOOK.models[facts.instead]
            assert other.ends is None or other.ends > day, facts.name


def test_periods_follow_each_other() -> None:
    for name, facts in BOOK.models.items():
        for before, after in zip(facts.periods, facts.periods[1:], strict=False):
            assert before.until == after.since, name


def test_what_takes_caches_has_a_price_of_storage_whenever_it_has_any() -> None:
    for name, facts in BOOK.models.items():
        for period in facts.periods:
            stored, takes = period.prices.storage is not None, bool(facts.supports("createCachedContent"))
            assert stored == takes or (takes and facts.ends), name


def test_a_cached_token_is_cheaper_than_one_that_is_sent() -> None:
    for facts in BOOK.models.values():
        for period in facts.periods:
            for prices in (period.prices, period.long, period.audio):
                if prices and prices.input and prices.cached:
                    assert prices.cached.high < prices.input.low, facts.name


def test_amounts_are_decimal_numbers() -> None:
    def amounts(period: Period):
        for prices in filter(None, (period.prices, period.long, period.audio)):
            for name in ("input", "output", "cached", "cached_batch", "storage"):
                if price := getattr(prices, name):
                    yield from (price.low, price.high)

    found = [amount for facts in BOOK.models.values() for period in facts.periods for amount in amounts(period)]
    assert len(found) > 200
    assert all(type(amount) is Decimal and amount > 0 for amount in found)
    assert LONG_PROMPT == 200_000


# The project's own facts.


def own(text: str):
    return read(check_facts(parse(SourceFile("facts.yaml", START + text)), "facts.yaml"), under=BOOK)


def test_each_fact_of_the_project_counts_and_all_others_stay() -> None:
    book = own(
        "models:\n  gemini-3.8-flash:\n    prices: [{input: '0.10', storage: '0.20'}]\n"
        "  gemini-tuned: {methods: [generateContent], ends: '2027-03-01'}\n"
        "rules: {creation: '1'}\naliases: {ours: gemini-tuned}\n"
    )
    flash, before = book.models["gemini-3.8-flash"], BOOK.models["gemini-3.8-flash"]
    assert (flash.methods, flash.least_cached) == (before.methods, before.least_cached)
    assert flash.given
    assert not before.given
    (period,) = flash.periods
    assert period.prices.input == Money.exactly("0.10")
    assert period.prices.output is None
    assert book.creation == Money.exactly(1)
    assert book.find("ours").ends == datetime(2027, 3, 1, tzinfo=UTC)
    assert book.as_of == BOOK.as_of
    assert book.models["gemini-2.5-pro"] == BOOK.models["gemini-2.5-pro"]


@pytest.mark.parametrize(
    ("name", "tier", "tokens"),
    [
        ("gemini-3.6-flash", 1, 3_000_000),
        ("gemini-3.6-flash", 3, 1_000_000_000),
        ("gemini-3.6-flash", None, None),
        ("gemini-3.7-flash", 1, 3_000_000),
        ("gemini-3.7-flash", 2, None),  # missing on the page
        ("gemini-pro-latest", 1, 5_000_000),  # stands for another one
        ("gemini-9-unheard-of", 1, None),
    ],
)
def test_the_limits_of_batch_jobs(name, tier, tokens) -> None:
    assert BOOK.batch_limits(name, tier) == BatchLimits(100, 2_000_000_000, tokens)


def test_a_project_knows_its_own_limits_of_batch_jobs_better() -> None:
    text = "models: {gemini-3.6-flash: {enqueuedTokens: {tier2: 5}}, mine: {}}\nrules: {batch: {jobs: 7}}\n"
    book = own(text)
    assert book.batch_limits("gemini-3.6-flash", 2) == BatchLimits(7, 2_000_000_000, 5)
    assert book.batch_limits("gemini-3.6-flash", 1).enqueued_tokens is None
    assert book.batch_limits("gemini-3.5-flash", 1).enqueued_tokens == 3_000_000
    assert book.batch_limits("mine", 1) == BatchLimits(7, 2_000_000_000, None)


def test_what_a_model_takes_of_batch_jobs_is_shown() -> None:
    state = model(own("models: {mine: {enqueuedTokens: {tier1: 3000000, tier3: 5}}}"), "mine", DAY[0])
    assert "in jobs       that have not ended, tokens up to 3,000,000 in tier 1, 5 in tier 3" in details(
        state, BOOK, DAY[0]
    )
    assert document([state], BOOK, DAY[0])["models"][0]["enqueuedTokens"] == {"tier1": 3_000_000, "tier3": 5}


DAY = [datetime(2026, 12, day, tzinfo=UTC) for day in range(1, 29)]
TURNING = """models:
  old:
    redirect: {to: new, at: '2026-12-10'}
    prices: [{until: '2026-12-05', input: '1'}, {since: '2026-12-05', until: '2026-12-15', input: '2'}]
  new:
    ends: '2026-12-20'
    prices:
      - {until: '2026-12-08', input: '3'}
      - {since: '2026-12-08', until: '2026-12-24', input: '4'}
      - {since: '2026-12-24', input: '5'}
"""


def test_turns_are_those_of_what_is_billed() -> None:
    """Those of the other model count from the redirect on. No end of a model is a change of its price: its last one
    holds, as long as the service goes on serving it.
    """
    book = own(TURNING)
    assert set(book.turns("old", DAY[0])) == {DAY[4], DAY[9]}
    assert set(book.turns("old", DAY[11])) == set()
    assert set(book.turns("new", DAY[0])) == {DAY[7]}
    assert book.models["new"].period(DAY[27]).prices.input == Money.exactly(4)
    assert [book.billed("old", DAY[day]).name for day in (0, 8, 9, 20)] == ["old", "old", "new", "new"]
    assert [book.answers("old", DAY[day]) is None for day in (0, 9, 18, 19)] == [False, False, False, True]


def test_the_next_change_is_what_happens() -> None:
    book = own(TURNING)
    changes = [model(book, "old", DAY[day]).change for day in (0, 5, 10, 20)]
    assert changes == [(DAY[4], "other prices"), (DAY[9], "new answers"), (DAY[19], "ends"), None]


def test_of_one_that_is_replaced_the_prices_are_those_of_what_answers() -> None:
    book = own(TURNING)
    said = details(model(book, "old", DAY[9]), book, DAY[9])
    assert re.findall(r"(?m)^  (prices.*)", said) == [
        "prices now    of new: input $4.00",
        "prices        since ever until 2026-12-05: input $1.00",
        "prices        from 2026-12-05 until 2026-12-15: input $2.00",
    ]
    assert "(now)" not in details(model(book, "new", DAY[20]), book, DAY[20])
    assert "(now): input $4.00" in details(model(book, "new", DAY[9]), book, DAY[9])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: {a: {prices: [{input: 0.10}]}}", ["3:31 E028"]),
        ("models: {a: {prices: [{input: '0,10'}]}}", ["3:31 E028"]),
        ("models: {a: {prices: [{input: {low: '2', high: '1'}}]}}", ["3:31 E028"]),
        ("models: {a: {prices: [{since: tomorrow}]}}", ["3:31 E028"]),
        ("models: {a: {ends: '2026-02-30'}}", ["3:20 E028"]),
        ("models: {a: {end: '2026-02-03'}}", ["3:14 E028"]),
        ("models: {a: {redirect: {to: b}}}", ["3:14 E028"]),
        ("models: {A b: {}}", ["3:10 E028"]),
        ("models:\n  a:\n    prices:\n      - {input: '1'}\n      - {input: '2'}\n", ["7:9 E028"]),
        ("models: {a: {ends: '20261201'}}", ["3:20 E028"]),
        ("models: {a: {ends: '2026-W49-2'}}", ["3:20 E028"]),
        ("models: {a: {ends: '2026-12-01 08:00'}}", ["3:20 E028"]),
        ("models:\n  a:\n    prices: [{since: '2026-12-02', until: '2026-12-01'}]", ["5:43 E028"]),
        (
            "models:\n  a:\n    prices:\n      - {until: '2026-12-01T08:00:00+02:00'}\n"
            "      - {since: '2026-12-01T05:00:00Z'}\n",
            ["7:9 E028"],
        ),
        (
            "models:\n  a:\n    prices:\n      - {until: '2026-12-01'}\n      - {since: '2026-12-02'}\n",
            ["7:17 E028"],
        ),
        ("rules: {creation: '1.01'}", ["3:19 E028"]),
        ("media: {own: {page: 1, video: 1, audio: 1}}", ["3:14 E028"]),
        ("media: {own: {page: 1, video: 1, audio: 1, tile: 768}}", ["3:14 E028"]),
        ("models: {a: {enqueuedTokens: {tier4: 1}}}", ["3:31 E028"]),
        ("models: {a: {enqueuedTokens: {tier1: '3M'}}}", ["3:38 E028"]),
        ("models: {a: {enqueuedTokens: {tier1: 0}}}", ["3:38 E028"]),
        ("rules: {batch: {jobs: 0}}", ["3:23 E028"]),
        ("rules: {batch: {bytes: 10}}", ["3:17 E028"]),
        ("", ["1:1 E028"]),
        ("modles: {}\nmodels: {}", ["3:1 E028"]),
        ("models: {}\n---\napiVersion: gemctl/v1\nkind: Facts\n", ["5:1 E028"]),
    ],
)
def test_what_is_wrong_in_a_file_of_facts(text, expected) -> None:
    with pytest.raises(Rejected) as caught:
        own(text)
    found = [f"{one.span.line}:{one.span.column} {one.code}" for one in caught.value.diagnostics]
    assert found == expected


# Whatever gemctl ships names models that are there on the book's day, and that can do what they are named for.

_MODEL = re.compile(r"\bgemini-(?:\d|flash|pro|embedding|live)[a-z0-9.-]*[a-z0-9]\b(?<!\.md)")
_ABOUT_OTHERS = {
    "docs/costs.md",  # says what became of them
    "docs/moving-to-gemini-4.md",
    "gemctl/facts/models.yaml",
    "CHANGELOG.md",
}


def shipped_texts():
    for top in ("README.md", "docs", "manifests", "gemctl"):
        paths = [ROOT / top] if (ROOT / top).is_file() else sorted((ROOT / top).rglob("*"))
        for path in paths:
            inside = path.relative_to(ROOT).as_posix()
            if (
                not path.is_file()
                or inside in _ABOUT_OTHERS
                or inside.startswith(("gemctl/emulator/", "docs/emulator/"))
            ):
                continue
            if path.suffix in (".md", ".yaml", ".yml", ".py", ".json", ".txt", ".html"):
                yield inside, path.read_text(encoding="utf-8")


def test_what_is_shipped_names_models_that_are_there() -> None:
    day = datetime.combine(BOOK.as_of, datetime.min.time(), UTC)
    gone: list[str] = []
    for inside, text in shipped_texts():
        for number, line in enumerate(text.splitlines(), 1):
            for name in _MODEL.findall(line):
                facts = BOOK.find(name)
                if facts is None or (facts.ends and facts.ends <= day) or facts.redirect:
                    gone.append(f"{inside}:{number} {name}")
    assert gone == []


PROJECTS = sorted(path.parent for path in (ROOT / "manifests").rglob("gemctl.yaml"))


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda path: path.relative_to(ROOT / "manifests").as_posix())
def test_what_is_shipped_uses_models_for_what_they_can(folder, tmp_path) -> None:
    project = tmp_path / "project"
    shutil.copytree(folder, project, ignore=shutil.ignore_patterns(".gemctl"))
    day = datetime.combine(BOOK.as_of, datetime.min.time(), UTC)
    env = {f"GEMCTL_VAR_{name}": "1" for name in ("commit", "build", "region")}
    settings = Settings(str(project), env, SystemClock())
    for name in open_session(settings).project.stacks:
        session = open_session(replace(settings, stack=name))
        desired = declared(session.loaded, session.stack, session.catalogue, now=day)
        assert [f"{one.code} {one.detail}" for one in warnings(desired, BOOK, day, timedelta(days=30))] == []
