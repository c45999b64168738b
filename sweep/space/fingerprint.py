"""A hash of each top-level part of a Python text, to tell what was changed in it."""

import ast
import functools
import hashlib
import threading

_parsing = threading.Lock()  # Python 3.11 fails now and then where two threads parse at once


def tree_of(text: str) -> ast.Module | None:
    """Return the syntax tree of the text, or None where it is no Python."""
    try:
        with _parsing:
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def fingerprint(text: str) -> dict[str, str]:
    """Return a hash of each top-level part, by name.

    It is taken over the syntax tree, so that comments, formatting and docstrings do not count. A
    text that is no Python has one hash for all of it.
    """
    return dict(_fingerprint(text))


@functools.lru_cache(maxsize=256)
def _fingerprint(text: str) -> dict[str, str]:
    tree = tree_of(text)
    if not tree:
        return {"the text": _hash(text)}
    parts: dict[str, list[object]] = {}
    for statement in tree.body:
        if not _is_text(statement):
            parts.setdefault(_part_name(statement), []).append(_shape(statement))
    return {name: _hash(repr(shape)) for name, shape in parts.items()}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _part_name(statement: ast.stmt) -> str:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return statement.name
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return ", ".join(ast.unparse(target) for target in targets)
    return "the imports and other statements"


def _shape(node: object) -> object:
    """Return the tree without its positions; ``ast.dump`` differs between versions of Python."""
    if isinstance(node, ast.AST):
        fields = [(name, _shape(value)) for name, value in ast.iter_fields(node) if name != "kind"]
        kept = [(name, shape) for name, shape in fields if shape not in (None, [])]
        return type(node).__name__, kept
    if isinstance(node, list):
        return [
            _shape(item) for item in node if not (isinstance(item, ast.stmt) and _is_text(item))
        ]
    return node if node is None else repr(node)
