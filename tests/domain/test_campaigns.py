"""Who is invited to a campaign, and who answers."""

from __future__ import annotations

from datetime import date

from domain.campaigns import (
    INVITATIONS,
    Answer,
    AnswerCampaign,
    CampaignAnswered,
    CampaignClosed,
    CampaignKind,
    CampaignNotOpen,
    CampaignPlanned,
    CustomerInvited,
    InviteCustomer,
    NotInvited,
)
from tests.domain.spec import given

PLANNED = CampaignPlanned(
    campaign_id="fair", kind=CampaignKind.FAIR, title="春季", segment="all", on=date(2026, 4, 1)
)
CLOSED = CampaignClosed(campaign_id="fair", cost_minor=1, currency="CNY")
INVITED = CustomerInvited(campaign_id="fair", customer_id="c")
US = {"campaign_id": "fair", "customer_id": "c"}


def test_customers_are_invited_while_it_is_open_and_once() -> None:
    given(INVITATIONS).and_elsewhere(PLANNED).when(InviteCustomer, **US).then(INVITED)
    given(INVITATIONS, INVITED).and_elsewhere(PLANNED).when(InviteCustomer, **US).then()
    given(INVITATIONS).when(InviteCustomer, **US).refused(CampaignNotOpen, "campaign_id")
    given(INVITATIONS).and_elsewhere(PLANNED, CLOSED).when(InviteCustomer, **US).refused(
        CampaignNotOpen, "campaign_id"
    )


def test_who_was_invited_answers_also_later() -> None:
    given(INVITATIONS, INVITED).and_elsewhere(PLANNED, CLOSED).when(
        AnswerCampaign, **US, answer="attended"
    ).then(CampaignAnswered(campaign_id="fair", customer_id="c", answer=Answer.ATTENDED))
    given(INVITATIONS).when(AnswerCampaign, **US, answer="attended").refused(NotInvited, "customer_id")
