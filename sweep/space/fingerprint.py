"""sweep.space.fingerprint."""

import ast
import functools
import hashlib
import threading

_parsing = threading.Lock()  # Python 3.11 fails where two threads parse at once, now and then


def tree_of(text: str) -> ast.Module | None:
    """Return the syntax tree, or None where the text is no Python."""
    try:
        with _parsing:
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=256)
def _fingerprint(text: str) -> dict[str, str]:
    tree = tree_of(text)
    if not tree:
        return {"the text": hashlib.sha256(text.encode()).hexdigest()[:16]}
    parts: dict[str, list[object]] = {}
    for statement in tree.body:
        if not _is_text(statement):
            parts.setdefault(_part_name(statement), []).append(_shape(statement))
    return {
        name: hashlib.sha256(repr(shape).encode()).hexdigest()[:16] for name, shape in parts.items()
    }


def fingerprint(text: str) -> dict[str, str]:
    """Return a hash of each top-level part, by name, over the syntax tree: comments, format and docstrings are not in it.

    What is no Python has one hash for all.
    """
    return dict(_fingerprint(text))


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
    """The tree without its positions. ``ast.dump`` would differ from one Python to the next."""
    if isinstance(node, ast.AST):
        fields = [(name, _shape(value)) for name, value in ast.iter_fields(node) if name != "kind"]
        return type(node).__name__, [
            (name, shape) for name, shape in fields if shape not in (None, [])
        ]
    if isinstance(node, list):
        return [
            _shape(item) for item in node if not (isinstance(item, ast.stmt) and _is_text(item))
        ]
    return node if node is None else repr(node)
