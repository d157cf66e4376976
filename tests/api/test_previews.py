"""What if another tier policy held? The pyramid under it and who would move, as of any moment."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.server import Api
from tests.api.test_story import POLICY


def rules(platinum: int, gold: int) -> list[dict[str, Any]]:
    return [
        {"tier": "PLATINUM", "minSpendMinor": platinum},
        {"tier": "GOLD", "minSpendMinor": gold},
        {"tier": "IRON", "minSpendMinor": 1},
        {"tier": "LEAD"},
    ]


ASK = """query Q($at: AsOf, $rules: [TierRuleInput!], $version: String, $against: String, $days: Int64) @asOf(at: $at) {
  previewTierPolicy(policyVersion: $version, rules: $rules, against: $against, windowDays: $days) {
    day moved
    policy { policyVersion currency windowDays tiers { ...tier } }
    against { policyVersion tiers { ...tier } }
    moves { fromTier toTier customers examples { customerId name } }
  }
}
fragment tier on PreviewedTier { tier rule customers spentMinor shareOfCustomers shareOfSpend }"""  # noqa: E501
STRICT, MILD = rules(90_000, 50_000), rules(40_000, 10_000)
SPENT = {"1": 95_000, "2": 45_000, "3": 30_000, "4": 0}


@pytest.fixture
async def head(api: Api) -> int:
    """Four customers and two policies; in January only the strict one is known."""
    when = {"occurredAt": "2026-01-10T09:00:00Z"}
    await api.done("publishTierPolicy", **POLICY | {"policyVersion": "strict", "rules": STRICT}, **when)
    for id, spent in SPENT.items():
        await api.done("registerCustomer", customerId=id, name=f"顾客{id}", **when)
        if spent:
            await api.done(
                "recordPurchase", orderId=id, customerId=id, totalMinor=spent, currency="EUR", items=1, **when
            )
    await api.done("endDay", day="2026-01-31", occurredAt="2026-02-02T00:00:00Z")
    mild = POLICY | {"policyVersion": "mild", "rules": MILD, "effectiveFrom": "2027-01-01"}
    await api.done("publishTierPolicy", **mild, occurredAt="2026-02-03T00:00:00Z")
    await api.done("endDay", day="2026-02-28", occurredAt="2026-03-02T00:00:00Z")
    return await api.tenant.log.head()


def sizes(policy: dict[str, Any]) -> list[int]:
    return [tier["customers"] for tier in policy["tiers"]]


async def test_other_rules_move_customers_and_record_nothing(api: Api, head: int) -> None:
    found = (await api.ask(ASK, at={"atLeast": head}, rules=MILD))["previewTierPolicy"]

    assert (found["day"], found["moved"]) == ("2026-02-28", 2)
    assert (sizes(found["against"]), sizes(found["policy"])) == ([1, 0, 2, 1], [2, 1, 0, 1])
    assert (found["policy"]["policyVersion"], found["against"]["policyVersion"]) == (None, "strict")
    assert found["moves"] == [
        {
            "fromTier": "IRON",
            "toTier": "PLATINUM",
            "customers": 1,
            "examples": [{"customerId": "2", "name": "顾客2"}],
        },
        {
            "fromTier": "IRON",
            "toTier": "GOLD",
            "customers": 1,
            "examples": [{"customerId": "3", "name": "顾客3"}],
        },
    ]
    assert found["policy"]["tiers"][0] == {
        "tier": "PLATINUM",
        "rule": "platinum: spent at least 400.00 EUR within 90 days",
        "customers": 2,
        "spentMinor": 140_000,
        "shareOfCustomers": 0.5,
        "shareOfSpend": 140 / 170,
    }
    assert {event.name for event in await api.tenant.log.read(head)} == {"PersonalDataRead"}


async def test_two_published_versions_stand_side_by_side(api: Api, head: int) -> None:
    found = (await api.ask(ASK, at={"atLeast": head}, version="strict", against="mild"))["previewTierPolicy"]
    assert (found["policy"]["policyVersion"], found["against"]["policyVersion"]) == ("strict", "mild")
    assert (sizes(found["policy"]), sizes(found["against"])) == ([1, 0, 2, 1], [2, 1, 0, 1])
    assert [(m["fromTier"], m["toTier"]) for m in found["moves"]] == [("PLATINUM", "IRON"), ("GOLD", "IRON")]


async def test_a_preview_of_the_policy_in_force_is_the_pyramid_itself(api: Api, head: int) -> None:
    at = {"day": "2026-02-28"}
    found = (await api.ask(ASK, at=at))["previewTierPolicy"]
    pyramid = await api.ask(
        "query Q($at: AsOf) @asOf(at: $at) { tierDistribution { tier customers spentMinor } }", at=at
    )
    assert found["moves"] == []
    assert [
        {name: tier[name] for name in ("tier", "customers", "spentMinor")}
        for tier in found["policy"]["tiers"]
        if tier["customers"]
    ] == pyramid["tierDistribution"]


async def test_it_can_be_asked_as_of_any_moment(api: Api, head: int) -> None:
    january = {"day": "2026-01-31"}
    found = (await api.ask(ASK, at=january, rules=MILD))["previewTierPolicy"]
    assert found["day"] == "2026-01-31"
    narrow = (await api.ask(ASK, at={"atLeast": head}, days=30))["previewTierPolicy"]
    assert (sizes(narrow["policy"]), narrow["policy"]["windowDays"]) == ([0, 0, 0, 4], 30)
    error = await api.error(ASK, at=january, version="mild")
    assert (error["code"], error["message"]) == (
        "BAD_USER_INPUT",
        "policyVersion: no tier policy 'mild' had been published then",
    )
    assert (await api.error(ASK, at={"position": 3}))["code"] == "BAD_MOMENT"


async def test_rules_that_could_not_be_published_cannot_be_previewed(api: Api, head: int) -> None:
    error = await api.error(ASK, at={"atLeast": head}, rules=rules(10, 20))
    assert error == {
        "code": "BAD_USER_INPUT",
        "message": "rules[1].minSpendMinor: The rule for gold asks for more than the one for the better tier"
        " platinum.",
    }
    assert "windowDays" in (await api.error(ASK, at={"atLeast": head}, days=0))["message"]


async def test_the_first_policy_is_compared_with_none(api: Api) -> None:
    await api.done("registerCustomer", customerId="1")
    ended = await api.done("endDay", day="2026-01-31", occurredAt="2026-02-02T00:00:00Z")
    ask = """query Q($at: AsOf, $rules: [TierRuleInput!]) @asOf(at: $at) {
      previewTierPolicy(rules: $rules, currency: "EUR", windowDays: 90) {
        moved against { currency } policy { tiers { customers } }
      }
    }"""
    found = (await api.ask(ask, at={"atLeast": ended}, rules=STRICT))["previewTierPolicy"]
    assert found == {
        "moved": 0,
        "against": None,
        "policy": {"tiers": [{"customers": n} for n in (0, 0, 0, 1)]},
    }
    assert "is required" in (await api.error(ASK, at={"atLeast": ended}, rules=STRICT))["message"]
