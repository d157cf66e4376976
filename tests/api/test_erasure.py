"""What is personal about a customer is erased through the API, and no path tells it any more."""

from __future__ import annotations

import base64
import json
from typing import Any

from domain.roles import Role
from tests.api.server import Api, key_of

SECRET = "茉莉 Mòlì"
LI = {"customerId": "li"}
STORY = """query Story($at: AsOf) @asOf(at: $at) {
  customer(customerId: "li") {
    name birthday region live erasedAt
    contactPoints { nodes { value } } identifiers { nodes { value } }
    complaints { nodes { category text steps { nodes { event words } } } }
    timeline(orderBy: [{by: POSITION, direction: ASC}]) { nodes { event summary } }
  }
  eventLog(first: 50, filter: {customerId: "li"}) { nodes { name data } }
}"""


async def lived(api: Api) -> int:
    """A customer's file; the position where it stands."""
    await api.done("registerCustomer", **LI, name=SECRET, birthday="1980-03-03", region="华东")
    await api.done("addContactPoint", **LI, kind="PHONE", value=SECRET, label="mobile")
    await api.done("addIdentifier", **LI, kind="ACCOUNT", value=SECRET)
    await api.done("verifyIdentifier", **LI, kind="ACCOUNT", value=SECRET, evidence=f"{SECRET} came")
    return await api.done(
        "receiveComplaint", **LI, complaintId="k", category="PRODUCT", text=f"{SECRET} is angry"
    )


async def story(api: Api, at: dict[str, Any]) -> dict[str, Any]:
    return await api.ask(STORY, at=at)


async def test_it_is_gone_now_and_as_of_every_earlier_moment(api: Api) -> None:
    before = await lived(api)
    assert SECRET in json.dumps(await story(api, {"position": before}), ensure_ascii=False)

    erased = await api.done("erasePersonalData", **LI, ground="REQUEST")

    now = await story(api, {"atLeast": erased})
    then = await story(api, {"position": before})
    for told in (now, then):
        assert SECRET not in json.dumps(told, ensure_ascii=False)
        customer = told["customer"]
        assert (customer["name"], customer["birthday"], customer["region"]) == ("[erased]", None, "华东")
        assert (customer["contactPoints"]["nodes"], customer["identifiers"]["nodes"]) == ([], [])
        (complaint,) = customer["complaints"]["nodes"]
        assert (complaint["category"], complaint["text"]) == ("PRODUCT", "[erased]")
        assert [entry["event"] for entry in customer["timeline"]["nodes"]] == [
            "CustomerRegistered",
            "ComplaintReceived",
        ]
    assert (now["customer"]["live"], then["customer"]["live"]) == (False, True)
    assert now["customer"]["erasedAt"] is not None
    assert [e["name"] for e in now["eventLog"]["nodes"]][-1] == "PersonalDataErased"


async def test_stored_bytes_are_sealed_all_along(api: Api) -> None:
    await lived(api)
    lines = [json.loads(line) for line in (await api.client.get("/export/events")).text.splitlines()]
    told = [line for line in lines if line["customerId"] == "li"]
    assert SECRET in json.dumps([line["data"] for line in told], ensure_ascii=False)
    raw = b"".join(base64.b64decode(line["raw"]) for line in told)
    assert SECRET.encode() not in raw
    assert "华东".encode() in raw

    await api.done("erasePersonalData", **LI, ground="REQUEST")

    after = (await api.client.get("/export/events")).text
    assert SECRET not in after
    assert SECRET not in json.dumps([json.loads(line) for line in after.splitlines()], ensure_ascii=False)


async def test_only_an_admin_erases_and_the_file_stays_closed(api: Api) -> None:
    await lived(api)
    for role in Role:
        if role is not Role.ADMIN:
            key = await key_of(api.tenant, role)
            answer = await api.client.post(
                "/graphql",
                json={
                    "query": 'mutation { erasePersonalData(input: {customerId: "li", ground: REQUEST}) '
                    "{ position } }"
                },
                headers={"authorization": f"Bearer {key}"},
            )
            assert answer.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN", role
    await api.done("erasePersonalData", **LI, ground="REQUEST")
    refusal = await api.refused("changeProfile", **LI, name="Li")
    assert (refusal["code"], refusal["field"]) == ("CustomerErased", "customerId")
