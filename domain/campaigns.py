"""Campaigns and events (一对一营销、公关活动): who is invited, who came, who answered, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum

from domain.commands import Command, Id, Name, Text
from domain.course import Move, course
from domain.customers import require_served
from domain.decider import Boundary, Decider, carry
from domain.errors import DomainError
from domain.events import Event, Personal, event
from domain.money import Amount, Currency
from domain.records import Record


class CampaignKind(StrEnum):
    """What kind of occasion it is."""

    MAILING = "mailing"
    FAIR = "fair"
    OPENING = "opening"
    SPONSORSHIP = "sponsorship"
    VISIT = "visit"
    OTHER = "other"


class Answer(StrEnum):
    """What an invited customer did: came, answered, or declined."""

    ATTENDED = "attended"
    RESPONDED = "responded"
    DECLINED = "declined"


def campaign_tag(campaign_id: str) -> str:
    """Whether a campaign is open, its own events tell."""
    return f"campaign:{campaign_id}"


class _OfCampaign(Event):
    campaign_id: str

    @property
    def tags(self) -> tuple[str, ...]:
        return (campaign_tag(self.campaign_id),)


@event("CampaignPlanned")
class CampaignPlanned(_OfCampaign):
    kind: CampaignKind
    title: str
    segment: str
    on: date


@event("CampaignClosed")
class CampaignClosed(_OfCampaign):
    cost_minor: int
    currency: str
    note: Personal[str | None] = None


@event("CustomerInvited")
class CustomerInvited(Event):
    campaign_id: str
    customer_id: str


@event("CampaignAnswered")
class CampaignAnswered(Event):
    campaign_id: str
    customer_id: str
    answer: Answer


class PlanCampaign(Command):
    """Plan a campaign or an event for a segment of customers (一对一营销、公关活动)."""

    campaign_id: Id
    """Which campaign; chosen by whoever plans it."""
    kind: CampaignKind
    """What kind of occasion."""
    title: Name
    """What it is called."""
    segment: Name
    """Whom it is for, in words."""
    on: date
    """The day it takes place or goes out."""


class CloseCampaign(Command):
    """End a campaign with what it cost."""

    campaign_id: Id
    """Which campaign."""
    cost_minor: Amount
    currency: Currency
    note: Text | None = None
    """What was learned."""


CAMPAIGNS = course(
    "campaign",
    "campaign_id",
    Move(command=PlanCampaign, event=CampaignPlanned, to="open"),
    Move(command=CloseCampaign, event=CampaignClosed, to="closed", after=("open",)),
)


# --- Its guests -----------------------------------------------------------------------------------


class InviteCustomer(Command):
    """Invite a customer to an open campaign."""

    campaign_id: Id
    """Which campaign."""
    customer_id: Id


class AnswerCampaign(Command):
    """Note that an invited customer came, answered or declined; also after the campaign has closed."""

    campaign_id: Id
    """Which campaign."""
    customer_id: Id
    answer: Answer
    """What they did."""


class CampaignNotOpen(DomainError):
    """There is no open campaign {campaign_id}."""

    field = "campaign_id"


class NotInvited(DomainError):
    """Customer {customer_id} was not invited to campaign {campaign_id}."""

    field = "customer_id"


class Invitations(Record):
    """To which campaigns a customer was invited."""

    customer_id: str | None = None
    campaigns: frozenset[str] = frozenset()


def evolve(state: Invitations, happened: CustomerInvited | CampaignAnswered) -> Invitations:
    campaigns = state.campaigns | {happened.campaign_id}
    return Invitations(customer_id=happened.customer_id, campaigns=campaigns)


def decide(
    state: Invitations, command: InviteCustomer | AnswerCampaign, opened: Mapping[str, bool]
) -> Sequence[CustomerInvited | CampaignAnswered]:
    if isinstance(command, AnswerCampaign):
        if command.campaign_id not in state.campaigns:
            raise NotInvited(customer_id=command.customer_id, campaign_id=command.campaign_id)
        return [carry(CampaignAnswered, command)]
    if not opened[campaign_tag(command.campaign_id)]:
        raise CampaignNotOpen(campaign_id=command.campaign_id)
    return [] if command.campaign_id in state.campaigns else [carry(CustomerInvited, command)]


def _campaign(state: Invitations, command: InviteCustomer | AnswerCampaign) -> Sequence[str]:
    return (campaign_tag(command.campaign_id),) if isinstance(command, InviteCustomer) else ()


INVITATIONS = Decider(
    name="invitations",
    id_field="customer_id",
    initial=Invitations(),
    evolve=evolve,
    decide=decide,
    commands=(InviteCustomer, AnswerCampaign),
    guard=require_served,
    boundary=Boundary(
        initial=False,
        evolve=lambda state, happened: isinstance(happened, CampaignPlanned),
        tags=_campaign,
        foreign=True,
    ),
)
