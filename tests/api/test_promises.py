"""标准与承诺 over HTTP: standard and own promise against the measured, in any period, as of any day."""

from __future__ import annotations

from typing import Any

from tests.api.server import Api

STATISTICS = """query ($at: AsOf!, $since: Date, $until: Date) @asOf(at: $at) {
  promiseStatistics(since: $since, until: $until) {
    kind standardMostHours standardAverageHours promisedMostHours promisedHours mostHours hours
    made kept missed overdue withinPromise withinStandard averageKept } }"""
PROMISES = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  commitments { nodes {
    commitmentId standardDueAt standardMostHours standardAverageHours withinStandard withinPromise reason } }
  promiseStandards { nodes { standardVersion effectiveFrom byKind otherHours } } }"""
HELD = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  visits { nodes { status reason } } commitments { nodes { reason } }
  crises { nodes { reason note } } incidents { nodes { symptom note } } }"""


def morning(day: str) -> str:
    return f"{day}T09:00:00Z"


async def promised(api: Api, id: str, kind: str, day: str, by: str, kept: str | None = None) -> int:
    """A promise of one morning for another, and perhaps the morning on which it was kept."""
    what = {"customerId": "c", "commitmentId": id, "kind": kind, "promisedAt": morning(by)}
    at = await api.done("makeCommitment", **what, occurredAt=morning(day))
    if kept:
        at = await api.done("keepCommitment", commitmentId=id, occurredAt=morning(kept))
    return at


async def statistics(api: Api, at: dict[str, Any], **period: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.ask(STATISTICS, at=at, **period))["promiseStatistics"]
    return found


async def test_the_standard_and_our_own_promise_stand_against_the_measured(api: Api) -> None:
    """To install: 15 days on average and 20 at most; to repair: 72 hours; other changes: 24."""
    await api.done("registerCustomer", customerId="c", occurredAt=morning("2026-01-01"))
    await promised(api, "i1", "install", "2026-03-02", by="2026-03-12", kept="2026-03-12")
    await promised(api, "i2", "install", "2026-03-02", by="2026-03-20", kept="2026-03-21")
    await promised(api, "i3", "install", "2026-03-03", by="2026-03-23", kept="2026-03-24")
    await promised(api, "r1", "repair", "2026-03-02", by="2026-03-04", kept="2026-03-04")
    await promised(api, "r2", "repair", "2026-03-04", by="2026-03-06")
    await api.done("missCommitment", commitmentId="r2", reason="配件缺货", occurredAt=morning("2026-03-07"))
    head = await promised(api, "m1", "move house", "2026-03-05", by="2026-03-06")

    rows = await statistics(api, {"atLeast": head})

    assert rows == [
        {
            "kind": "install",
            "standardMostHours": 480,
            "standardAverageHours": 360,
            "promisedMostHours": 480,
            "promisedHours": 384,
            "mostHours": 504,
            "hours": 400,
            "made": 3,
            "kept": 3,
            "missed": 0,
            "overdue": 0,
            "withinPromise": 1,
            "withinStandard": 2,
            "averageKept": False,
        },
        {
            "kind": "move house",
            "standardMostHours": 24,
            "standardAverageHours": None,
            "promisedMostHours": 24,
            "promisedHours": 24,
            "mostHours": None,
            "hours": None,
            "made": 1,
            "kept": 0,
            "missed": 0,
            "overdue": 0,
            "withinPromise": 0,
            "withinStandard": 0,
            "averageKept": None,
        },
        {
            "kind": "repair",
            "standardMostHours": 72,
            "standardAverageHours": None,
            "promisedMostHours": 48,
            "promisedHours": 48,
            "mostHours": 48,
            "hours": 48,
            "made": 2,
            "kept": 1,
            "missed": 1,
            "overdue": 0,
            "withinPromise": 1,
            "withinStandard": 1,
            "averageKept": None,
        },
    ]


async def test_the_same_of_any_period_and_as_of_any_day(api: Api) -> None:
    await api.done("registerCustomer", customerId="c", occurredAt=morning("2026-03-01"))
    early = await promised(api, "i1", "install", "2026-03-02", by="2026-03-12", kept="2026-03-12")
    await promised(api, "m1", "change", "2026-03-12", by="2026-03-13")
    ended = await api.done("endDay", day="2026-03-14", occurredAt="2026-03-16T00:00:00Z")
    late = await promised(api, "i2", "install", "2026-03-31", by="2026-04-18", kept="2026-04-20")

    async def figures(at: dict[str, Any], **period: str) -> list[tuple[Any, ...]]:
        rows = await statistics(api, at, **period)
        return [(r["kind"], r["made"], r["overdue"], r["hours"], r["averageKept"]) for r in rows]

    now = {"atLeast": late}
    change = ("change", 1, 1, None, None)
    assert await figures(now) == [change, ("install", 2, 0, 360, True)]
    assert await figures(now, since="2026-03-03") == [change, ("install", 1, 0, 480, False)]
    assert await figures(now, until="2026-03-02") == [("install", 1, 0, 240, True)]
    assert await figures({"position": early}) == [("install", 1, 0, 240, True)]
    assert await figures({"day": "2026-03-14"}) == await figures({"position": ended})
    assert await figures({"day": "2026-03-14"}) == [change, ("install", 1, 0, 240, True)]


