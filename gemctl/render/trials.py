"""Writes what came of trying a token, for people and as JSON; the words of the service go through `safe`. Called by
cli/commands/token.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gemctl.core.diagnostic import Diagnostic
from gemctl.core.live_session import Finding, LiveAnswer, TokenTrial, Tried
from gemctl.core.money import shown
from gemctl.render import json, money
from gemctl.render.paint import Paint
from gemctl.render.safe import safe

_SIGNS = {
    Finding.HELD: ("✓", "green"),
    Finding.BROKEN: ("✗", "red"),
    Finding.OPEN: ("-", "dim"),
    Finding.UNSEEN: ("?", "dim"),
}
_WIDE = 15  # characters of what is checked


def lines(trial: TokenTrial, paint: Paint) -> Iterator[str]:
    """One line a promise, and what it took."""
    for one in trial.checks:
        sign, style = _SIGNS[one.finding]
        yield f"{paint(sign, style)} {one.what.ljust(_WIDE)}{safe(one.said)}"
    if trial.tried:
        spent = f"1 token, {_counted(len(trial.tried), 'connect')}, {_counted(trial.sessions, 'session')}"
        yield f"{spent}; {_cost(trial)}."


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _cost(trial: TokenTrial) -> str:
    if trial.cost is None:
        return "nothing was said, so nothing was generated" if trial.answer is None else "what it cost is not known"
    tokens = sum(sum(counts.values()) for counts in (trial.answer.sent, trial.answer.made)) if trial.answer else 0
    said = f"{tokens:,} tokens, {shown(trial.cost)} at the price of {trial.model}"
    return f"{said}; not priced: {', '.join(trial.unpriced)}" if trial.unpriced else said


def document(trial: TokenTrial, problems: Iterable[Diagnostic]) -> dict[str, Any]:
    """The same as JSON. The token is there by its digest."""
    return {
        "token": json.token(trial.token),
        "model": trial.model,
        "verified": bool(trial.checks) and not trial.broken,
        "checks": [
            {
                "what": one.what,
                "finding": one.finding.value,
                "said": one.said,
                **({"hint": one.hint} if one.hint else {}),
            }
            for one in trial.checks
        ],
        "connects": [_connect(one) for one in trial.tried],
        "sessions": trial.sessions,
        "cost": None if trial.cost is None else money.amount(trial.cost),
        "diagnostics": json.diagnostics(problems),
    }


def _connect(tried: Tried) -> dict[str, Any]:
    end = {"code": tried.code, "reason": tried.reason} if tried.code else None
    answer = None if tried.answer is None else _answer(tried.answer)
    return {"model": tried.model, "opened": tried.opened, "end": end, "answer": answer}


def _answer(answer: LiveAnswer) -> dict[str, Any]:
    return {
        "speechSeconds": round(answer.speech, 2),
        "transcript": answer.said,
        "text": answer.text,
        "calls": list(answer.calls),
        "whole": answer.whole,
        "promptTokens": dict(answer.sent),
        "responseTokens": dict(answer.made),
    }
