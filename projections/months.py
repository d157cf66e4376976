"""When a month has ended: what is computed then for all months needs these values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.calendar import DayEnded, day_end
from domain.events import Recorded
from domain.policies import Policies
from domain.tiers import Cadence, ends_on


def month_ended(recorded: Recorded[DayEnded], policies: Policies) -> Mapping[str, Any] | None:
    """The month's last day, its end (UTC) and the zone of its days; None on other days."""
    day = recorded.event.day
    if not ends_on(Cadence.MONTH, day):
        return None
    calendar = policies.calendar(day)
    return {"day": day, "until": day_end(day, calendar), "zone": calendar.time_zone}
