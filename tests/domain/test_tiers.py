"""The pyramid's rules: one a tier, best first, published under a version, retired when no longer true."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from domain.errors import InvalidInput
from domain.money import UnknownCurrency
from domain.tiers import (
    TIER_POLICIES,
    Cadence,
    LowestTierClosed,
    PublishTierPolicy,
    RetireTierPolicy,
    ThresholdRises,
    Tier,
    TierPolicyAlreadyPublished,
    TierPolicyPublished,
    TierPolicyRetired,
    TierPolicyRetiredAlready,
    TierPolicyUnknown,
    TierRule,
    TiersIncomplete,
    ends_on,
)
from tests.domain.spec import given

RULES: list[dict[str, Any]] = [
    {"tier": "platinum", "min_spend_minor": 100_000, "min_orders": 5},
    {"tier": "gold", "min_spend_minor": 50_000, "min_orders": 2},
    {"tier": "iron", "min_spend_minor": 10_000},
    {"tier": "lead"},
]
POLICY: dict[str, Any] = {
    "policy_version": "1997",
    "effective_from": "1997-01-01",
    "currency": "USD",
    "window_days": 365,
    "cadence": "month",
    "rules": RULES,
}
PUBLISHED = TierPolicyPublished(
    policy_version="1997",
    effective_from=date(1997, 1, 1),
    currency="USD",
    window_days=365,
    cadence=Cadence.MONTH,
    rules=(
        TierRule(tier=Tier.PLATINUM, min_spend_minor=100_000, min_orders=5),
        TierRule(tier=Tier.GOLD, min_spend_minor=50_000, min_orders=2),
        TierRule(tier=Tier.IRON, min_spend_minor=10_000),
        TierRule(tier=Tier.LEAD),
    ),
)
RETIRED = TierPolicyRetired(policy_version="1997")


def rules(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule | changes.get(rule["tier"], {}) for rule in RULES]


def test_a_policy_is_published_once_under_its_version() -> None:
    given(TIER_POLICIES).when(PublishTierPolicy, **POLICY).then(PUBLISHED)
    for past in ([PUBLISHED], [PUBLISHED, RETIRED]):
        given(TIER_POLICIES, *past).when(PublishTierPolicy, **POLICY).refused(
            TierPolicyAlreadyPublished, field="policy_version"
        )


def test_a_policy_is_retired_once() -> None:
    given(TIER_POLICIES, PUBLISHED).when(RetireTierPolicy, policy_version="1997").then(RETIRED)
    given(TIER_POLICIES).when(RetireTierPolicy, policy_version="1997").refused(
        TierPolicyUnknown, field="policy_version"
    )
    given(TIER_POLICIES, PUBLISHED, RETIRED).when(RetireTierPolicy, policy_version="1997").refused(
        TierPolicyRetiredAlready, field="policy_version"
    )


@pytest.mark.parametrize(
    "wrong", [[], RULES[:3], RULES[::-1], [RULES[0], RULES[0], *RULES[2:]], [*RULES, RULES[3]]]
)
def test_every_tier_has_one_rule_best_first(wrong: list[dict[str, Any]]) -> None:
    given(TIER_POLICIES).when(PublishTierPolicy, **POLICY | {"rules": wrong}).refused(
        TiersIncomplete, field="rules"
    )


def test_a_better_tier_never_asks_for_less() -> None:
    dearer = rules(gold={"min_spend_minor": 100_001})
    refusal = (
        given(TIER_POLICIES)
        .when(PublishTierPolicy, **POLICY | {"rules": dearer})
        .refused(ThresholdRises, field="rules[1].min_spend_minor")
    )
    assert refusal.message == "The rule for gold asks for more than the one for the better tier platinum."
    given(TIER_POLICIES).when(PublishTierPolicy, **POLICY | {"rules": rules(iron={"min_orders": 3})}).refused(
        ThresholdRises, field="rules[2].min_orders"
    )


def test_everybody_has_a_tier() -> None:
    for bar in ("min_spend_minor", "min_orders"):
        closed = rules(iron={"min_orders": 1}, lead={bar: 1})
        given(TIER_POLICIES).when(PublishTierPolicy, **POLICY | {"rules": closed}).refused(
            LowestTierClosed, field="rules[3]"
        )


def test_currency_window_and_thresholds_are_checked() -> None:
    publishing = given(TIER_POLICIES)
    publishing.when(PublishTierPolicy, **POLICY | {"currency": "ZZZ"}).refused(
        UnknownCurrency, field="currency"
    )
    publishing.when(PublishTierPolicy, **POLICY | {"window_days": 0}).refused(
        InvalidInput, field="window_days"
    )
    publishing.when(PublishTierPolicy, **POLICY | {"rules": rules(gold={"min_orders": -1})}).refused(
        InvalidInput, field="rules[1].min_orders"
    )


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (
            PUBLISHED.rules[0],
            "platinum: spent at least 1,000.00 USD and ordered at least 5 times within 365 days",
        ),
        (PUBLISHED.rules[2], "iron: spent at least 100.00 USD within 365 days"),
        (TierRule(tier=Tier.GOLD, min_orders=1), "gold: ordered within 365 days"),
        (PUBLISHED.rules[3], "lead: every customer"),
    ],
)
def test_a_rule_says_itself_in_words(rule: TierRule, text: str) -> None:
    assert rule.text("USD", 365) == text


def test_amounts_are_written_in_their_currencys_units() -> None:
    assert PUBLISHED.rules[2].text("JPY", 1) == "iron: spent at least 10,000 JPY within a day"


@pytest.mark.parametrize(
    ("day", "ending"),
    [
        (date(2026, 3, 2), {Cadence.DAY}),
        (date(2026, 3, 1), {Cadence.DAY, Cadence.WEEK}),
        (date(2026, 2, 27), {Cadence.DAY}),
        (date(2026, 2, 28), {Cadence.DAY, Cadence.MONTH}),
        (date(2028, 2, 28), {Cadence.DAY}),
        (date(2028, 2, 29), {Cadence.DAY, Cadence.MONTH}),
        (date(2026, 3, 31), {Cadence.DAY, Cadence.MONTH, Cadence.QUARTER}),
        (date(2026, 5, 31), {Cadence.DAY, Cadence.MONTH, Cadence.WEEK}),
        (date.max, {Cadence.DAY, Cadence.MONTH, Cadence.QUARTER}),
    ],
)
def test_periods_end_on_their_last_day(day: date, ending: set[Cadence]) -> None:
    assert {cadence for cadence in Cadence if ends_on(cadence, day)} == ending
