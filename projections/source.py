"""Where the source of a declared class stands: in its file, or in a notebook's cell."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any


def class_definition(cls: type[Any]) -> ast.ClassDef | None:
    """The class as it is written; None where its source is nowhere."""
    body = body_of(sys.modules.get(cls.__module__)) if cls.__qualname__ == cls.__name__ else []
    found = _called(cls.__name__, body)
    if not found:
        try:
            body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        except (OSError, TypeError):
            body = ast.parse(_cell(cls)).body
        found = _called(cls.__name__, body)
    return found[-1] if found else None


@cache
def body_of(module: ModuleType | None) -> list[ast.stmt]:
    """What stands at the top level of a module's file; nothing of a notebook."""
    try:
        return ast.parse(inspect.getsource(module)).body if module else []
    except (OSError, TypeError):
        return []


def _called(name: str, body: Sequence[ast.stmt]) -> list[ast.ClassDef]:
    return [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]


def _cell(cls: type[Any]) -> str:
    """The notebook's cell in which a class stands: there is no file, but its methods know the cell."""
    files = [f.__code__.co_filename for f in vars(cls).values() if inspect.isfunction(f)]
    return "".join(linecache.getlines(files[0])) if files else ""
