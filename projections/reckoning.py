"""SQL that reports share: the day they are about, figures in force on it, its zone, and money that counts."""

from __future__ import annotations

from domain.calendar import DEFAULT_CALENDAR
from domain.service import DEFAULT_SERVICE
from domain.value import DEFAULT_VALUE

LATEST = "coalesce((SELECT max(day) FROM {ended_days} d), current_date)"
"""SQL in a report for the last business day that ended."""
TODAY = f"coalesce(:on::date, {LATEST})"
"""SQL in a report for the day it is about: the argument `on`, or the last business day that ended."""


def _in_force(view: str, figure: str, default: object, day: str) -> str:
    return (
        f"coalesce((SELECT p.{figure} FROM {{{view}}} p WHERE p.effective_from <= {day}"
        f" ORDER BY p.effective_from DESC LIMIT 1), {default})"
    )


def service(figure: str, day: str = TODAY) -> str:
    """SQL in a report for a figure of the service policy in force on a day."""
    return _in_force("service_policies", figure, getattr(DEFAULT_SERVICE, figure), day) + "::int"


def worth(figure: str, day: str = TODAY) -> str:
    """SQL in a report for a figure of the value policy in force on a day."""
    return _in_force("value_policies", figure, getattr(DEFAULT_VALUE, figure), day)


ZONE = _in_force("calendars", "time_zone", f"'{DEFAULT_CALENDAR.time_zone}'", LATEST)
"""SQL in a report for the zone in which days are reckoned: of the calendar on the last business day."""
DAYS = ("calendars", "ended_days")
"""The views that SQL about days reads."""


def day_of(moment: str) -> str:
    """SQL in a report for the business day of a moment."""
    return f"({moment} AT TIME ZONE {ZONE})::date"


def begin_of(day: str) -> str:
    """SQL in a report for the moment at which a business day begins."""
    return f"(({day})::timestamp AT TIME ZONE {ZONE})"


def period(moment: str) -> str:
    """SQL for a moment that lies in a report's period; its two ends are the arguments `since` and `until`."""
    return (
        f"(:since::date IS NULL OR {moment} >= {begin_of(':since::date')})"
        f" AND (:until::date IS NULL OR {moment} < {begin_of(':until::date + 1')})"
    )


def days(day: str) -> str:
    """SQL for a day that lies in a report's period."""
    return (
        f"(:since::date IS NULL OR {day} >= :since::date) AND (:until::date IS NULL OR {day} <= :until::date)"
    )


OURS = (
    f"(:until::date IS NULL OR registered_at < {begin_of(':until::date + 1')})"
    f" AND (:since::date IS NULL OR ended_at IS NULL OR ended_at >= {begin_of(':since::date')})"
)
"""SQL for a customer whom we had in a report's period: there by its end, and not gone before it began."""

CURRENCY = _in_force("tier_policies", "currency", "NULL", f"{LATEST} AND NOT p.retired")
"""SQL in a report for the currency that we reckon in, which is the tier policy's; null without one."""
MONEY = ("tier_policies", "ended_days")
"""The views that SQL about money reads."""


def counts(currency: str) -> str:
    """SQL in a report for an amount that counts: one in our currency, as for tiers; without a policy, any."""
    return f"coalesce({currency} = {CURRENCY}, true)"


def total(amount: str) -> str:
    """SQL in a report for the sum of those amounts that count."""
    return f"coalesce(sum({amount}) FILTER (WHERE {counts('currency')}), 0)::bigint"


SPENT = f"(SELECT customer_id, {total('spent_minor')} AS spent FROM {{spendings}} p GROUP BY customer_id)"
"""SQL in a report for what customers paid, less refunds."""
