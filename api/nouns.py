"""What GraphQL adds for one noun: which commands become mutations, what they answer, and special fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from api.views import ViewType
from domain.announcements import ANNOUNCEMENTS
from domain.articles import ARTICLES
from domain.campaigns import CAMPAIGNS, INVITATIONS
from domain.claims import CLAIMS
from domain.commitments import COMMITMENTS
from domain.costs import COSTS
from domain.crises import CRISES
from domain.decider import Decider
from domain.extras import EXTRA_FIELDS, EXTRAS
from domain.groups import GROUPS
from domain.incidents import INCIDENTS
from domain.leads import LEADS
from domain.lifetime import LIFETIME_MODELS
from domain.loans import LOANS
from domain.measures import MEASURES
from domain.merging import MERGES
from domain.messages import MESSAGES
from domain.opportunities import OPPORTUNITIES
from domain.quality import QUALITY
from domain.records import Record
from domain.rivals import RIVALS
from domain.screening import SCREENING_LISTS
from domain.service import SERVICE_POLICIES
from domain.staff import STAFF
from domain.standards import PROMISE_STANDARDS
from domain.subscriptions import SUBSCRIPTIONS
from domain.surveys import SURVEY_ISSUES, SURVEYS
from domain.value import VALUE_POLICIES
from domain.visits import VISITS

Links = Mapping[str, tuple[Any, Any]]


class Noun(Record):
    """A business word as the API knows it. Its views and reports need no mention: all declared ones show."""

    decider: Decider[Any]
    """Each of its commands is a mutation."""
    answer: str | None = None
    """The view whose row those mutations answer with."""
    links: Callable[[Mapping[str, ViewType]], Mapping[str, Links]] = lambda types: {}
    """Fields written by hand, by view and name."""


PLAIN: Sequence[tuple[Decider[Any], str | None]] = (
    (MERGES, None),
    (GROUPS, "group_members"),
    (EXTRA_FIELDS, "extra_fields"),
    (EXTRAS, None),
    (SCREENING_LISTS, "screening_lists"),
    (LOANS, "file_loans"),
    (STAFF, "staff"),
    (COMMITMENTS, "commitments"),
    (MESSAGES, "messages"),
    (INCIDENTS, "incidents"),
    (CAMPAIGNS, "campaigns"),
    (INVITATIONS, None),
    (ARTICLES, "articles"),
    (RIVALS, "rival_observations"),
    (LEADS, "leads"),
    (OPPORTUNITIES, "opportunities"),
    (CRISES, "crises"),
    (MEASURES, "measures"),
    (QUALITY, "quality_scores"),
    (SURVEYS, "surveys"),
    (SURVEY_ISSUES, "survey_issues"),
    (VISITS, "visits"),
    (SUBSCRIPTIONS, "subscriptions"),
    (ANNOUNCEMENTS, "announcements"),
    (CLAIMS, "claims"),
    (COSTS, "costs"),
    (LIFETIME_MODELS, "lifetime_models"),
    (SERVICE_POLICIES, "service_policies"),
    (PROMISE_STANDARDS, "promise_standards"),
    (VALUE_POLICIES, "value_policies"),
)
"""The view that the mutations of each noun without fields of its own answer with."""


def plain_nouns() -> tuple[Noun, ...]:
    """The nouns to which nothing is added by hand."""
    return tuple(Noun(decider=decider, answer=answer) for decider, answer in PLAIN)
