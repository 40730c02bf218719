"""Defines the types of fields: those of gemctl's own format, and the API's numbers, enums and bytes.

A type returns the canonical form of a value. Shapes in `manifest` and `kinds` are made of them.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_after_validator_function, no_info_before_validator_function

from gemctl.core.address import valid_name
from gemctl.core.frozen import dataclass
from gemctl.core.moment import parse_duration, parse_instant
from gemctl.schema.shape import complain


def printable(value: str) -> bool:
    """False for a text with line breaks, control characters or halves of characters in it."""
    return value.isprintable() or not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value
    )


def _duration(value: Any) -> timedelta:
    if not isinstance(value, str):
        number = isinstance(value, int) and not isinstance(value, bool)
        raise complain("E215", "A duration has a unit.", hint=f"Write {value}s." if number else "Write 90s, 5m or 2d.")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise complain("E215", str(error)) from None


def _instant(value: Any) -> datetime:
    if not isinstance(value, str):
        raise complain("E216", "A time is written as 2027-01-31T18:00:00Z.")
    try:
        return parse_instant(value)
    except ValueError as error:
        raise complain("E216", str(error)) from None


def _resource_name(value: str) -> str:
    if not valid_name(value):
        raise complain("E205", f"{value!r} can't be a name.", hint="Use a-z, 0-9, - and ., at most 64 characters.")
    return value


@dataclass(frozen=True, slots=True)
class ZeroIsValue:
    """Marks a number of which the API tells zero from an absent one, and refuses it."""


@dataclass(frozen=True, slots=True)
class Enum:
    """Marks a Literal as an enum of the API: its names in the order of their numbers, the zero value first.

    The API's guides write such names in small letters too, and it takes both. The canonical form has capitals. Zero,
    …_UNSPECIFIED, means the same as an absent field (proto3). `first` is the number of the second name.
    """

    first: int = 1

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_before_validator_function(_capitals, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        zero, *names = handler(core)["enum"]
        capitals: list[str] = [*names, zero]
        # Editors take all that gemctl takes, but for spellings that are hardly ever written.
        words = [name.capitalize() for name in capitals if "_" not in name]
        return {"enum": [*capitals, *(name.lower() for name in capitals), *words]}


@dataclass(frozen=True, slots=True)
class Within:
    """Marks a number as one of a type of the API, which the service can't read beyond these bounds.

    A field's own bounds come on top of it.
    """

    least: float
    most: float
    name: str

    def _check(self, value: float) -> float:
        if not self.least <= value <= self.most:
            form = "," if isinstance(self.most, int) else ".9g"
            least, most = format(self.least, form), format(self.most, form)
            raise complain("E209", f"It must be {self.name}, from {least} to {most}.")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        bounds = {"minimum": self.least, "maximum": self.most} if isinstance(self.most, int) else {}
        return {**bounds, **handler(core)}


@dataclass(frozen=True, slots=True)
class OpenEnum:
    """Marks a text as an enum of the API that grows: any name is taken, as it is written."""


def _capitals(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    """40.0 is a whole number as well: the official SDK has floats in some of these places."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole_64(value: Any) -> Any:
    """The API's JSON writes numbers of 64 bits as text."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value, re.ASCII):
        return int(value)
    return _whole(value)


_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")


def _base64(value: str) -> str:
    """Of either alphabet, padded or not, as the API reads bytes (protobuf.dev, "ProtoJSON format")."""
    if not _BASE64.fullmatch(value) or len(value.rstrip("=")) % 4 == 1:
        raise complain("E229", "That is not base64.", hint="Write what the service gave, or what `base64 FILE` prints.")
    return value


def _base64_in_lines(value: str) -> str:
    _base64(value if _BASE64.fullmatch(value) else "".join(value.split()))
    return value


Duration = Annotated[
    timedelta,
    PlainValidator(_duration),
    WithJsonSchema({"type": "string", "examples": ["90s", "5m", "1h30m", "2d"]}),
]
Instant = Annotated[
    datetime,
    PlainValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2027-01-31T18:00:00Z"]}),
]
Object = dict[str, Any]
# The API's numbers, as its protos have them: int32, int64, and float, whose greatest is 2^128 - 2^104.
Whole = Annotated[int, BeforeValidator(_whole), Within(-(2**31), 2**31 - 1, "a whole number of 32 bits")]
Whole64 = Annotated[int, BeforeValidator(_whole_64), Within(-(2**63), 2**63 - 1, "a whole number of 64 bits")]
Number = Annotated[float, Within(2.0**104 - 2.0**128, 2.0**128 - 2.0**104, "a number of 32 bits")]
Word = Annotated[str, OpenEnum()]
ResourceName = Annotated[str, AfterValidator(_resource_name)]
Base64 = Annotated[str, AfterValidator(_base64)]
Base64Lines = Annotated[str, AfterValidator(_base64_in_lines)]  # the same, as tools print it: broken into lines
