"""What is noted in a customer's file besides the profile: classes, roles, entries, consents, terms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, ClassVar

import msgspec

from domain.commands import Command, Id, Name, Named, Text
from domain.events import Event, Personal, event
from domain.money import Amount, Currency

Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]


class ValueStyle(StrEnum):
    """How a customer decides (灯塔、跟随、理性、逐利): first of all, after others, by reason, by price."""

    LIGHTHOUSE = "lighthouse"
    FOLLOWER = "follower"
    RATIONAL = "rational"
    OPPORTUNIST = "opportunist"


class MarketingClass(StrEnum):
    """What an offer must appeal to (经济、道德、个性化、方便)."""

    PRICE = "price"
    ETHICS = "ethics"
    INDIVIDUAL = "individual"
    CONVENIENCE = "convenience"


class Importance(StrEnum):
    """How much a customer matters (客户分类,重要): by the tier, unless somebody overrode it with a reason."""

    VIP = "vip"
    IMPORTANT = "important"
    ORDINARY = "ordinary"


class FileRole(StrEnum):
    """What somebody may do with a customer's file (建档人、管理员、操作员、收集人、专人负责)."""

    CREATOR = "creator"
    """Opens the file, fills it, and is the first to serve the customer."""
    MAINTAINER = "maintainer"
    """Keeps what stands in it true."""
    OPERATOR = "operator"
    """Works with the customer day by day, and is notified when the profile changes."""
    CONTRIBUTOR = "contributor"
    """Gathers what else there is to know."""
    CUSTODIAN = "custodian"
    """Answers for the file as the customer's owner does."""


class Layer(StrEnum):
    """How deep in the file something lies (档案分级); each layer has its own read right."""

    BASIC = "basic"
    IMPORTANT = "important"
    CORE = "core"
    PROCESS = "process"


class EntryKind(StrEnum):
    """What an entry in the file is about."""

    NEED = "need"
    DECISION_MAKER = "decision_maker"
    RIVAL = "rival"
    SUPPLIER = "supplier"
    PLAN = "plan"
    HISTORY = "history"
    OTHER = "other"


class Basis(StrEnum):
    """Where a figure comes from: the customer said it, or we estimated it."""

    STATED = "stated"
    ESTIMATED = "estimated"


class ScreeningVerdict(StrEnum):
    """What was ruled on a match with a screening list: somebody else, or really on the list."""

    CLEARED = "cleared"
    CONFIRMED = "confirmed"


# --- Events: the stored names are a contract ------------------------------------------------------


class FileNoted(Event):
    """Something was noted in the file; but for its roles, the customer's own state does not change."""

    customer_id: str


@event("ProfileConfirmed")
class ProfileConfirmed(FileNoted):
    fields: tuple[str, ...]


@event("CustomerClassified")
class CustomerClassified(FileNoted):
    """Holds what was classified; None means unchanged."""

    value_style: ValueStyle | None = None
    marketing_class: MarketingClass | None = None


@event("ImportanceOverridden")
class ImportanceOverridden(FileNoted):
    importance: Importance | None
    reason: Personal[str]


@event("FileRoleAssigned", version=2)
class FileRoleAssigned(FileNoted):
    """Since version 2 the member may be None: nobody has the role any more."""

    role: FileRole
    member: str | None

    @staticmethod
    def upcast_v1_v2(fields: dict[str, Any]) -> None:
        """It always named somebody."""


@event("FileEntryRecorded")
class FileEntryRecorded(FileNoted):
    entry_id: str
    layer: Layer
    kind: EntryKind
    text: Personal[str]


@event("FileEntryStruck")
class FileEntryStruck(FileNoted):
    entry_id: str
    layer: Layer
    reason: Personal[str]


@event("ConsentGiven")
class ConsentGiven(FileNoted):
    purpose: str


@event("ConsentWithdrawn")
class ConsentWithdrawn(FileNoted):
    purpose: str


@event("ScreeningRuled")
class ScreeningRuled(FileNoted):
    list_id: str
    entry_id: str
    verdict: ScreeningVerdict
    reason: Personal[str]


@event("PriceAgreed")
class PriceAgreed(FileNoted):
    product: str
    price_minor: int
    currency: str
    effective_from: date


@event("ShareOfCustomerStated")
class ShareOfCustomerStated(FileNoted):
    category: str
    percent: int
    basis: Basis
    told_by: str


@event("CareGiven")
class CareGiven(FileNoted):
    occasion: str
    gesture: str
    cost_minor: int = 0
    currency: str | None = None


@event("AccountReviewed")
class AccountReviewed(FileNoted):
    text: Personal[str]
    escalated_to: str | None = None


@event("CustomerTold")
class CustomerTold(FileNoted):
    announcement_id: str


@event("WinBackOffered")
class WinBackOffered(FileNoted):
    offer: Personal[str]


