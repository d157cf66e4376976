"""The README cannot rot: its queries are valid, and its example is the file it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import parse, validate

from api.schema import build_schema
from kehu.builtin import NAMES
from kehu.plugins import load
from projections.view import reports, views

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def queries() -> Iterator[str]:
    yield from re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
    for body in re.findall(r"-d '(\{.*?\})'", README, re.DOTALL):
        yield json.loads(body)["query"]


@pytest.fixture(scope="module")
def example() -> str:
    """The name of the view in the README's example."""
    known = set(views)
    load(ROOT / "examples" / "channel_use.py")
    [name] = set(views) - known or {"channel_uses"}
    return name


@pytest.mark.parametrize("query", list(queries()))
def test_every_query_is_valid(query: str, example: str) -> None:
    schema = build_schema({name: views[name] for name in (*NAMES, example)}, reports)
    assert validate(schema._schema, parse(query)) == []


def test_the_analysts_example_is_the_file() -> None:
    file = (ROOT / "examples" / "channel_use.py").read_text(encoding="utf-8")
    assert f"```python\n{file}```" in README
    assert len(file.splitlines()) <= 20
