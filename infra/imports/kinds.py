"""What can be imported: the kinds of rows, each the commands that it stands for."""

from __future__ import annotations

from collections.abc import Mapping

from domain.announcements import PrepareAnnouncement
from domain.articles import PublishArticle, WithdrawArticle
from domain.campaigns import CloseCampaign, PlanCampaign
from domain.claims import MakeClaim, PayClaim, RefuseClaim
from domain.commitments import KeepCommitment, MakeCommitment, MissCommitment
from domain.complaints import (
    AcceptRemedy,
    AcknowledgeComplaint,
    AssessComplaint,
    AssignComplaint,
    CloseComplaint,
    CommunicateDecision,
    OfferRemedy,
    ReceiveComplaint,
    RecordInvestigation,
    RejectRemedy,
    VerifySatisfaction,
)
from domain.costs import BookCost
from domain.customers import AddContactPoint, AssignOwner, ChangeProfile, EndRelationship, RegisterCustomer
from domain.extras import DefineExtraField, SetExtraField
from domain.files import AgreePrice, ClassifyCustomer, GiveCare, GiveConsent, RecordFileEntry, ReviewAccount
from domain.groups import AssignParent
from domain.identifiers import AddIdentifier, VerifyIdentifier
from domain.incidents import EndIncident, EndorseIncident, ReportIncident, SignIncident
from domain.interactions import RecordInteraction, ResolveInteraction
from domain.leads import CaptureLead, DisqualifyLead, QualifyLead
from domain.opportunities import LoseOpportunity, OpenOpportunity, WinOpportunity
from domain.orders import (
    CancelOrder,
    DetailOrder,
    FulfilOrder,
    PayRefund,
    PlaceOrder,
    ReceivePayment,
    RecordPurchase,
)
from domain.points import EarnPoints, RedeemPoints
from domain.restrictions import RestrictCustomer
from domain.rivals import ObserveRival
from domain.staff import EnterStaff, NoteStaffLeft
from domain.subscriptions import CancelSubscription, StartSubscription
from domain.surveys import DesignSurvey, IssueSurvey, RecordResponse
from domain.visits import CompleteVisit, MissVisit, PlanVisit
from infra.imports.rows import ID, Kind, also, kind

PURCHASES = kind("purchases", also(RecordPurchase, order_id=ID), registers=True, defaults={"quantity": "1"})
PHONE, EMAIL, POSTAL, CHAT = (
    also(AddContactPoint, "value", kind=kind) for kind in ("phone", "email", "postal", "chat")
)

KINDS: Mapping[str, Kind] = {
    known.name: known
    for known in (
        PURCHASES,
        kind(
            "customers",
            RegisterCustomer,
            named=True,
            profile=also(ChangeProfile, shares=True),
            owner=also(AssignOwner, "owner"),
            phone=PHONE,
            email=EMAIL,
            address=POSTAL,
            chat=CHAT,
            left=EndRelationship,
        ),
        kind("profiles", ChangeProfile),
        kind("owners", AssignOwner),
        kind("departures", EndRelationship),
        kind("contacts", AddContactPoint),
        kind("identifiers", AddIdentifier, verified=also(VerifyIdentifier, shares=True)),
        kind("parents", AssignParent),
        kind("consents", GiveConsent),
        kind("classes", ClassifyCustomer),
        kind("notes", also(RecordFileEntry, entry_id=ID), defaults={"layer": "basic"}),
        kind("extra_fields", also(DefineExtraField, field=ID), named=True),
        kind("extras", SetExtraField),
        kind("blacklist", RestrictCustomer),
        kind(
            "orders",
            PlaceOrder,
            defaults={"quantity": "1"},
            detailed=DetailOrder,
            paid=also(ReceivePayment, payment_id=ID),
            fulfilled=FulfilOrder,
            cancelled=CancelOrder,
            refunded=also(PayRefund, refund_id=ID),
        ),
        kind("payments", also(ReceivePayment, payment_id=ID)),
        kind("refunds", also(PayRefund, refund_id=ID)),
        kind(
            "interactions",
            RecordInteraction,
            defaults={"direction": "inbound", "stage": "after", "within_remit": "true"},
            resolved=ResolveInteraction,
        ),
        kind(
            "complaints",
            ReceiveComplaint,
            acknowledged=AcknowledgeComplaint,
            assessed=AssessComplaint,
            assigned=AssignComplaint,
            investigated=RecordInvestigation,
            offered=OfferRemedy,
            accepted=AcceptRemedy,
            rejected=RejectRemedy,
            decided=CommunicateDecision,
            verified=VerifySatisfaction,
            closed=CloseComplaint,
        ),
        kind("claims", MakeClaim, paid=PayClaim, refused=RefuseClaim),
        kind("commitments", MakeCommitment, kept=KeepCommitment, missed=MissCommitment),
        kind("incidents", ReportIncident, signed=SignIncident, endorsed=EndorseIncident, ended=EndIncident),
        kind("staff", EnterStaff, named=True, left=NoteStaffLeft),
        kind("articles", PublishArticle, named=True, withdrawn=WithdrawArticle),
        kind("surveys", also(DesignSurvey, survey_id=ID), named=True),
        kind("survey_answers", IssueSurvey, answered=RecordResponse),
        kind("leads", CaptureLead, qualified=QualifyLead, disqualified=DisqualifyLead),
        kind("opportunities", OpenOpportunity, won=WinOpportunity, lost=LoseOpportunity),
        kind("subscriptions", StartSubscription, cancelled=CancelSubscription),
        kind("visits", PlanVisit, completed=CompleteVisit, missed=MissVisit),
        kind("campaigns", PlanCampaign, closed=CloseCampaign),
        kind("announcements", PrepareAnnouncement),
        kind("points", EarnPoints),
        kind("redemptions", RedeemPoints),
        kind("care", GiveCare),
        kind("prices", AgreePrice),
        kind("reviews", ReviewAccount),
        kind("costs", BookCost),
        kind("rivals", ObserveRival),
    )
}
