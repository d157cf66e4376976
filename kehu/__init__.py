"""The public names: what an analyst's projection or an auditor's notebook imports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from domain.analysis import AnalysisPolicyPublished
from domain.announcements import AnnouncementMade, AnnouncementPrepared
from domain.articles import ArticlePublished, ArticleRevised, ArticleUsed, ArticleWithdrawn
from domain.calendar import CalendarPublished, DayEnded
from domain.campaigns import CampaignAnswered, CampaignClosed, CampaignPlanned, CustomerInvited
from domain.claims import ClaimMade, ClaimPaid, ClaimRefused
from domain.commitments import CommitmentKept, CommitmentMade, CommitmentMissed
from domain.complaints import (
    ComplaintAcknowledged,
    ComplaintAssessed,
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintEscalated,
    ComplaintPaused,
    ComplaintReceived,
    ComplaintReopened,
    ComplaintResumed,
    DecisionCommunicated,
    InvestigationRecorded,
    RemedyAccepted,
    RemedyOffered,
    RemedyRejected,
    SatisfactionVerified,
    YellowCardIssued,
)
from domain.costs import CostBooked
from domain.crises import CrisisDeclared, CrisisEnded
from domain.customers import (
    ContactPointAdded,
    ContactPointRemoved,
    CustomerRegistered,
    CustomerWonBack,
    OwnerAssigned,
    ProfileChanged,
    RelationshipEnded,
)
from domain.deadlines import DeadlinesPublished
from domain.erasure import PersonalDataErased
from domain.events import Event, Personal, Recorded
from domain.extras import ExtraFieldDefined, ExtraFieldSet
from domain.files import (
    AccountReviewed,
    CareGiven,
    ConsentGiven,
    ConsentWithdrawn,
    CustomerClassified,
    CustomerTold,
    FileEntryRecorded,
    FileEntryStruck,
    FileRoleAssigned,
    ImportanceOverridden,
    PriceAgreed,
    ProfileConfirmed,
    ScreeningRuled,
    ShareOfCustomerStated,
    WinBackOffered,
)
from domain.groups import ParentAssigned
from domain.identifiers import IdentifierAdded, IdentifierRejected, IdentifierVerified
from domain.incidents import (
    ExecutivesInformed,
    IncidentEnded,
    IncidentEndorsed,
    IncidentReported,
    IncidentSigned,
)
from domain.interactions import (
    HandoverDisputed,
    HandoverRuled,
    InteractionHandedOver,
    InteractionPaused,
    InteractionRecorded,
    InteractionReopened,
    InteractionResolved,
    InteractionResumed,
    ResponsibilityTaken,
)
from domain.leads import LeadCaptured, LeadDisqualified, LeadQualified
from domain.lifetime import LifetimeModelFitted
from domain.loans import FileLent, FileReturned
from domain.measures import MeasureChecked, MeasureDone, MeasureDropped, MeasureKept, MeasurePlanned
from domain.merging import CustomersMerged, MergeReversed
from domain.messages import MessagePassedOn, MessageTaken
from domain.opportunities import OpportunityLost, OpportunityOpened, OpportunityWon, StageAdvanced
from domain.orders import (
    OrderCancelled,
    OrderDetailed,
    OrderFulfilled,
    OrderPlaced,
    PaymentReceived,
    RefundPaid,
)
from domain.points import PointsEarned, PointsExpired, PointsRedeemed
from domain.quality import QualityScored
from domain.reads import PersonalDataRead
from domain.restrictions import OverrideApproved, RestrictionLifted, RestrictionPlaced
from domain.rivals import RivalObserved
from domain.screening import ScreeningListLoaded
from domain.service import ServicePolicyPublished
from domain.staff import StaffChanged, StaffJoined, StaffLeft
from domain.standards import PromiseStandardPublished
from domain.subscriptions import SubscriptionCancelled, SubscriptionRenewed, SubscriptionStarted
from domain.surveys import ResponseRecorded, SurveyDesigned, SurveyExpired, SurveyIssued
from domain.tiers import TierPolicyPublished, TierPolicyRetired
from domain.value import ValuePolicyPublished
from domain.visits import VisitCompleted, VisitMissed, VisitPlanned
from projections.view import CustomerId, View, on, population, ref, report, view

if TYPE_CHECKING:
    from kehu.notebook import Difference, NoSuchMoment, OpenLog, open_log
else:

    def __getattr__(name: str) -> Any:
        """What notebooks need brings the database's machinery along; a projection's file does without."""
        if name in ("Difference", "NoSuchMoment", "OpenLog", "open_log"):
            return getattr(import_module("kehu.notebook"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AccountReviewed",
    "AnalysisPolicyPublished",
    "AnnouncementMade",
    "AnnouncementPrepared",
    "ArticlePublished",
    "ArticleRevised",
    "ArticleUsed",
    "ArticleWithdrawn",
    "CalendarPublished",
    "CampaignAnswered",
    "CampaignClosed",
    "CampaignPlanned",
    "CareGiven",
    "ClaimMade",
    "ClaimPaid",
    "ClaimRefused",
    "CommitmentKept",
    "CommitmentMade",
    "CommitmentMissed",
    "ComplaintAcknowledged",
    "ComplaintAssessed",
    "ComplaintAssigned",
    "ComplaintClosed",
    "ComplaintEscalated",
    "ComplaintPaused",
    "ComplaintReceived",
    "ComplaintReopened",
    "ComplaintResumed",
    "ConsentGiven",
    "ConsentWithdrawn",
    "ContactPointAdded",
    "ContactPointRemoved",
    "CostBooked",
    "CrisisDeclared",
    "CrisisEnded",
    "CustomerClassified",
    "CustomerId",
    "CustomerInvited",
    "CustomerRegistered",
    "CustomerTold",
    "CustomerWonBack",
    "CustomersMerged",
    "DayEnded",
    "DeadlinesPublished",
    "DecisionCommunicated",
    "Difference",
    "Event",
    "ExecutivesInformed",
    "ExtraFieldDefined",
    "ExtraFieldSet",
    "FileEntryRecorded",
    "FileEntryStruck",
    "FileLent",
    "FileReturned",
    "FileRoleAssigned",
    "HandoverDisputed",
    "HandoverRuled",
    "IdentifierAdded",
    "IdentifierRejected",
    "IdentifierVerified",
    "ImportanceOverridden",
    "IncidentEnded",
    "IncidentEndorsed",
    "IncidentReported",
    "IncidentSigned",
    "InteractionHandedOver",
    "InteractionPaused",
    "InteractionRecorded",
    "InteractionReopened",
    "InteractionResolved",
    "InteractionResumed",
    "InvestigationRecorded",
    "LeadCaptured",
    "LeadDisqualified",
    "LeadQualified",
    "LifetimeModelFitted",
    "MeasureChecked",
    "MeasureDone",
    "MeasureDropped",
    "MeasureKept",
    "MeasurePlanned",
    "MergeReversed",
    "MessagePassedOn",
    "MessageTaken",
    "NoSuchMoment",
    "OpenLog",
    "OpportunityLost",
    "OpportunityOpened",
    "OpportunityWon",
    "OrderCancelled",
    "OrderDetailed",
    "OrderFulfilled",
    "OrderPlaced",
    "OverrideApproved",
    "OwnerAssigned",
    "ParentAssigned",
    "PaymentReceived",
    "Personal",
    "PersonalDataErased",
    "PersonalDataRead",
    "PointsEarned",
    "PointsExpired",
    "PointsRedeemed",
    "PriceAgreed",
    "ProfileChanged",
    "ProfileConfirmed",
    "PromiseStandardPublished",
    "QualityScored",
    "Recorded",
    "RefundPaid",
    "RelationshipEnded",
    "RemedyAccepted",
    "RemedyOffered",
    "RemedyRejected",
    "ResponseRecorded",
    "ResponsibilityTaken",
    "RestrictionLifted",
    "RestrictionPlaced",
    "RivalObserved",
    "SatisfactionVerified",
    "ScreeningListLoaded",
    "ScreeningRuled",
    "ServicePolicyPublished",
    "ShareOfCustomerStated",
    "StaffChanged",
    "StaffJoined",
    "StaffLeft",
    "StageAdvanced",
    "SubscriptionCancelled",
    "SubscriptionRenewed",
    "SubscriptionStarted",
    "SurveyDesigned",
    "SurveyExpired",
    "SurveyIssued",
    "TierPolicyPublished",
    "TierPolicyRetired",
    "ValuePolicyPublished",
    "View",
    "VisitCompleted",
    "VisitMissed",
    "VisitPlanned",
    "WinBackOffered",
    "YellowCardIssued",
    "on",
    "open_log",
    "population",
    "ref",
    "report",
    "view",
]
