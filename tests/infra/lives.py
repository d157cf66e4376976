"""Random lives of a few customers: commands that a business might give, most of which are allowed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from domain.analysis import PublishAnalysisPolicy
from domain.calendar import EndDay, PublishCalendar
from domain.commands import METADATA, Command
from domain.deadlines import PublishDeadlines
from domain.deciders import BY_NAME, DECIDERS, decider_of
from domain.erasure import ErasePersonalData
from domain.errors import InvalidInput
from domain.tiers import PublishTierPolicy, RetireTierPolicy
from tests.infra.wishes import wish

WORDS = (
    "茶叶很好 🍵",
    "late again",
    "\u202eמאוחר\u202c",
    "e\u0301 combined",
    "x",
    "第二次投诉",
    'it\'s \\N "quoted"\n\t',
)
CHOICES: dict[str, tuple[Any, ...]] = {
    "name": WORDS,
    "language": ("zh", "en"),
    "region": ("华东", "North"),
    "birthday": ("1970-01-01", "2001-12-31"),
    "kind": ("phone", "email"),
    "value": ("138", "li@example.com", "李娜"),
    "label": ("home",),
    "channel": ("phone", "chat", "shop"),
    "stage": ("before", "during", "after"),
    "service_stage": ("help",),
    "mood": ("angry",),
    "duration_seconds": (0, 61),
    "within_remit": (True, False),
    "currency": ("CNY", "CNY", "USD"),
    "total_minor": (0, 1, 50_000, 2**53 - 1),
    "amount_minor": (1, 20_000, 50_000),
    "items": (0, 1, 9),
    "description": WORDS,
    "category": ("product", "delivery"),
    "severity": ("low", "critical"),
    "safety": (True, False),
    "complexity": (1, 5),
    "impact": (1, 5),
    "immediate": (True, False),
    "justified": (True, False),
    "cost_minor": (0, 700),
    "verdict": ("satisfied", "satisfied", "dissatisfied", "unreachable"),
    "responsible": ("Li Na", "Tom"),
    "owner": ("Li Na", "Tom", "王"),
    "handler": ("Li Na", "Tom"),
    "taker": ("Li Na", "Tom"),
    "points": (1, 5, 200),
    "expires_on": ("2026-01-29", "2026-02-03"),
    "through": ("2026-01-20", "2026-01-29", "2026-02-03"),
}
OFTEN = {
    "EndRelationship": 1,
    "WinBackCustomer": 4,
    "InviteCustomer": 6,
    "MergeCustomers": 6,
    "IssueYellowCard": 3,
    "LiftRestriction": 3,
    "RecordInteraction": 10,
    "PlaceOrder": 20,
    "RecordPurchase": 20,
    "ReceivePayment": 20,
    "PayRefund": 10,
    "ReceiveComplaint": 10,
    "CommunicateDecision": 10,
    "RegisterCustomer": 10,
    "VerifySatisfaction": 10,
    "CloseComplaint": 10,
    "ReopenComplaint": 8,
    "EarnPoints": 8,
    "DefineExtraField": 4,
    "SetExtraField": 4,
    "MakeClaim": 4,
    "OpenOpportunity": 4,
    "PublishArticle": 4,
    "UseArticle": 4,
    "RecordFileEntry": 6,
    "DesignSurvey": 3,
    "IssueSurvey": 8,
    "RecordResponse": 25,
}
OWNED = ("order_id", "complaint_id", "opportunity_id")
"""Of whose things customers are named the owners later."""
POOLS = {
    "customer_id": 8,
    "order_id": 60,
    "complaint_id": 7,
    "interaction_id": 25,
    "transaction_id": 60,
    "survey_id": 2,
    "question_id": 2,
}


def lives(seed: int) -> Iterator[Command]:
    """Commands without end, in the order in which they are given; what happens may be told late."""
    rng = random.Random(seed)
    now, last = datetime(2026, 1, 28, 7, tzinfo=UTC), date(2026, 1, 27)
    for number in range(10**9):
        now += timedelta(minutes=rng.choice([1, 30, 300]))
        when = {"command_id": f"{seed}-{number}", "actor": rng.choice(["Li Na", "Tom"])}
        while last < now.date() - timedelta(days=1):
            last += timedelta(days=1)
            yield wish(
                EndDay, day=last.isoformat(), **when | {"command_id": f"{seed}-{last}"}, occurred_at=now
            )
        told = now - timedelta(minutes=rng.choice([0, 0, 5, 3000]))
        yield _command(
            rng, when | {"occurred_at": told, "source": rng.choice([None, "simulated"])}, now.date()
        )


def _command(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    chance = rng.random()
    for below, make in RARELY.items():
        if chance < below:
            return make(rng, when, today)
    (kind,) = rng.choices(COMMANDS, WEIGHTS)
    return random_wish(rng, kind, when, today)


def random_wish(rng: random.Random, kind: type[Command], when: dict[str, Any], today: date) -> Command:
    """A command of that type, which the domain may allow or not; `when` has its metadata."""
    if kind in APART:
        return APART[kind](rng, when, today)
    while True:
        try:
            return wish(kind, **_owned(rng, kind, _filled(rng, kind, when)) | when)
        except InvalidInput:  # two fields that do not go together, or a number out of its range
            continue


def _filled(rng: random.Random, record: type[Any], when: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(record, include_extras=True)
    return {
        name: _value(rng, hints[name], name, when)
        for name in record.__struct_fields__
        if name not in METADATA
    }


def _number(id: str) -> int:
    digits = id.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


def _owned(rng: random.Random, kind: type[Command], fields: dict[str, Any]) -> dict[str, Any]:
    """The same, most with ids that go together: what bears the number n is customer n's, modulo 8."""
    own, everybody = decider_of(kind).id_field or "", POOLS["customer_id"]
    if own in OWNED and fields.get("customer_id") and rng.random() < 0.8:
        fields["customer_id"] = f"cus-{_number(fields[own]) % everybody}"
    number = _number(fields.get("customer_id") or fields.get(own) or "0") % everybody
    for named in kind.names:
        if fields[named.field] is None:
            continue
        id = BY_NAME[named.noun].id_field or ""
        there = rng.randrange(POOLS.get(id, 5))
        if named.theirs and rng.random() < 0.8:
            there = number + everybody * (there // everybody)
        fields[named.field] = f"{id[:3]}-{there}"
    return fields


def _value(rng: random.Random, hint: Any, name: str, when: dict[str, Any]) -> Any:
    lows, highs, named = [0.0], [2.0**53], name.endswith("_id")
    while get_origin(hint) is Annotated:
        hint, *marks = get_args(hint)
        for mark in marks:
            if isinstance(mark, msgspec.Meta):
                lows.append(mark.ge or mark.gt or 0)
                highs.append(highs[0] if mark.le is None else mark.le)
                named = named or mark.pattern is not None
    if get_origin(hint) in (Union, UnionType):
        if rng.random() < 0.4:
            return None
        hint = next(part for part in get_args(hint) if part is not type(None))
        return _value(rng, hint, name, when)
    if get_origin(hint) is tuple:
        return [_value(rng, get_args(hint)[0], name, when) for _ in range(rng.choice([0, 1, 1, 2]))]
    if issubclass(hint, msgspec.Struct):
        return _filled(rng, hint, when)
    if issubclass(hint, Enum):
        return rng.choice(list(hint)).value
    if named and name != "currency":
        return f"{name[:3]}-{rng.randrange(POOLS.get(name, 5))}"
    if hint is bool:
        return rng.random() < 0.5
    if hint in (int, float):
        likely = CHOICES.get(name, (0, 1, 5, 60, 1_000))
        return hint(rng.choice([n for n in likely if max(lows) <= n <= min(highs)] or [max(lows)]))
    if hint is datetime:
        return when["occurred_at"] + timedelta(hours=rng.choice([-30, -1, 1, 30, 300]))
    if hint is date:
        moved = when["occurred_at"].date() + timedelta(days=rng.choice([-2, 0, 1, 5]))
        return rng.choice(CHOICES.get(name, (moved.isoformat(),)))
    return rng.choice(CHOICES.get(name, WORDS))


# --- What seldom happens ---------------------------------------------------------------------------


def _day_end(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    return wish(EndDay, day=(today - timedelta(days=rng.randrange(4))).isoformat(), **when)


def _tier_policy(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    if rng.random() < 0.2:
        return wish(RetireTierPolicy, policy_version=f"p-{rng.randrange(6)}", **when)
    rules = [
        {"tier": "platinum", "min_spend_minor": 60_000, "min_orders": 2},
        {"tier": "gold", "min_spend_minor": 50_000, "min_orders": 1},
        {"tier": "iron", "min_orders": 1},
        {"tier": "lead"},
    ]
    return wish(
        PublishTierPolicy,
        policy_version=f"p-{rng.randrange(6)}",
        effective_from=(today - timedelta(days=rng.randrange(3))).isoformat(),
        currency=rng.choice(["CNY", "USD"]),
        window_days=rng.choice([1, 3, 365]),
        cadence=rng.choice(["day", "day", "week", "month"]),
        rules=rules,
        **when,
    )


def _deadlines(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    return wish(
        PublishDeadlines,
        deadlines_version=f"d-{rng.randrange(9)}",
        effective_from=today.isoformat(),
        default_minutes=rng.choice([60, 900]),
        rules=rng.choice(
            [[], [{"severity": "critical", "tier": "gold", "minutes": 30, "around_the_clock": True}]]
        ),
        **when,
    )


def _analysis(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    return wish(
        PublishAnalysisPolicy,
        analysis_version=f"a-{rng.randrange(9)}",
        effective_from=today.isoformat(),
        a_percent=rng.choice([50, 80]),
        active_days=rng.choice([3, 40, 365]),
        **when,
    )


def _erasure(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    return wish(ErasePersonalData, **_filled(rng, ErasePersonalData, when) | when)


def _calendar(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    return wish(
        PublishCalendar,
        calendar_version=f"k-{rng.randrange(9)}",
        effective_from=today.isoformat(),
        time_zone=rng.choice(["Asia/Shanghai", "America/New_York"]),
        hours=[[[540, 1080]]] * 6 + [[]],
        **when,
    )


Make = Callable[[random.Random, dict[str, Any], date], Command]
RARELY: dict[float, Make] = {
    0.01: _tier_policy,
    0.015: _deadlines,
    0.02: _analysis,
    0.025: _calendar,
    0.0265: _erasure,
}
"""What seldom happens, by the chance below which it does."""
APART: dict[type[Command], Make] = {
    EndDay: _day_end,
    PublishTierPolicy: _tier_policy,
    RetireTierPolicy: _tier_policy,
    PublishDeadlines: _deadlines,
    PublishAnalysisPolicy: _analysis,
    PublishCalendar: _calendar,
    ErasePersonalData: _erasure,
}
"""What random fields alone do not get right, and what is rare."""
COMMANDS = [command for decider in DECIDERS for command in decider.commands if command not in APART]
WEIGHTS = [OFTEN.get(command.__name__, 2) for command in COMMANDS]
