"""What has changed about a customer between two moments: the rows about them that differ, and the events."""

from __future__ import annotations

import json
from typing import Any

from domain.roles import Role
from tests.api.server import Api, key_of
from tests.api.test_rights import asking, sent, tell

COMPARE = """query Compare($of: String!, $earlier: AsOf!, $later: AsOf, $first: Int! = 50) {
  compareCustomer(customerId: $of, earlier: $earlier, later: $later) {
    earlier later
    before { name complaints { totalCount } } after { name complaints { totalCount } }
    differences(first: $first) { view key began ended since fields { field before after } }
    events { position name }
  }
}"""
DIFFERENCES = """query Compare($of: String!, $earlier: AsOf!) {
  compareCustomer(customerId: $of, earlier: $earlier) { differences { view fields { field before after } } }
}"""


async def compared(api: Api, of: str, earlier: int, later: int | None, **more: Any) -> dict[str, Any]:
    variables = {"of": of, "earlier": {"position": earlier}, **more}
    if later is not None:
        variables["later"] = {"position": later}
    found: dict[str, Any] = (await api.ask(COMPARE, **variables))["compareCustomer"]
    return found


def by_view(found: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    views: dict[str, list[dict[str, Any]]] = {}
    for difference in found["differences"]:
        fields = {f["field"]: (f["before"], f["after"]) for f in difference.pop("fields")}
        views.setdefault(difference.pop("view"), []).append(difference | {"fields": fields})
    return views


async def test_an_auditor_compares_two_moments_of_a_customer(api: Api) -> None:
    await tell(api, 2, "li")
    begin = await tell(api, 1, "mei")
    await api.done("changeProfile", customerId="c1", name="张三")
    await api.done("changeProfile", customerId="c2", name="somebody else")
    received = {"complaintId": "k9", "customerId": "c1", "category": "OTHER", "text": "late"}
    taken = await api.done("receiveComplaint", **received)
    end = await api.done("acknowledgeComplaint", complaintId="k9", apology="sorry")
    await api.done("changeProfile", customerId="c1", name="later still")

    found = await compared(api, "c1", begin, end)
    assert (found["earlier"], found["later"]) == (begin, end)
    assert found["before"] == {"name": "SECRET1 name", "complaints": {"totalCount": 1}}
    assert found["after"] == {"name": "张三", "complaints": {"totalCount": 2}}
    names = ["ProfileChanged", "ComplaintReceived", "ComplaintAcknowledged"]
    assert [event["name"] for event in found["events"]] == names
    assert found["differences"][0]["view"] == "customers"  # the file itself comes first
    views = by_view(found)
    [customer] = views["customers"]
    assert customer["fields"]["name"] == ('"SECRET1 name"', '"张三"')
    assert (customer["key"], customer["began"], customer["ended"]) == (['"c1"'], False, False)
    [complaint] = views["complaints"]
    assert (complaint["key"], complaint["began"], complaint["since"]) == (['"k9"'], True, end)
    assert complaint["fields"]["text"] == (None, '"late"')
    assert taken < end
    assert "c2" not in json.dumps(views)

    same = await compared(api, "c1", end, end)
    assert (same["before"], same["differences"], same["events"]) == (same["after"], [], [])
    first = await compared(api, "c1", 0, end, first=3)
    assert (first["before"], len(first["differences"])) == (None, 3)
    assert all(difference["began"] for difference in first["differences"])
    head = await api.tenant.log.head()
    pinned = COMPARE.replace("($of", "($at: AsOf, $of").replace(") {", ") @asOf(at: $at) {", 1)
    now = await api.ask(pinned, of="c1", earlier={"position": begin}, at={"position": head})
    assert now["compareCustomer"]["after"]["name"] == "later still"
    assert (await compared(api, "nobody", 0, end))["differences"] == []
    for earlier, later in ((end, begin), (0, head + 1)):
        moments = {"earlier": {"position": earlier}, "later": {"position": later}}
        assert (await api.error(COMPARE, of="c1", **moments))["code"] == "BAD_MOMENT"
    unlike = {"earlier": {"position": 1, "day": "2026-01-01"}}
    assert (await api.error(COMPARE, of="c1", **unlike))["code"] == "GRAPHQL_VALIDATION_FAILED"

    analyst = await key_of(api.tenant, Role.ANALYST, "an")
    agent = await key_of(api.tenant, Role.AGENT, "mei")
    for key, of, sees in ((analyst, "c1", False), (agent, "c1", True), (agent, "c2", False)):
        async with asking(api, key) as client:
            answer = await sent(client, DIFFERENCES, of=of, earlier={"position": 0})
        differences = answer["data"]["compareCustomer"]["differences"]
        assert ("SECRET" in json.dumps(answer)) == sees
        assert bool(differences) == (of == "c1")
