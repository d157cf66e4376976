"""What events make of one view, in memory: its rows after each of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from domain.events import PolicyEvent, Recorded
from domain.policies import Policies, evolve
from projections.view import Declaration, Handler, View

Key = tuple[Any, ...]


class NotFolded(Exception):
    """The view is computed from other views, not folded from events."""


class Folding:
    """A view's rows as they follow events, from nothing on. Raises `NotFolded` for a population."""

    def __init__(self, declaration: Declaration, policies: Policies | None = None) -> None:
        if declaration.population is not None:
            raise NotFolded(f"{declaration.name}: {NotFolded.__doc__}")
        self.declaration = declaration
        self.policies = policies or Policies()
        self.rows: dict[Key, View] = {}
        self._watched: dict[Key, None] = {}

    def follow(self, recorded: Recorded[Any], found: View | None = None) -> None:
        """Fold one event into the rows that it touches; `found` is what its fold looks up, if it does."""
        if isinstance(recorded.event, PolicyEvent):
            self.policies = evolve(self.policies, recorded.event)
        handler = self.declaration.handlers.get(type(recorded.event))
        if handler is None:
            return
        for key in self._touched(handler, recorded):
            before = self.rows.get(key) or self.declaration.blank(key)
            self._keep(key, handler.after(before, recorded, self.policies, found))

    def _touched(self, handler: Handler, recorded: Recorded[Any]) -> Iterable[Key]:
        return tuple(self._watched) if handler.rows is not None else dict.fromkeys(handler.keys(recorded))

    def _keep(self, key: Key, row: View | None) -> None:
        if row is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = row
        watched = (self.declaration.watched or {}).items()
        if watched and row is not None and all(getattr(row, name) == value for name, value in watched):
            self._watched[key] = None
        else:
            self._watched.pop(key, None)
