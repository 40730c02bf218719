"""What is changed: the mutants of a module, made in its syntax tree one at a time.

Left alone are annotations, decorators, docstrings, what no type lets happen (`assert_never`) and sentences: their
wording is nobody's promise. Codes, keys and other strings without a blank are changed.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

NOT_ENTERED = {"annotation", "returns", "decorator_list"}
COMPARED = {
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.Lt),
}  # fmt: skip
COUNTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
LEFT_OUT = {("Match", "cases"), ("MatchOr", "patterns"), ("Call", "keywords"), ("comprehension", "ifs"),
            ("BoolOp", "values")}  # fmt: skip
DONE_WITHOUT = (ast.Expr, ast.AugAssign, ast.Delete, ast.Raise, ast.Break, ast.Continue)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed module. `at` is the function and `change` what was changed in it: together its name for ever."""

    file: str
    line: int
    at: str
    change: str
    source: str

    @property
    def name(self) -> tuple[str, str, str]:
        return self.file, self.at, self.change


def mutants(file: str, text: str) -> Iterator[Mutant]:
    tree = ast.parse(text)
    members: dict[str, set[str]] = {}  # of enumerations, as far as the module names them
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.isupper():
            members.setdefault(node.value.id, set()).add(node.attr)
    made, names = {ast.unparse(tree)}, Counter[tuple[str, str]]()
    for holder, field, index, at, bound in _places(tree, "", Counter()):
        held = getattr(holder, field)
        node = held if index is None else held[index]
        for new, said in _changes(node, holder, field, members, bound):
            kept = [] if new is None else [new]
            setattr(holder, field, new if index is None else [*held[:index], *kept, *held[index + 1 :]])
            source = ast.unparse(ast.fix_missing_locations(tree))
            setattr(holder, field, held)
            if source not in made:
                made.add(source)
                names[at, said] += 1
                again = f" ({names[at, said]})" if names[at, said] > 1 else ""
                yield Mutant(file, _line(node), at or "module", said + again, source)


def _places(
    node: ast.AST, at: str, bound: Counter[str]
) -> Iterator[tuple[ast.AST, str, int | None, str, Counter[str]]]:
    """Every place of a node in the tree: holder, field, index in a list; the function; how often it binds each name."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        at = f"{at}.{node.name}" if at else node.name
        stored = (each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store))
        bound = Counter(stored) + Counter(each.arg for each in ast.walk(node) if isinstance(each, ast.arg))
    for field, value in ast.iter_fields(node):
        if field in NOT_ENTERED:
            continue
        for index, each in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(each, ast.AST) and not _is_left_alone(each):
                yield node, field, index, at, bound
                yield from _places(each, at, bound)


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return _is_sentence(node) or (isinstance(node, ast.match_case) and "assert_never" in ast.unparse(node))


def _is_sentence(node: ast.AST | None) -> bool:
    if isinstance(node, ast.keyword | ast.IfExp):
        return _is_sentence(node.value if isinstance(node, ast.keyword) else node.body)
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    )


def _changes(
    node: Any, holder: ast.AST, field: str, members: dict[str, set[str]], bound: Counter[str]
) -> Iterator[tuple[ast.AST | None, str]]:
    """What may stand in this place instead, None for nothing at all; and the change in words."""
    for new in _instead(node, members):
        yield new, f"{_short(node)} → {_short(new)}"
    place = type(holder).__name__, field
    if place in LEFT_OUT and not _is_sentence(node):
        yield None, f"without {_short(node)}"
    if field == "test" and isinstance(holder, ast.If | ast.IfExp | ast.While):
        for truth in (True, False) if not isinstance(holder, ast.While) else (False,):
            yield ast.Constant(truth), f"if {_short(node)} → {truth}"
    if place == ("Call", "args") and ast.unparse(holder.func).split(".")[-1][0].isupper():  # a field of a value
        yield ast.Constant(None), f"{_short(holder)}: {_short(node)} → None"
    if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
        for gone in node.type.elts:
            rest = ast.Tuple([each for each in node.type.elts if each is not gone], ast.Load())
            yield ast.ExceptHandler(rest, node.name, node.body), f"except without {_short(gone)}"
    plain = isinstance(node, ast.Assign) and not (
        isinstance(node.targets[0], ast.Name) and bound[node.targets[0].id] < 2
    )
    if isinstance(node, DONE_WITHOUT) or plain or (isinstance(node, ast.Return) and node.value is None):
        yield ast.Pass(), f"without {_short(node)}"
    if isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
        yield ast.Return(ast.Constant(None)), f"{_short(node)} → None"


def _instead(node: Any, members: dict[str, set[str]]) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left, operators, right):
            for index, operator in enumerate(operators):
                for new in COMPARED[type(operator)]:
                    yield ast.Compare(left, [*operators[:index], new(), *operators[index + 1 :]], right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.BinOp(left, operator, right) if type(operator) in COUNTED:
            yield ast.BinOp(left, COUNTED[type(operator)](), right)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(str() as value):
            yield ast.Constant(value + "x")
        case ast.Constant(bytes() as value):
            yield ast.Constant(value + b"x")
        case ast.Call(ast.Name(name), arguments, keywords) if name in CALLED:
            yield ast.Call(ast.Name(CALLED[name], ast.Load()), arguments, keywords)
        case ast.Attribute(ast.Name(name), attribute) if attribute.isupper() and len(members[name]) > 1:
            ordered = sorted(members[name])
            yield ast.Attribute(node.value, ordered[ordered.index(attribute) - 1], ast.Load())


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 70 else text[:60] + " … " + text[-7:]


def _line(node: ast.AST) -> int:
    return next((each.lineno for each in ast.walk(node) if hasattr(each, "lineno")), 0)
