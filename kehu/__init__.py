"""The public names: what an analyst's projection or an auditor's notebook imports."""

from __future__ import annotations

from domain.analysis import AnalysisPolicyPublished
from domain.calendar import CalendarPublished, DayEnded
from domain.complaints import (
    ComplaintAcknowledged,
    ComplaintAssessed,
    ComplaintAssigned,
    ComplaintClosed,
    ComplaintEscalated,
    ComplaintReceived,
    ComplaintReopened,
    DecisionCommunicated,
    InvestigationRecorded,
    RemedyAccepted,
    RemedyOffered,
    RemedyRejected,
    SatisfactionVerified,
)
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
from domain.events import Event, Personal, Recorded
from domain.identifiers import IdentifierAdded, IdentifierRejected, IdentifierVerified
from domain.interactions import (
    InteractionHandedOver,
    InteractionRecorded,
    InteractionResolved,
    ResponsibilityTaken,
)
from domain.orders import OrderCancelled, OrderFulfilled, OrderPlaced, PaymentReceived, RefundPaid
from domain.points import PointsEarned, PointsExpired, PointsRedeemed
from domain.tiers import TierPolicyPublished, TierPolicyRetired
from projections.view import CustomerId, View, on, population, ref, report, view

__all__ = [
    "AnalysisPolicyPublished",
    "CalendarPublished",
    "ComplaintAcknowledged",
    "ComplaintAssessed",
    "ComplaintAssigned",
    "ComplaintClosed",
    "ComplaintEscalated",
    "ComplaintReceived",
    "ComplaintReopened",
    "ContactPointAdded",
    "ContactPointRemoved",
    "CustomerId",
    "CustomerRegistered",
    "CustomerWonBack",
    "DayEnded",
    "DeadlinesPublished",
    "DecisionCommunicated",
    "Event",
    "IdentifierAdded",
    "IdentifierRejected",
    "IdentifierVerified",
    "InteractionHandedOver",
    "InteractionRecorded",
    "InteractionResolved",
    "InvestigationRecorded",
    "OrderCancelled",
    "OrderFulfilled",
    "OrderPlaced",
    "OwnerAssigned",
    "PaymentReceived",
    "Personal",
    "PointsEarned",
    "PointsExpired",
    "PointsRedeemed",
    "ProfileChanged",
    "Recorded",
    "RefundPaid",
    "RelationshipEnded",
    "RemedyAccepted",
    "RemedyOffered",
    "RemedyRejected",
    "ResponsibilityTaken",
    "SatisfactionVerified",
    "TierPolicyPublished",
    "TierPolicyRetired",
    "View",
    "on",
    "population",
    "ref",
    "report",
    "view",
]
