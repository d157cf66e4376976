"""What GraphQL adds for one noun: which commands become mutations, what they answer, and special fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from api.views import ViewType
from domain.decider import Decider
from domain.records import Record

Links = Mapping[str, tuple[Any, Any]]


class Noun(Record):
    """A business word as the API knows it. Its views and reports need no mention: all declared ones show."""

    decider: Decider[Any]
    """Each of its commands is a mutation."""
    answer: str | None = None
    """The view whose row those mutations answer with."""
    links: Callable[[Mapping[str, ViewType]], Mapping[str, Links]] = lambda types: {}
    """Fields written by hand, by view and name."""
