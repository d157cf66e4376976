"""Where the source of a declared class stands: in its file, or in a notebook's cell."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from typing import Any


def class_definition(cls: type[Any]) -> ast.ClassDef | None:
    """The class as it is written; None where its source is nowhere."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        tree = ast.parse(_cell(cls))
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls.__name__]
    return found[-1] if found else None


def _cell(cls: type[Any]) -> str:
    """The notebook's cell in which a class stands: there is no file, but its methods know the cell."""
    files = [f.__code__.co_filename for f in vars(cls).values() if inspect.isfunction(f)]
    return "".join(linecache.getlines(files[0])) if files else ""
