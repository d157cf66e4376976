"""By which rule customers are sorted into the pyramid (客户金字塔), and how often they are."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, assert_never, get_args

import msgspec

from domain.commands import Command, Id
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import PolicyEvent, event
from domain.money import Amount, Currency, decimal, require_currency
from domain.records import Record

WindowDays = Annotated[int, msgspec.Meta(ge=1, le=36_525)]
Orders = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]


class Tier(StrEnum):
    """The layers of the pyramid, best first; lead is the metal."""

    PLATINUM = "platinum"
    GOLD = "gold"
    IRON = "iron"
    LEAD = "lead"


class TierRule(Record, forbid_unknown_fields=True):
    """What a customer must have spent and ordered in the window, both, to be in this tier."""

    tier: Tier
    min_spend_minor: Amount = 0
    min_orders: Orders = 0

    def text(self, currency: str, window_days: int) -> str:
        """The rule in words."""
        spent = f"spent at least {decimal(self.min_spend_minor, currency):,} {currency}"
        ordered = f"ordered at least {self.min_orders:,} times" if self.min_orders > 1 else "ordered"
        asked = [words for bar, words in ((self.min_spend_minor, spent), (self.min_orders, ordered)) if bar]
        within = f"within {window_days} days" if window_days > 1 else "within a day"
        return f"{self.tier}: {' and '.join(asked)} {within}" if asked else f"{self.tier}: every customer"


class Cadence(StrEnum):
    """How often customers are valued: at the end of each of these."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


def ends_on(cadence: Cadence, day: date) -> bool:
    """Whether a period of this cadence ends with that day; weeks end on Sunday."""
    month_ends = day.day == monthrange(day.year, day.month)[1]
    match cadence:
        case Cadence.DAY:
            return True
        case Cadence.WEEK:
            return day.isoweekday() == 7
        case Cadence.MONTH:
            return month_ends
        case Cadence.QUARTER:
            return month_ends and day.month % 3 == 0
        case _:
            assert_never(cadence)


# --- Events: the stored names are a contract ------------------------------------------------------


@event("TierPolicyPublished")
class TierPolicyPublished(PolicyEvent):
    """One rule a tier, best first; a customer is in the first whose rule they meet."""

    policy_version: str
    effective_from: date
    currency: str
    window_days: int
    cadence: Cadence
    rules: tuple[TierRule, ...]


@event("TierPolicyRetired")
class TierPolicyRetired(PolicyEvent):
    policy_version: str


TierPolicyEvent = TierPolicyPublished | TierPolicyRetired


# --- State ----------------------------------------------------------------------------------------


class TierPolicy(Record):
    """Whether this version exists and still counts."""

    published: bool = False
    retired: bool = False


def evolve(state: TierPolicy, happened: TierPolicyEvent) -> TierPolicy:
    match happened:
        case TierPolicyPublished():
            return TierPolicy(published=True)
        case TierPolicyRetired():
            return msgspec.structs.replace(state, retired=True)
        case _:
            assert_never(happened)


# --- Commands -------------------------------------------------------------------------------------


class PublishTierPolicy(Command):
    """Set the rules of the pyramid that hold from a day on."""

    policy_version: Id
    effective_from: date
    currency: Currency
    window_days: WindowDays
    cadence: Cadence = Cadence.MONTH
    rules: tuple[TierRule, ...]


class RetireTierPolicy(Command):
    """Take a policy out of force; the one before it holds again."""

    policy_version: Id


TierPolicyCommand = PublishTierPolicy | RetireTierPolicy


# --- Rules ----------------------------------------------------------------------------------------


class TierPolicyError(DomainError):
    """Tier policy {policy_version} does not allow this."""

    field = "policy_version"


class TierPolicyUnknown(TierPolicyError):
    """There is no tier policy {policy_version}."""


class TierPolicyAlreadyPublished(TierPolicyError):
    """Tier policy {policy_version} exists; publish the new one under another version."""


class TierPolicyRetiredAlready(TierPolicyError):
    """Tier policy {policy_version} is retired."""


class TiersIncomplete(TierPolicyError):
    """Give one rule for each tier, best first: platinum, gold, iron, lead."""

    field = "rules"


class ThresholdRises(TierPolicyError):
    """The rule for {tier} asks for more than the one for the better tier {better}."""

    field = "rules"


class LowestTierClosed(TierPolicyError):
    """The rule for the lowest tier, {tier}, must ask for nothing: every customer has a tier."""

    field = "rules"


def require_published(state: TierPolicy, command: TierPolicyCommand) -> None:
    if not state.published:
        raise TierPolicyUnknown(policy_version=command.policy_version)


def require_pyramid(rules: Sequence[TierRule]) -> None:
    if [rule.tier for rule in rules] != list(Tier):
        raise TiersIncomplete
    for place, (better, rule) in enumerate(pairwise(rules), start=1):
        for bar in ("min_spend_minor", "min_orders"):
            if getattr(rule, bar) > getattr(better, bar):
                raise ThresholdRises(at=f"rules[{place}].{bar}", tier=rule.tier, better=better.tier)
    lowest = rules[-1]
    if lowest.min_spend_minor or lowest.min_orders:
        raise LowestTierClosed(at=f"rules[{len(rules) - 1}]", tier=lowest.tier)


# --- Decisions ------------------------------------------------------------------------------------


def decide(state: TierPolicy, command: TierPolicyCommand) -> Sequence[TierPolicyEvent]:
    match command:
        case PublishTierPolicy():
            if state.published:
                raise TierPolicyAlreadyPublished(policy_version=command.policy_version)
            require_currency(command.currency)
            require_pyramid(command.rules)
            return [carry(TierPolicyPublished, command)]
        case RetireTierPolicy():
            require_published(state, command)
            if state.retired:
                raise TierPolicyRetiredAlready(policy_version=command.policy_version)
            return [carry(TierPolicyRetired, command)]
        case _:
            assert_never(command)


TIER_POLICIES = Decider(
    name="tier_policy",
    id_field="policy_version",
    initial=TierPolicy(),
    evolve=evolve,
    decide=decide,
    commands=get_args(TierPolicyCommand),
)
