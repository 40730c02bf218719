"""Prices a turn of a session of the Live API, by the tokens that the service counted. Called by workflows/verify.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from gemctl.core.book import Book, Prices
from gemctl.core.quantities import Tokens
from gemctl.cost.prices import FREE, Priced, amount, at

_RECORDED = "AUDIO"


def spoken(book: Book, model: str, sent: Mapping[str, int], made: Mapping[str, int], when: datetime) -> Priced:
    """What was sent to a model, and what it answered, each by modality."""
    piece = at(book, model, when)
    name = piece.facts.name if piece.facts else model
    prices = piece.period.prices if piece.period else Prices()
    audio = (piece.period.audio if piece.period else None) or Prices()
    total = FREE
    for modality, tokens in sorted(sent.items()):
        price = audio.input or prices.input if modality == _RECORDED else prices.input
        total += amount(Tokens.exactly(tokens), price, f"what was sent to {name}")
    for modality, tokens in sorted(made.items()):
        price = audio.output or prices.output if modality == _RECORDED else prices.output
        total += amount(Tokens.exactly(tokens), price, f"answers of {name}")
    return total
