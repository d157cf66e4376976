"""Whether a view is still computed in the same way: a digest of its code and of all that this refers to."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable
from functools import cache
from types import ModuleType
from typing import Any

from projections.source import body_of, class_definition

FLOORS = ("domain.", "projections.")
MACHINERY = frozenset({"domain.events", "domain.records", "domain.decider", "projections.view"})
"""Its names count, not its code: it says how events and views are kept, not what they mean."""
POLICIES, FOLDED = ("domain.policies", "Policies"), ("domain.policies", "evolve")

Name = tuple[str, str]
"""A module and a name at its top level."""


def digest_of(cls: type[Any], *besides: object) -> str:
    """Of a row's class, and transitively of the functions, classes and constants that it names.

    Those of the floors `domain` and `projections` and of the class's own file; others by name only.
    Comments, docstrings and neighbours in the same file do not matter.
    """
    node = class_definition(cls) or ast.Pass()
    texts, outside, seen = [_text(node)], list[str](), set[Name]()
    waiting = {*_named(node, cls.__module__)}
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name == POLICIES:
            waiting.add(FOLDED)
        module, word = name
        if module in MACHINERY or not (module.startswith(FLOORS) or module == cls.__module__):
            outside.append(f"{module} {word}")
            continue
        for found in _definitions(module).get(word, ()):
            texts.append(f"{word} {_text(found)}")
            waiting |= _named(found, module)
    whole = "\n".join([repr(besides), *sorted(texts), *sorted(outside)])
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


@cache
def _text(node: ast.AST) -> str:
    """Its code in one form, without docstrings."""
    node = ast.parse(ast.unparse(node))
    for part in ast.walk(node):
        if isinstance(body := getattr(part, "body", None), list):
            part.body = [line for line in body if not _is_text(line)] or [ast.Pass()]  # type: ignore[attr-defined]  # it has one
    return ast.unparse(node)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


@cache
def _named(node: ast.AST, module: str) -> frozenset[Name]:
    """The names in a piece of code that its module defines or imports, each where it is defined."""
    own, imported = _definitions(module), _imports(sys.modules.get(module))
    words = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return frozenset(imported.get(word, (module, word)) for word in words if word in own or word in imported)


def _definitions(module: str) -> dict[str, list[ast.stmt]]:
    """What stands at the top level of a module of the project, by name."""
    return _definitions_of(sys.modules.get(module))


@cache
def _definitions_of(module: ModuleType | None) -> dict[str, list[ast.stmt]]:
    found: dict[str, list[ast.stmt]] = {}
    for line in body_of(module):
        for name in _bound(line):
            found.setdefault(name, []).append(line)
    return found


def _bound(line: ast.stmt) -> Iterable[str]:
    match line:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return (name,)
        case ast.Assign(targets=targets):
            return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return (name,)
    return ()


@cache
def _imports(module: ModuleType | None) -> dict[str, Name]:
    return {
        alias.asname or alias.name: _home(line.module or "", alias.name)
        for line in body_of(module)
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }


def _home(module: str, name: str) -> Name:
    """Where a name is defined; the front door `kehu` only hands on."""
    found = getattr(sys.modules.get(module), name, None)
    home = getattr(found, "__module__", None) if isinstance(found, type) or callable(found) else None
    return (home, name) if isinstance(home, str) and home.startswith(FLOORS) else (module, name)
