"""Reads what `-l` selects by. Labels stand under `metadata` of manifests, and are never sent. Called by workflows."""

from __future__ import annotations

from collections.abc import Mapping

from gemctl.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class LabelTerm:
    """One label: `value` None for any value, and `other` for resources that do not have it with that value."""

    label: str
    value: str | None = None
    other: bool = False

    def holds(self, labels: Mapping[str, str]) -> bool:
        has = self.label in labels if self.value is None else labels.get(self.label) == self.value
        return has is not self.other


def read_selector(text: str) -> tuple[LabelTerm, ...]:
    """`team=docs,tier!=test,owned`: terms that must hold together. Raises ValueError with a sentence for people."""
    return tuple(_term(part.strip(), text) for part in text.split(","))


def _term(part: str, text: str) -> LabelTerm:
    label, sign, value = part.partition("=")
    other = bool(sign) and label.endswith("!")
    label, value = label.removesuffix("!").strip() if other else label.strip(), value.strip()
    if not label or "!" in label or "=" in value:
        raise ValueError(f"{text!r} selects nothing; write label=value, label!=value or label, with commas between.")
    return LabelTerm(label, value if sign else None, other)


def selects(selector: tuple[LabelTerm, ...], labels: Mapping[str, str]) -> bool:
    """Whether all terms hold."""
    return all(term.holds(labels) for term in selector)
