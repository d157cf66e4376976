"""Random lives of a few customers: commands that a business might give, most of which are allowed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.analysis import PublishAnalysisPolicy
from domain.calendar import EndDay, PublishCalendar
from domain.commands import Command
from domain.complaints import COMPLAINTS
from domain.customers import CUSTOMERS
from domain.deadlines import PublishDeadlines
from domain.interactions import INTERACTIONS
from domain.orders import ORDERS
from domain.points import POINTS
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
    "name": (None, *WORDS),
    "language": (None, "zh", "en"),
    "region": (None, "华东", "North"),
    "birthday": (None, "1970-01-01", "2001-12-31"),
    "relation": ("consumer", "business"),
    "kind": ("phone", "email"),
    "value": ("138", "li@example.com", "李娜"),
    "label": (None, "home"),
    "cause": ("natural", "own_fault"),
    "channel": ("phone", "chat", "shop"),
    "direction": ("inbound", "outbound"),
    "stage": ("before", "during", "after"),
    "service_stage": (None, "help"),
    "mood": (None, "angry"),
    "duration_seconds": (None, 0, 61),
    "within_remit": (True, False),
    "currency": ("CNY", "CNY", "USD"),
    "total_minor": (0, 1, 50_000, 2**53 - 1),
    "amount_minor": (1, 20_000, 50_000),
    "items": (0, 1, 9),
    "description": (None, *WORDS),
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
    "expires_on": (None, "2026-01-29", "2026-02-03"),
    "through": ("2026-01-20", "2026-01-29", "2026-02-03"),
}
COMMANDS = [c for decider in (CUSTOMERS, INTERACTIONS, ORDERS, COMPLAINTS, POINTS) for c in decider.commands]
OFTEN = {
    "EndRelationship": 1,
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
}
WEIGHTS = [OFTEN.get(command.__name__, 4) for command in COMMANDS]
POOLS = {"customer_id": 8, "order_id": 60, "complaint_id": 7, "interaction_id": 25, "transaction_id": 60}


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
    if chance < 0.01:
        return _tier_policy(rng, when, today)
    if chance < 0.015:
        version = f"d-{rng.randrange(9)}"
        severe = rng.choice([[], [{"severity": "critical", "minutes": 30}]])
        return wish(
            PublishDeadlines,
            deadlines_version=version,
            effective_from=today.isoformat(),
            default_minutes=rng.choice([60, 900]),
            by_severity=severe,
            **when,
        )
    if chance < 0.02:
        return wish(
            PublishAnalysisPolicy,
            analysis_version=f"a-{rng.randrange(9)}",
            effective_from=today.isoformat(),
            a_percent=rng.choice([50, 80]),
            active_days=rng.choice([3, 40, 365]),
            **when,
        )
    if chance < 0.025:
        return wish(
            PublishCalendar,
            calendar_version=f"k-{rng.randrange(9)}",
            effective_from=today.isoformat(),
            time_zone=rng.choice(["Asia/Shanghai", "America/New_York"]),
            hours=[[[540, 1080]]] * 6 + [[]],
            **when,
        )
    (kind,) = rng.choices(COMMANDS, WEIGHTS)
    own = {name: _value(rng, name) for name in kind.__struct_fields__ if name not in when}
    metadata = ("on_behalf_of", "causation_id", "correlation_id")
    return wish(kind, **{name: value for name, value in own.items() if name not in metadata}, **when)


def _value(rng: random.Random, name: str) -> Any:
    if name.endswith("_id"):
        return f"{name[:3]}-{rng.randrange(POOLS.get(name, 5))}"
    return rng.choice(CHOICES.get(name, WORDS))


def _tier_policy(rng: random.Random, when: dict[str, Any], today: date) -> Command:
    version = f"p-{rng.randrange(6)}"
    if rng.random() < 0.2:
        return wish(RetireTierPolicy, policy_version=version, **when)
    rules = [
        {"tier": "platinum", "min_spend_minor": 60_000, "min_orders": 2},
        {"tier": "gold", "min_spend_minor": 50_000, "min_orders": 1},
        {"tier": "iron", "min_orders": 1},
        {"tier": "lead"},
    ]
    return wish(
        PublishTierPolicy,
        policy_version=version,
        effective_from=(today - timedelta(days=rng.randrange(3))).isoformat(),
        currency=rng.choice(["CNY", "USD"]),
        window_days=rng.choice([1, 3, 365]),
        cadence=rng.choice(["day", "day", "week", "month"]),
        rules=rules,
        **when,
    )
