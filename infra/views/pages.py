"""The log in pages of those events that some view follows; the next page is read while one is folded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from domain.events import Event, PolicyEvent, Recorded
from domain.policies import POLICY_EVENTS, Policies
from domain.policies import evolve as evolve_policies
from infra.log.log import Log
from infra.views.builds import Moment

POLICY_NAMES = frozenset(kind.TOPIC for kind in POLICY_EVENTS)
REMEMBERED = 8
"""Positions whose policies are kept in mind."""

Asked = tuple[int, int, frozenset[str]]
"""After which position, up to which one, and events of which names."""


class Pages:
    """Reads a log for its views."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._ahead: dict[Asked, asyncio.Task[list[Recorded[Event]]]] = {}
        self._policies: dict[int, Policies] = {0: Policies()}

    async def read(self, after: int, until: int, names: frozenset[str], head: int) -> list[Moment]:
        """The events with after < position <= until, each with the policies published up to it.

        Where a whole page of that size follows before the head, it is begun to be read.
        """
        asked = (after, until, names | POLICY_NAMES)
        task = self._ahead.pop(asked, None)
        events = await (task or self._read(asked))
        policies = self._policies.get(after)
        if policies is None:
            policies = await self._log.policies(after)
        following = until + (until - after)
        if following <= head:
            self._begin((until, following, asked[2]))
        return self._with_policies(events, policies, until)

    def _with_policies(self, events: Sequence[Recorded[Event]], policies: Policies, end: int) -> list[Moment]:
        moments = []
        for recorded in events:
            if isinstance(recorded.event, PolicyEvent):
                policies = evolve_policies(policies, recorded.event)
            moments.append((recorded, policies))
        while len(self._policies) >= REMEMBERED:
            del self._policies[next(iter(self._policies))]
        self._policies[end] = policies
        return moments

    async def _read(self, asked: Asked) -> list[Recorded[Event]]:
        after, until, names = asked
        return await self._log.read_named(names, after=after, until=until)

    def _begin(self, asked: Asked) -> None:
        self.forget()
        self._ahead[asked] = task = asyncio.create_task(self._read(asked))
        task.add_done_callback(_heard)

    def forget(self) -> None:
        """Read nothing ahead any more."""
        for task in self._ahead.values():
            task.cancel()
        self._ahead.clear()


def _heard(task: asyncio.Task[list[Recorded[Event]]]) -> None:
    """What failed ahead of time fails again when it is asked for."""
    if not task.cancelled():
        task.exception()