async def test_a_published_standard_holds_for_what_is_promised_from_then_on(api: Api) -> None:
    await api.done("registerCustomer", customerId="c", occurredAt=morning("2026-01-01"))
    await promised(api, "old", "install", "2026-03-02", by="2026-03-20", kept="2026-03-20")
    install = {"kind": "install", "mostHours": 240, "averageHours": 120}
    published = {"standardVersion": "2026-03", "effectiveFrom": "2026-03-10", "byKind": [install]}
    answered = await api.do(
        "publishPromiseStandard", "promiseStandard { standardVersion }", **published, otherHours=12
    )
    assert answered["promiseStandard"] == {"standardVersion": "2026-03"}

    late = {"customerId": "c", "commitmentId": "new", "kind": "install"}
    refused = await api.refused(
        "makeCommitment", **late, occurredAt=morning("2026-03-10"), promisedAt=morning("2026-03-21")
    )
    head = await promised(api, "new", "install", "2026-03-10", by="2026-03-20", kept="2026-03-15")

    assert (refused["code"], refused["field"]) == ("PromisedBeyondTheStandard", "promisedAt")
    assert "2026-03-20T09:00:00" in refused["message"]
    rows = await statistics(api, {"atLeast": head})
    keys = ("standardMostHours", "standardAverageHours", "hours", "averageKept")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        (480, 360, 432, False),
        (240, 120, 120, True),
    ]
    shown = await api.ask(PROMISES, at=head)
    assert shown["promiseStandards"]["nodes"] == [
        {
            "standardVersion": "2026-03",
            "effectiveFrom": "2026-03-10",
            "byKind": ["install: 240 hours at most, 120 on average"],
            "otherHours": 12,
        }
    ]
    [new, old] = shown["commitments"]["nodes"]
    due = {"withinStandard": True, "withinPromise": True, "reason": None}
    assert new == {
        "commitmentId": "new",
        "standardDueAt": "2026-03-20T09:00:00+00:00",
        "standardMostHours": 240,
        "standardAverageHours": 120,
        **due,
    }
    assert old == {
        "commitmentId": "old",
        "standardDueAt": "2026-03-22T09:00:00+00:00",
        "standardMostHours": 480,
        "standardAverageHours": 360,
        **due,
    }


async def test_why_it_was_missed_and_how_it_ended_is_shown_until_it_is_erased(api: Api) -> None:
    await api.done("registerCustomer", customerId="c", occurredAt=morning("2026-01-01"))
    visit = {"customerId": "c", "visitId": "v", "on": "2026-03-02", "member": "mei", "purpose": "round"}
    await api.done("planVisit", **visit)
    await api.done("missVisit", visitId="v", reason="nobody at home")
    await promised(api, "p", "repair", "2026-03-02", by="2026-03-03")
    await api.done("missCommitment", commitmentId="p", reason="配件缺货")
    crisis = {"crisisId": "k", "category": "DELIVERY", "reason": "a flood", "escalatedTo": "Tom"}
    await api.done("declareCrisis", **crisis)
    await api.done("endCrisis", crisisId="k", note="a second road")
    await api.done("reportIncident", incidentId="i", place="hall", symptom="smoke", remedy="air")
    await api.done("signIncident", incidentId="i")
    ended = await api.done("endIncident", incidentId="i", note="motor replaced")

    held = await api.ask(HELD, at=ended)
    erased = await api.done("erasePersonalData", customerId="c", ground="REQUEST")
    left = await api.ask(HELD, at=erased)

    assert held["visits"]["nodes"] == [{"status": "missed", "reason": "nobody at home"}]
    assert held["commitments"]["nodes"] == [{"reason": "配件缺货"}]
    assert held["crises"]["nodes"] == [{"reason": "a flood", "note": "a second road"}]
    assert held["incidents"]["nodes"] == [{"symptom": "smoke", "note": "motor replaced"}]
    assert left["visits"]["nodes"] == [{"status": "missed", "reason": "[erased]"}]
    assert left["commitments"]["nodes"] == [{"reason": "[erased]"}]
    assert (left["crises"], left["incidents"]) == (held["crises"], held["incidents"])
