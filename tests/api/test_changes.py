"""Who follows complaints, tiers or a customer hears of every change once, wherever they come in or go on."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from api import subscriptions
from domain.roles import Role
from tests.api.server import Api, Socket, key_of
from tests.api.test_subscriptions import ended

TIERS = """subscription Tiers($after: Place) {
  tierChanges(after: $after) {
    position cursor customerId before tier event { name } value { tier since } customer { customerId }
  }
}"""
COMPLAINTS = """subscription Complaints($after: Place, $filter: ComplaintFilter) {
  complaints(after: $after, filter: $filter) {
    position cursor matches event { name }
    complaint { complaintId step open overdue text customer { openComplaintCount } }
  }
}"""
CUSTOMER = """subscription Customer($of: String!, $after: Int64) {
  customer(customerId: $of, after: $after) {
    position event { name }
    customer { name orderCount complaints { nodes { complaintId step } } value { tier } }
  }
}"""
POLICY = {
    "policyVersion": "p",
    "effectiveFrom": "2026-01-01",
    "currency": "EUR",
    "windowDays": 30,
    "cadence": "DAY",
    "rules": [
        {"tier": "PLATINUM", "minOrders": 5},
        {"tier": "GOLD", "minOrders": 3},
        {"tier": "IRON", "minOrders": 1},
        {"tier": "LEAD"},
    ],
}
BEGIN = date(2026, 1, 5)


async def ends(api: Api, day: date) -> int:
    return await api.done("endDay", day=f"{day}", occurredAt=f"{day + timedelta(days=2)}T00:00:00Z")


async def heard(socket: Socket, field: str, count: int, id: str = "1") -> list[dict[str, Any]]:
    return [(await socket.next(id))[field] for _ in range(count)]


async def bought(api: Api, rng: random.Random, days: int, customers: int) -> list[int]:
    """Customers who buy more or less from day to day, and the positions at which days ended."""
    await api.done("publishTierPolicy", **POLICY)
    for n in range(customers):
        await api.done("registerCustomer", customerId=f"c{n:02}")
    positions = []
    for number in range(days):
        day = BEGIN + timedelta(days=number * 10)
        for _ in range(customers):
            what = {"totalMinor": 1, "currency": "EUR", "items": 1, "occurredAt": f"{day}T09:00:00Z"}
            who = f"c{rng.randrange(customers):02}"
            await api.done("recordPurchase", orderId=f"o{rng.random()}", customerId=who, **what)
        positions.append(await ends(api, day))
    return positions


async def tiers_at(api: Api, position: int) -> dict[str, str]:
    query = """query Q($at: AsOf!) @asOf(at: $at) {
      customerValues(first: 100) { nodes { customerId tier } }
    }"""
    nodes = (await api.ask(query, at={"position": position}))["customerValues"]["nodes"]
    return {node["customerId"]: node["tier"] for node in nodes}


async def test_every_move_between_tiers_is_told_once_wherever_one_goes_on(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "PAGE", 2)
    moves: list[tuple[int, str, str, str]] = []
    positions = await bought(api, random.Random(5), days=6, customers=12)
    await api.ask(
        "query Q($at: AsOf!) @asOf(at: $at) { customerValues { totalCount } }", at={"atLeast": positions[-1]}
    )
    before: dict[str, str] = {}
    for position in positions:
        now = await tiers_at(api, position)
        moves += [(position, c, before[c], now[c]) for c in sorted(now) if before.get(c, now[c]) != now[c]]
        before = now
    assert len({position for position, *_ in moves}) > 2 < len(moves)

    async with api.socket() as socket:
        await socket.subscribe("1", TIERS, after=0)
        told = await heard(socket, "tierChanges", len(moves))
    assert [(m["position"], m["customerId"], m["before"], m["tier"]) for m in told] == moves
    for message in told:
        assert message["event"] == {"name": "DayEnded"}
        assert message["value"] == {"tier": message["tier"], "since": message["position"]}
        assert message["customer"] == {"customerId": message["customerId"]}
    async with api.socket() as socket:  # each of them goes on after another message
        for number, message in enumerate(told[:-1]):
            await socket.subscribe(f"{number}", TIERS, after=message["cursor"])
            assert await heard(socket, "tierChanges", 1, f"{number}") == [told[number + 1]]
            await socket.say("complete", id=f"{number}")
            await socket.subscribe(f"p{number}", TIERS, after=message["position"])
            later = [m for m in told if m["position"] > message["position"]]
            assert await heard(socket, "tierChanges", len(later[:1]), f"p{number}") == later[:1]
            await socket.say("complete", id=f"p{number}")


async def complained(api: Api, id: str) -> int:
    return await api.done(
        "receiveComplaint", complaintId=id, customerId="1", category="OTHER", text=f"{id} SECRET",
        occurredAt=f"{BEGIN}T03:00:00Z",
    )  # fmt: skip


async def test_who_follows_open_complaints_hears_what_comes_changes_and_goes(api: Api) -> None:
    await api.done("registerCustomer", customerId="1")
    first = await complained(api, "a")
    still_open = {"open": {"eq": True}}
    async with api.socket() as socket:
        await socket.subscribe("1", COMPLAINTS, after=0, filter=still_open)
        await socket.subscribe("2", COMPLAINTS, after="0", filter={"overdue": {"eq": True}})
        [message] = await heard(socket, "complaints", 1)
        assert message == {
            "position": first,
            "cursor": f"{first}/a",
            "matches": True,
            "event": {"name": "ComplaintReceived"},
            "complaint": {
                "complaintId": "a", "step": "RECEIVED", "open": True, "overdue": False, "text": "a SECRET",
                "customer": {"openComplaintCount": 1},
            },
        }  # fmt: skip
        await complained(api, "b")
        await api.done("changeProfile", customerId="1", name="nothing to do with it")
        await api.done("acknowledgeComplaint", complaintId="a", apology="sorry")
        told = await heard(socket, "complaints", 2)
        assert [(m["complaint"]["complaintId"], m["complaint"]["step"]) for m in told] == [
            ("b", "RECEIVED"),
            ("a", "ACKNOWLEDGED"),
        ]
        late = await ends(api, BEGIN + timedelta(days=60))
        frames = [await socket.hear() for _ in range(4)]
        for id in ("1", "2"):
            told = [f["payload"]["data"]["complaints"] for f in frames if f["id"] == id]
            assert [(m["position"], m["cursor"], m["complaint"]["overdue"]) for m in told] == [
                (late, f"{late}/a", True),
                (late, f"{late}/b", True),
            ]
        gone = await closed(api, "b")
        frames = [await socket.hear() for _ in range(2 * len(CLOSING) - 2)]  # decided, it is not overdue
        *_, last = [f["payload"]["data"]["complaints"] for f in frames if f["id"] == "1"]
        assert (last["position"], last["matches"], last["complaint"]["open"]) == (gone, False, False)
        await api.done("reopenComplaint", complaintId="b", reason="again")
        [back] = await heard(socket, "complaints", 1)
        assert (back["matches"], back["complaint"]["complaintId"]) == (True, "b")


CLOSING: list[tuple[str, dict[str, Any]]] = [
    ("acknowledgeComplaint", {"apology": "sorry"}),
    ("assessComplaint", {"severity": "LOW", "impact": 1}),
    ("recordInvestigation", {"finding": "x", "justified": False}),
    ("communicateDecision", {"decision": "no"}),
    ("verifySatisfaction", {"verdict": "SATISFIED"}),
    ("closeComplaint", {"rootCause": "x"}),
]


async def closed(api: Api, id: str) -> int:
    position = 0
    for command, fields in CLOSING:
        position = await api.done(command, complaintId=id, **fields)
    return position


async def test_complaints_are_told_to_everybody_as_they_may_see_them(api: Api) -> None:
    await api.done("registerCustomer", customerId="1")
    await api.done("assignOwner", customerId="1", owner="mei")
    keys = {
        "analyst": await key_of(api.tenant, Role.ANALYST, "ann"),
        "mei": await key_of(api.tenant, Role.AGENT, "mei"),
        "li": await key_of(api.tenant, Role.AGENT, "li"),
    }
    async with (
        api.socket(keys["analyst"]) as analyst,
        api.socket(keys["mei"]) as mei,
        api.socket(keys["li"]) as li,
    ):
        await analyst.subscribe("0", COMPLAINTS, filter={"text": {"contains": "S"}})
        assert (await ended(analyst, "0"))["code"] == "FORBIDDEN"
        for socket in (analyst, mei, li):
            await socket.subscribe("1", COMPLAINTS, after=0)
        await complained(api, "a")
        [own], [masked] = [await heard(socket, "complaints", 1) for socket in (mei, analyst)]
        assert (own["complaint"]["text"], masked["complaint"]["text"]) == ("a SECRET", None)
        await api.done("assignOwner", customerId="1", owner="li")
        await api.done("acknowledgeComplaint", complaintId="a", apology="sorry")
        [theirs] = await heard(li, "complaints", 1)
        assert (theirs["event"], theirs["complaint"]["step"]) == (
            {"name": "ComplaintAcknowledged"},
            "ACKNOWLEDGED",
        )
        await mei.say("ping")
        assert await mei.hear() == {"type": "pong"}


async def test_a_customer_is_followed_with_all_that_belongs_to_them(api: Api) -> None:
    await api.done("registerCustomer", customerId="1", name="王")
    await api.done("registerCustomer", customerId="2")
    async with api.socket() as socket:
        await socket.subscribe("1", CUSTOMER, of="1", after=0)
        order = {"totalMinor": 1, "currency": "EUR", "items": 1}
        placed = await api.done("placeOrder", orderId="o", customerId="1", **order)
        await api.done("placeOrder", orderId="o2", customerId="2", **order)
        received = await complained(api, "a")
        acknowledged = await api.done("acknowledgeComplaint", complaintId="a", apology="sorry")
        told = await heard(socket, "customer", 4)
    assert [(m["position"], m["event"]["name"]) for m in told] == [
        (1, "CustomerRegistered"),
        (placed, "OrderPlaced"),
        (received, "ComplaintReceived"),
        (acknowledged, "ComplaintAcknowledged"),
    ]
    assert [m["customer"]["orderCount"] for m in told] == [0, 1, 1, 1]
    assert [m["customer"]["complaints"]["nodes"] for m in told] == [
        [],
        [],
        [{"complaintId": "a", "step": "RECEIVED"}],
        [{"complaintId": "a", "step": "ACKNOWLEDGED"}],
    ]
    async with api.socket(await key_of(api.tenant, Role.AGENT, "li")) as socket:
        await socket.subscribe("1", CUSTOMER, of="1", after=0)
        assert (await ended(socket))["code"] == "FORBIDDEN"


@pytest.mark.parametrize("after", ["x", -1, "1/", 1.5, True, "5" * 20])
async def test_what_is_no_place_is_refused(api: Api, after: Any) -> None:
    async with api.socket() as socket:
        await socket.subscribe("1", TIERS, after=after)
        message = await socket.hear()
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        assert "Place takes a position" in errors[0]["message"]
