"""The public names: what an analyst's projection or an auditor's notebook imports."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from kehu.notebook import Difference, NoSuchMoment, OpenLog, open_log
else:

    def __getattr__(name: str) -> Any:
        """What notebooks need brings the database's machinery along; a projection's file does without."""
        if name in ("Difference", "NoSuchMoment", "OpenLog", "open_log"):
            return getattr(import_module("kehu.notebook"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


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
    "Difference",
    "Event",
    "IdentifierAdded",
    "IdentifierRejected",
    "IdentifierVerified",
    "InteractionHandedOver",
    "InteractionRecorded",
    "InteractionResolved",
    "InvestigationRecorded",
    "NoSuchMoment",
    "OpenLog",
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
    "open_log",
    "population",
    "ref",
    "report",
    "view",
]
