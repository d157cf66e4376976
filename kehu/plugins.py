"""Loads an analyst's file of projections; what is wrong with it is told in one line."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path

from projections.checking import check
from projections.view import DeclarationError, reports, views


class BadProjection(Exception):
    """The file cannot be loaded: file, line and advice."""


def load(path: Path) -> tuple[str, ...]:
    """Load a file, once more if need be, and answer with the views it declares. Raises `BadProjection`."""
    name = f"kehu_projection_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise BadProjection(f"{path}: is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a view's declaration looks its source up there
    try:
        spec.loader.exec_module(module)
    except DeclarationError as error:
        raise BadProjection(str(error)) from error
    except SyntaxError as error:
        raise BadProjection(f"{error.filename or path}:{error.lineno}: {error.msg}") from error
    except Exception as error:
        raise BadProjection(f"{path}:{_line(error, path)}: {type(error).__name__}: {error}") from error
    try:
        check(views, reports)
    except DeclarationError as error:
        raise BadProjection(str(error)) from error
    declared = tuple(view for view, declaration in views.items() if declaration.row.__module__ == name)
    if not declared:
        raise BadProjection(f"{path}: declares no view; mark a class with @view(...)")
    return declared


def _line(error: Exception, path: Path) -> int:
    """The last line of the file itself that led to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((f.lineno or 0 for f in reversed(frames) if f.filename == str(path.resolve())), 0)
