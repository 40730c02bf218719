"""Makes the classes of frozen values, quicker than `dataclasses` does, which writes and compiles six methods for each.
Here the methods are shared functions, and `__init__` is compiled when the first value of a class is made: a command
imports hundreds of classes and makes values of a few.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type], type]:
        """As `dataclasses.dataclass`, for classes that are frozen and have slots: each says so for its readers and for
        type checkers. Such a class has no `__post_init__`, and its fields are all parameters of `__init__`.
        """
        if not (frozen and slots):
            raise TypeError("Only for frozen classes with slots: dataclasses.dataclass makes others.")
        return _made


def _made(cls: type[Any]) -> type[Any]:
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    shown = tuple(field.name for field in fields(made) if field.repr)
    compared = tuple(field.name for field in fields(made) if field.compare)
    key: Callable[[Any], Any] = attrgetter(*compared) if compared else lambda _: ()

    def __init__(self: Any, *args: Any, **named: Any) -> None:  # noqa: N807
        made.__init__ = _initialiser(made)
        made.__init__(self, *args, **named)

    def __repr__(self: Any) -> str:  # noqa: N807
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    def __eq__(self: Any, other: Any) -> bool:  # noqa: N807
        return key(self) == key(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(key(self))

    for method in (__init__, __repr__, __eq__, __hash__, __setattr__, __delattr__, __getstate__, __setstate__):
        if method.__name__ not in cls.__dict__:
            setattr(made, method.__name__, method)
    return made


def _initialiser(cls: type[Any]) -> Callable[..., None]:
    """`__init__` with a parameter for each field. It fills the slots themselves, which takes a third of the time of
    `object.__setattr__`, as that has to find them by name.
    """
    names: dict[str, Any] = {"_unset": MISSING}
    parameters, lines = ["self"], []
    for field in fields(cls):
        name = value = field.name
        names[f"_set_{name}"] = getattr(cls, name).__set__
        if field.default_factory is not MISSING:
            names[f"_new_{name}"] = field.default_factory
            parameters.append(f"{name}=_unset")
            value = f"_new_{name}() if {name} is _unset else {name}"
        elif field.default is not MISSING:
            names[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f"_set_{name}(self, {value})")
    exec(f"def __init__({', '.join(parameters)}): {'; '.join(lines) or 'pass'}", names)  # noqa: S102  of names alone
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def __setattr__(_: Any, name: str, __: Any) -> None:  # noqa: N807
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def __delattr__(_: Any, name: str) -> None:  # noqa: N807
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def __getstate__(self: Any) -> list[Any]:  # noqa: N807
    return [getattr(self, field.name) for field in fields(self)]


def __setstate__(self: Any, state: list[Any]) -> None:  # noqa: N807
    for field, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