# --- Commands -------------------------------------------------------------------------------------


class FileNote(Command):
    """Note something in the file."""

    ended: ClassVar[bool] = False
    """It is for customers who have left, not for those who are with us."""

    customer_id: Id


class ConfirmProfile(FileNote):
    """Say that these fields of the profile were checked and still hold (动态管理)."""

    fields: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=50)]
    """The fields' names, such as `name` or `region`."""


class ClassifyCustomer(FileNote):
    """Say how the customer decides and what offers must appeal to (客户分类); what is left out stays."""

    value_style: ValueStyle | None = None
    """How the customer decides."""
    marketing_class: MarketingClass | None = None
    """What an offer must appeal to."""


class OverrideImportance(FileNote):
    """Set the importance against the tier, with a reason; without one, the tier decides again."""

    importance: Importance | None
    """Null: the tier decides again."""
    reason: Text


class AssignFileRole(FileNote):
    """Name who creates, maintains, operates, contributes to or keeps the file (专人负责); one a role.

    The role gives the member rights in this file, also where they do not own the customer.
    """

    role: FileRole
    """What the member does with the file."""
    member: Name | None
    """Who; null: nobody any more."""


class RecordFileEntry(FileNote):
    """Note a need, a decision maker, a rival, a supplier, a plan in a layer of the file (档案分级).

    `customer` with its entries, owner, class and timeline is the key-customer card (核心客户资料卡).
    """

    entry_id: Id
    """Which entry; chosen by whoever records it. The same id again replaces the entry."""
    layer: Layer
    """How deep it lies."""
    kind: EntryKind
    text: Text
    """What there is to know."""


class StrikeFileEntry(FileNote):
    """Strike an entry out of a layer of the file; history keeps it."""

    entry_id: Id
    """Which entry."""
    layer: Layer
    """Where it lies."""
    reason: Text


class GiveConsent(FileNote):
    """Note that the customer allows the use of their data for a purpose (隐私)."""

    purpose: Name
    """What for, such as `marketing` or `profiling`."""


class WithdrawConsent(FileNote):
    """Note that the customer no longer allows it."""

    purpose: Name
    """What for."""


class RuleOnMatch(FileNote):
    """Rule on a match with a screening list: somebody else, or really the one on the list."""

    names = (Named(field="list_id", noun="screening_list"),)
    list_id: Id
    """Which list."""
    entry_id: Id
    """Which of its entries."""
    verdict: ScreeningVerdict
    """What was found."""
    reason: Text


class AgreePrice(FileNote):
    """Agree on a price for this customer from a day on (个性化资费); the next one is the next version."""

    product: Name
    """What for."""
    price_minor: Amount
    """The price of one, in minor units (cents)."""
    currency: Currency
    effective_from: date


class StateShare(FileNote):
    """Say how much of what the customer spends in a category goes to us (顾客份额)."""

    category: Name
    """On what."""
    percent: Percent
    """0 to 100."""
    basis: Basis
    """Whether the customer said so or we estimated it."""
    told_by: Name
    """The source: who said it, or by which method it was estimated."""


class GiveCare(FileNote):
    """Note a gesture of care (客户关怀): for a birthday, a holiday, an anniversary."""

    occasion: Name
    """What for, as `careOccasions` calls it, such as `birthday`."""
    gesture: Name
    """What was given or said."""
    cost_minor: Amount = 0
    currency: Currency | None = None


class ReviewAccount(FileNote):
    """Note the weekly review of a key account (每周梳理); what is beyond one's authority goes up."""

    text: Text
    """What the review found."""
    escalated_to: Name | None = None
    """Who takes it from here, where it is beyond one's authority."""


class TellCustomer(FileNote):
    """Note that the customer was told an announcement, before everybody else (优先告知)."""

    names = (Named(field="announcement_id", noun="announcement"),)
    announcement_id: Id
    """Which announcement."""


class OfferWinBack(FileNote):
    """Note what somebody who has left was offered to come back (客户挽留、关系修复)."""

    ended = True
    offer: Text


NOTES: Mapping[type[FileNote], type[FileNoted]] = {
    ConfirmProfile: ProfileConfirmed,
    ClassifyCustomer: CustomerClassified,
    OverrideImportance: ImportanceOverridden,
    AssignFileRole: FileRoleAssigned,
    RecordFileEntry: FileEntryRecorded,
    StrikeFileEntry: FileEntryStruck,
    GiveConsent: ConsentGiven,
    WithdrawConsent: ConsentWithdrawn,
    RuleOnMatch: ScreeningRuled,
    AgreePrice: PriceAgreed,
    StateShare: ShareOfCustomerStated,
    GiveCare: CareGiven,
    ReviewAccount: AccountReviewed,
    TellCustomer: CustomerTold,
    OfferWinBack: WinBackOffered,
}
"""Which event each note becomes."""
