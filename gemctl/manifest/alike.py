"""Reads documents that are written alike: what follows from the way one is written is worked out once for all of them.

Called by yaml, which notes a letter for each event of a document, and the texts of its scalars. The letters together
are the way it is written: they say which texts are keys, and with the keys what its value and its form are made of. Of
thousands of documents that have both in common, only the first takes long.

    a: |                letters  mp|pmp'}p[pp}}
      text              texts    a, text, b, c, d, e, x, y
    b:                  keys     a, b, c, e
      c: 'd'
    e: [x, y]
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from gemctl.core.scalar import resolve
from gemctl.core.source import Json
from gemctl.manifest.spans import Form

# The letters: scalars by their style, lists and mappings where they begin, and the end of either.
PLAIN, SINGLE, DOUBLE, LITERAL, FOLDED = SCALARS = "p'\"|>"
MAPPING, SEQUENCE, FLOW_MAPPING, FLOW_SEQUENCE = "ms{["
END = "}"
LARGEST = 1_000  # parts of a document, or of a value, that is looked up among those that recur

Below = list[Any]  # of a form in the making: what its `below` will have, key and value by turns
_Take = Callable[[Sequence[Any]], Sequence[Any]]
_Step = tuple[tuple[str, ...] | None, _Take]  # makes a list, or a mapping with these keys, of what it takes


class Unlike(Exception):
    """A document has what is in few: it is to be read with care."""


class Recurring:
    """What recurs in the documents of several files, each of it once: keys, forms, and ways of writing."""

    __slots__ = ("_forms", "_keys", "_ways")

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}
        self._forms: dict[tuple[Any, ...], Form] = {}
        self._ways: dict[str, _Way] = {}

    def key(self, text: str) -> str | None:
        """The key that this is without quotes; None if it is none. Raises Unclear."""
        known = self._keys.get(text)
        if known is None and text != "<<" and isinstance(resolve(text), str):
            known = self._keys[text] = text
        return known

    def form(self, keys: Mapping[str, int], items: Sequence[int], below: Below) -> Form:
        """The form of a value without mistakes: its keys, or the number of its items, and `below` say all of it."""
        signature = (*keys, *below) if keys else (len(items), *below)
        if (form := self._forms.get(signature)) is None:
            form = new_form(keys, items, below)
            if len(signature) <= LARGEST:
                self._forms[signature] = form
        return form

    def alike(self, letters: str, texts: Sequence[str]) -> Alike:
        """What is known of documents with these letters, and with the keys that are among these texts.

        Raises Unlike or Unclear where a key is no text that stands in a line, or stands twice.
        """
        if (way := self._ways.get(letters)) is None:
            way = self._ways[letters] = _Way(letters)
        keys = (*way.keys(texts),)
        if (alike := way.alike.get(keys)) is None:
            alike = way.alike[keys] = Alike(way, texts, self)
        return alike


class Alike:
    """What documents have in common that are written alike, with the same keys.

    places  the number of their keys and values.
    height  that of the levels of values.
    form    that of the value; None for a scalar.
    blocks  the numbers of the places of texts with | or >.
    quoted  the numbers of the texts in double quotes.
    """

    __slots__ = ("_flows", "_lasts", "_plain", "_steps", "blocks", "form", "height", "places", "quoted")

    def __init__(self, way: _Way, texts: Sequence[str], recurring: Recurring) -> None:
        self.places, self.height, self.blocks, self.quoted = way.places, way.height, way.blocks, way.quoted
        self._plain, self._flows, self._lasts = way.plain, way.flows, way.lasts
        self._steps: list[_Step] = []
        forms: list[Form] = []
        for part in way.parts:
            numbers = [place - part.at for place in part.places]
            inner = zip(numbers, part.values, strict=True)
            below = [one for number, value in inner if value >= way.texts for one in (number, forms[value - way.texts])]
            if part.keys is None:
                items = array("I", numbers) if below else range(1, len(numbers) + 1)
                forms.append(recurring.form({}, items, below))
                self._steps.append((None, _taking(part.values)))
            else:
                keys = [recurring.key(texts[at]) if at in way.plain_keys else texts[at] for at in part.keys]
                places = {key: number - 1 for key, number in zip(keys, numbers, strict=True) if key is not None}
                if len(places) < len(keys):
                    raise Unlike
                forms.append(recurring.form(places, (), below))
                self._steps.append((tuple(places), _taking(part.values)))
        self.form = forms[-1] if forms else None

    def value(self, texts: list[Json]) -> Json:
        """The value of a document that has these texts; the list is used up. Raises Unclear."""
        made = texts
        for number in self._plain:
            made[number] = resolve(made[number])
        for keys, take in self._steps:
            made.append([*take(made)] if keys is None else dict(zip(keys, take(made))))  # noqa: B905  it takes long
        return made[-1]

    def finish(self, ends: array[int], closed: Sequence[int]) -> None:
        """Note where lists and mappings end: in brackets where these are `closed`, others with their last values."""
        for place, number in self._flows:
            ends[place] = closed[number]
        for place, last in self._lasts:
            ends[place] = ends[last]


class _Part:
    """A list or mapping in a way of writing.

    at      the number of its place.
    keys    the numbers of its keys among the texts of the document; None for a list.
    values  the numbers of its values among the texts and, after these, the lists and mappings of the document.
    places  the numbers of their places.
    """

    __slots__ = ("at", "begin", "keys", "places", "values")

    def __init__(self, begin: str, at: int) -> None:
        self.begin, self.at = begin, at
        self.keys: list[int] | None = [] if begin in (MAPPING, FLOW_MAPPING) else None
        self.values: list[int] = []
        self.places: list[int] = []


class _Way:
    """A way of writing a document.

    parts       its lists and mappings, inner ones first.
    texts       how many texts it has; `keys` takes the keys from them.
    plain_keys  the numbers of keys without quotes among the texts, `plain` those of such values.
    flows       the places of parts in brackets, each with the number of its end among all ends.
    lasts       the places of other parts, each with that of its last value.
    alike       what is known of documents of this way, by their keys.
    """

    __slots__ = ("alike", "blocks", "flows", "height", "keys", "lasts", "parts", "places", "plain", "plain_keys",
                 "quoted", "texts")  # fmt: skip

    def __init__(self, letters: str) -> None:
        """Raises Unlike where a key does not stand in one line."""
        self.alike: dict[tuple[str, ...], Alike] = {}
        self.parts: list[_Part] = []
        self.texts = sum(map(letters.count, SCALARS))
        self.places = len(letters) - letters.count(END)
        self.plain: list[int] = []
        self.plain_keys: set[int] = set()
        self.quoted: list[int] = []
        self.blocks: list[int] = []
        self.flows: list[tuple[int, int]] = []
        self.lasts: list[tuple[int, int]] = []
        keys: list[int] = []
        opened: list[_Part] = []
        text = place = self.height = 0
        for letter in letters:
            if letter == END:
                part = opened.pop()
                if part.begin in (FLOW_MAPPING, FLOW_SEQUENCE):
                    self.flows.append((part.at, len(self.parts)))
                else:
                    self.lasts.append((part.at, part.places[-1]))
                self.parts.append(part)
                if opened:
                    opened[-1].values.append(self.texts + len(self.parts) - 1)
                continue
            outer = opened[-1] if opened else None
            if outer and outer.keys is not None and len(outer.keys) == len(outer.places):
                if letter not in (PLAIN, SINGLE, DOUBLE):
                    raise Unlike
                outer.keys.append(text)
                keys.append(text)
                if letter == PLAIN:
                    self.plain_keys.add(text)
            else:
                self.height = max(self.height, len(opened) + 1)
                if outer:
                    outer.places.append(place)
                if letter not in SCALARS:
                    opened.append(_Part(letter, place))
                elif outer:
                    outer.values.append(text)
                if letter == PLAIN:
                    self.plain.append(text)
                elif letter in (LITERAL, FOLDED):
                    self.blocks.append(place)
            if letter == DOUBLE:
                self.quoted.append(text)
            text += letter in SCALARS
            place += 1
        self.keys = _taking(keys)


def new_form(keys: Mapping[str, int], items: Sequence[int], below: Below) -> Form:
    return Form(keys, items, dict(zip(below[::2], below[1::2], strict=True)))


def _taking(numbers: Sequence[int]) -> _Take:
    """A function that takes the parts with these numbers."""
    if len(numbers) > 1:
        return itemgetter(*numbers)
    first = numbers[0] if numbers else 0
    return itemgetter(slice(first, first + len(numbers)))
