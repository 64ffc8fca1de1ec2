"""Changes of a file's source, one at a time: a comparison or a condition turned, a constant changed, a call
or a result left out."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

KINDS = ("result", "comparison", "condition", "call", "figure", "text")
TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One change: where it is, what it is, and the whole source with it."""

    line: int
    kind: str
    description: str
    source: str


def changes(source: str) -> list[Change]:
    """Every change that is tried of a file, in the order of its lines."""
    tree = ast.parse(source)
    found = []
    for node, kind, field, changed in _replacements(tree):
        before = getattr(node, field)
        description = f"{_text(before)} -> {_text(changed)}"
        setattr(node, field, changed)
        found.append(Change(_line(node), kind, description, ast.unparse(tree)))
        setattr(node, field, before)
    return sorted(found, key=lambda change: change.line)


def _replacements(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str, object]]:
    """A node, the kind of the change, one of the node's fields, and what stands there instead."""
    unread = _unread(tree)
    for node in ast.walk(tree):
        if id(node) in unread:
            continue
        match node:
            case ast.Compare(ops=[first, *rest]):
                yield node, "comparison", "ops", [TURNED[type(first)](), *rest]
            case ast.Constant(value=value) if value is not None and value is not ...:
                yield node, "text" if isinstance(value, str) else "figure", "value", _other(value)
            case ast.If() | ast.While() | ast.IfExp():
                yield node, "condition", "test", ast.UnaryOp(ast.Not(), node.test)
            case ast.Expr(value=ast.Call() | ast.Await()):
                yield node, "call", "value", ast.Constant(None)
            case ast.Return(value=ast.expr()):
                yield node, "result", "value", ast.Constant(None)


def _unread(tree: ast.Module) -> set[int]:
    """The ids of nodes whose change changes nothing that runs: docstrings and annotations."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                found.update(id(each) for each in ast.walk(annotation))
    return found


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int() | float() | complex():
            return value + 1
        case bytes():
            return value + b"X"
        case _:
            return f"{value}X"


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))


def _text(value: object) -> str:
    """A field's value in the words of the source."""
    if isinstance(value, list):
        return " ".join(type(each).__name__ for each in value)
    return ast.unparse(value) if isinstance(value, ast.AST) else repr(value)
