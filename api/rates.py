"""How much one caller may ask for in a while: a bucket of cost each, which fills again by itself."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from graphql import GraphQLError

CALLERS = 10_000
"""Buckets that are kept; that which was left alone longest goes first, full again as likely as not."""


class Rates:
    """The buckets of one process; without a rate everybody may ask for everything."""

    def __init__(self, rate: float | None, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, cost: int) -> dict[str, Any]:
        """What `extensions.cost` tells, the cost taken. Raises RATE_LIMITED where the bucket holds less."""
        if self._rate is None:
            return {"requested": cost}
        level, now = self._level(caller)
        if cost > level:
            wait = math.ceil((min(cost, self._burst) - level) / self._rate)
            raise GraphQLError(
                f"this costs {cost}, and {int(level)} of {int(self._burst)} are left;"
                f" try again in {wait} s, or ask for less",
                extensions={"code": "RATE_LIMITED", "retryAfter": wait},
            )
        self._buckets[caller] = level - cost, now
        self._buckets.move_to_end(caller)
        if len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)
        return {"requested": cost, "limit": int(self._burst), "remaining": int(level - cost)}

    def _level(self, caller: str) -> tuple[float, float]:
        """What the caller's bucket holds now, and when that is."""
        assert self._rate is not None
        now = self._clock()
        level, since = self._buckets.get(caller, (self._burst, now))
        return min(self._burst, level + (now - since) * self._rate), now
