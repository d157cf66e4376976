"""What if another tier policy held? The pyramid under it, beside another one, and who would move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec
import strawberry
from strawberry.types import Info

from api.build import Argument, bare, enum, field, list_of, object_type
from api.call import Call, call
from api.commands import Inputs, Refusal, plain
from api.errors import refused
from api.scalars import Int64
from api.views import ViewType, given
from domain.calendar import DAYS, DayEnded
from domain.commands import parse
from domain.errors import DomainError
from domain.tiers import (
    TIER_POLICIES,
    Cadence,
    PublishTierPolicy,
    Tier,
    TierPolicyPublished,
    TierRule,
)
from infra.log.log import Log
from infra.log.reading import Selection
from infra.views.reader import Found
from projections.previews import QUERY, READS, Move, distribution, sides
from projections.tiers import valuation

NAME = "TierPreview"
MADE_UP = "preview"
"""The version of a policy that nobody published."""
DAYS_READ = 100_000
"""Ended days that are looked through at most."""


# --- Types ----------------------------------------------------------------------------------------


def _said(description: str) -> Any:
    return strawberry.field(description=description)


def preview_field(types: Mapping[str, ViewType], inputs: Inputs) -> tuple[Any, Any]:
    """The type and the root field of `previewTierPolicy`."""
    left_out = strawberry.UNSET
    arguments = {
        "policy_version": Argument(
            str | None, "A published version, also a retired one; the one in force, if left out.", left_out
        ),
        "rules": Argument(list_of(inputs.of_record(TierRule)) | None, "Rules instead of its own.", left_out),
        "currency": Argument(str | None, "A currency instead of its own, ISO 4217.", left_out),
        "window_days": Argument(Int64 | None, "How many days back orders count, instead.", left_out),
        "against": Argument(
            str | None, "The published version to compare it with; the one in force, if left out.", left_out
        ),
    }
    described = (
        "What if: the pyramid under another tier policy at the end of the last day that has ended, and who"
        " would be in another tier than by the policy that it is compared with. Nothing is recorded."
    )
    made = _preview_type(types["customers"])
    return made, field(made, _resolve, arguments, described)


def _preview_type(customers: ViewType) -> type[Any]:
    policy, moves = _policy_type(), list_of(_move_type(customers))
    fields = {
        "day": (date, _said("At the end of which day customers are valued.")),
        "policy": (policy, _said("The pyramid under the policy that is asked for.")),
        "against": (
            policy | None,
            _said("Under the one that it is compared with; null where none is in force."),
        ),
        "moved": (Int64, _said("How many customers would be in another tier.")),
        "moves": (moves, _said("From where to where, the best tiers first.")),
    }
    return object_type(bare(NAME), fields, "What a tier policy would make of the pyramid.")


def _policy_type() -> type[Any]:
    tier = {
        "tier": (enum(Tier), _said("The layer of the pyramid.")),
        "rule": (str, _said("The rule that leads there, in words.")),
        "customers": (Int64, _said("How many would be in it.")),
        "spent_minor": (Int64, _said("What they spent in the window, in minor units.")),
        "share_of_customers": (float, _said("Of all customers, 0 to 1.")),
        "share_of_spend": (float, _said("Of all that was spent, 0 to 1.")),
    }
    tiers = list_of(object_type(bare("PreviewedTier"), tier, "One layer of the pyramid under a policy."))
    fields = {
        "policy_version": (str | None, _said("The version's name; null where nobody published it.")),
        "currency": (str, _said("ISO 4217; orders in others do not count.")),
        "window_days": (Int64, _said("How many days back orders count.")),
        "tiers": (tiers, _said("Every layer, the best first.")),
    }
    return object_type(bare("PreviewedPolicy"), fields, "The pyramid as a policy would make it.")


def _move_type(customers: ViewType) -> type[Any]:
    examples = list_of(customers.row)
    fields = {
        "from_tier": (enum(Tier), _said("Where they are by the policy that it is compared with.")),
        "to_tier": (enum(Tier), _said("Where they would be.")),
        "customers": (Int64, _said("How many would move so.")),
        "examples": (examples, field(examples, _examples, description="Some, those who spent most.")),
    }
    return object_type(bare("TierMove"), fields, "Customers who would move from one tier to another.")


# --- Answers --------------------------------------------------------------------------------------


async def _resolve(_: Any, info: Info, **asked: Any) -> dict[str, Any]:
    context = call(info)
    log, at = context.tenant.log, context.at
    day = await _last_day(log, at)
    in_force = (await log.policies(at)).tier_policy(day)
    named, compared = given(asked.pop("policy_version", None)), given(asked.pop("against", None))
    base = in_force if named is None else await _published(log, named, at, "policyVersion")
    against = in_force if compared is None else await _published(log, compared, at, "against")
    changes = {name: plain(value) for name, value in asked.items() if given(value) is not None}
    return await _compare(context, day, _changed(base, changes, day), against)


async def _compare(
    context: Call, day: date, policy: TierPolicyPublished, against: TierPolicyPublished | None
) -> dict[str, Any]:
    calendar = (await context.tenant.log.policies(context.at)).calendar(day)
    old, new = valuation(against or policy, day, calendar), valuation(policy, day, calendar)
    standing = await context.reader.reached(READS, context.at)
    rows = await context.reader.select(QUERY, READS, standing, context.at, sides(old=old, new=new))
    moves = sorted((msgspec.convert(row, Move) for row in rows), key=_rank)
    changed = [move for move in moves if move.from_tier is not move.to_tier]
    return {
        "day": day,
        "policy": _side(policy, [(m.to_tier, m.customers, m.new_spent_minor) for m in moves]),
        "against": against and _side(against, [(m.from_tier, m.customers, m.old_spent_minor) for m in moves]),
        "moved": sum(move.customers for move in changed),
        "moves": changed,
    }


def _side(policy: TierPolicyPublished, placed: Sequence[tuple[Tier, int, int]]) -> dict[str, Any]:
    rules = {rule.tier: rule.text(policy.currency, policy.window_days) for rule in policy.rules}
    return {
        "policy_version": None if policy.policy_version == MADE_UP else policy.policy_version,
        "currency": policy.currency,
        "window_days": policy.window_days,
        "tiers": distribution(rules, placed),
    }


def _rank(move: Move) -> tuple[int, int]:
    """Into the best tiers first, and out of the best first among those."""
    tiers = list(Tier)
    return tiers.index(move.to_tier), tiers.index(move.from_tier)


async def _examples(root: Move, info: Info) -> list[Found]:
    found = await call(info).rows("customers", [(id,) for id in root.examples], call(info).at)
    return [row for row in found if row is not None]


# --- Policies -------------------------------------------------------------------------------------


async def _last_day(log: Log, at: int) -> date:
    days = await log.select(Selection(stream=DAYS.name, until=at), limit=DAYS_READ)
    ended = [recorded.event.day for recorded in days if isinstance(recorded.event, DayEnded)]
    if not ended:
        raise refused("BAD_MOMENT", "no business day had ended then: customers are valued at a day's end")
    return ended[-1]


async def _published(log: Log, version: str, at: int, argument: str) -> TierPolicyPublished:
    for recorded in await log.read_stream(TIER_POLICIES.stream(version), limit=1):
        if isinstance(recorded.event, TierPolicyPublished) and recorded.position <= at:
            return recorded.event
    raise refused("BAD_USER_INPUT", f"{argument}: no tier policy {version!r} had been published then")


def _changed(base: TierPolicyPublished | None, changes: dict[str, Any], day: date) -> TierPolicyPublished:
    """The policy that these changes make of another one, by the rules that hold for publishing."""
    if base is not None and not changes:
        return base
    fields = {"cadence": Cadence.MONTH, **(msgspec.structs.asdict(base) if base else {}), **changes}
    fields |= {"policy_version": MADE_UP, "effective_from": day, "command_id": MADE_UP, "actor": MADE_UP}
    fields["occurred_at"] = datetime.combine(day, time(), UTC)
    try:
        [event] = TIER_POLICIES.decide(TIER_POLICIES.initial, parse(PublishTierPolicy, fields))
    except DomainError as error:
        refusal = Refusal(error)
        where = f"{refusal.field}: " if refusal.field and refusal.field not in refusal.message else ""
        raise refused("BAD_USER_INPUT", f"{where}{refusal.message}") from None
    assert isinstance(event, TierPolicyPublished)
    return event
