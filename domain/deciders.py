"""Which aggregates there are, and which of them decides a command."""

from __future__ import annotations

from typing import Any

from domain.analysis import ANALYSES
from domain.announcements import ANNOUNCEMENTS
from domain.articles import ARTICLES
from domain.calendar import CALENDARS, DAYS
from domain.campaigns import CAMPAIGNS, INVITATIONS
from domain.claims import CLAIMS
from domain.commands import Command
from domain.commitments import COMMITMENTS
from domain.complaints import COMPLAINTS
from domain.costs import COSTS
from domain.crises import CRISES
from domain.customers import CUSTOMERS
from domain.deadlines import DEADLINES
from domain.decider import Decider
from domain.extras import EXTRA_FIELDS, EXTRAS
from domain.groups import GROUPS
from domain.incidents import INCIDENTS
from domain.interactions import INTERACTIONS
from domain.leads import LEADS
from domain.lifetime import LIFETIME_MODELS
from domain.loans import LOANS
from domain.measures import MEASURES
from domain.merging import MERGES
from domain.messages import MESSAGES
from domain.opportunities import OPPORTUNITIES
from domain.orders import ORDERS
from domain.points import POINTS
from domain.quality import QUALITY
from domain.reads import READS, LogRead
from domain.rivals import RIVALS
from domain.screening import SCREENING_LISTS
from domain.service import SERVICE_POLICIES
from domain.staff import STAFF
from domain.standards import PROMISE_STANDARDS
from domain.subscriptions import SUBSCRIPTIONS
from domain.surveys import SURVEY_ISSUES, SURVEYS
from domain.tiers import TIER_POLICIES
from domain.value import VALUE_POLICIES
from domain.visits import VISITS

DECIDERS: tuple[Decider[Any], ...] = (
    CUSTOMERS,
    INTERACTIONS,
    ORDERS,
    COMPLAINTS,
    POINTS,
    MERGES,
    GROUPS,
    EXTRA_FIELDS,
    EXTRAS,
    SCREENING_LISTS,
    LOANS,
    STAFF,
    COMMITMENTS,
    MESSAGES,
    INCIDENTS,
    CAMPAIGNS,
    INVITATIONS,
    ARTICLES,
    RIVALS,
    LEADS,
    OPPORTUNITIES,
    CRISES,
    MEASURES,
    QUALITY,
    SURVEYS,
    SURVEY_ISSUES,
    VISITS,
    SUBSCRIPTIONS,
    ANNOUNCEMENTS,
    CLAIMS,
    COSTS,
    READS,
    LIFETIME_MODELS,
    TIER_POLICIES,
    ANALYSES,
    SERVICE_POLICIES,
    PROMISE_STANDARDS,
    VALUE_POLICIES,
    DEADLINES,
    CALENDARS,
    DAYS,
)

INTERNAL: frozenset[type[Command]] = frozenset({LogRead})
"""Commands that Kehu itself gives, and nobody else may."""

_BY_COMMAND = {command: decider for decider in DECIDERS for command in decider.commands}

BY_NAME = {decider.name: decider for decider in DECIDERS}
"""The aggregates by the category of their streams."""


def decider_of(command_type: type[Command]) -> Decider[Any]:
    """The aggregate that decides commands of this type. Raises `LookupError` where none does."""
    try:
        return _BY_COMMAND[command_type]
    except KeyError:
        raise LookupError(f"no aggregate decides {command_type.__name__}; list it in its decider") from None
