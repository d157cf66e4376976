"""File roles: who creates, maintains, operates, contributes to or keeps one customer's file."""

from __future__ import annotations

from typing import Any

import pytest

from domain.files import FileRole
from domain.roles import Role
from tests.api.server import Api, key_of
from tests.api.test_rights import ASK, FOLLOW, asking, code, sent, tell

WISHES: dict[str, tuple[str, dict[str, Any]]] = {
    "core": ("changeProfile", {"region": "华南"}),
    "extra": ("setExtraField", {"field": "genre", "value": "jazz"}),
    "upkeep": ("strikeFileEntry", {"entryId": "e1", "layer": "BASIC", "reason": "mistaken"}),
    "work": ("giveCare", {"occasion": "birthday", "gesture": "a card"}),
}
"""A command of each class of what is done with a file."""
GIVEN = {
    FileRole.CREATOR: {"core", "extra", "work"},
    FileRole.MAINTAINER: {"core", "extra", "upkeep"},
    FileRole.OPERATOR: {"extra", "work"},
    FileRole.CONTRIBUTOR: {"extra"},
    FileRole.CUSTODIAN: {"core", "extra", "upkeep", "work"},
}


async def wish(client: Any, command: str, **input: Any) -> dict[str, Any]:
    kind = f"{command[0].upper()}{command[1:]}Input"
    query = f"mutation ($i: {kind}!) {{ {command}(input: $i) {{ position errors {{ code }} }} }}"
    return await sent(client, query, i=input)


async def name(api: Api, role: FileRole, member: str | None, customer: str = "c1") -> int:
    return await api.done("assignFileRole", customerId=customer, role=role.name, member=member)


@pytest.mark.parametrize("role", list(FileRole))
async def test_a_role_in_a_file_gives_its_rights_in_that_file_alone(api: Api, role: FileRole) -> None:
    await tell(api, 1, "li")
    await tell(api, 2, "li")
    await api.done("defineExtraField", field="genre", kind="TEXT", label="流派")
    await name(api, role, "mei")
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        for class_, (command, input) in WISHES.items():
            done = await wish(client, command, customerId="c1", **input)
            assert code(done) == (None if class_ in GIVEN[role] else "FORBIDDEN"), (class_, done)
            assert code(done) or done["data"][command]["errors"] == [], (class_, done)
            assert code(await wish(client, command, customerId="c2", **input)) == "FORBIDDEN", class_
        refused = await wish(client, "assignOwner", customerId="c1", owner="mei")
    assert code(refused) == "FORBIDDEN"


async def test_an_operator_does_the_daily_work_of_a_customer_and_a_contributor_does_not(api: Api) -> None:
    await tell(api, 1, "li")
    order = {"orderId": "o9", "totalMinor": 7, "currency": "EUR", "items": 1}
    for role, refusal in ((FileRole.CONTRIBUTOR, "FORBIDDEN"), (FileRole.OPERATOR, None)):
        await name(api, role, role.value)
        async with asking(api, await key_of(api.tenant, Role.AGENT, role.value)) as client:
            assert code(await wish(client, "placeOrder", customerId="c1", **order)) == refusal
            if refusal:
                await api.done("placeOrder", customerId="c1", **order | {"orderId": "o8"})
            fulfilled = await wish(client, "fulfilOrder", orderId="o8")
            assert code(fulfilled) == refusal
    assert fulfilled["data"]["fulfilOrder"]["errors"] == []


async def test_extra_fields_may_be_edited_where_core_fields_may_not_and_the_refusal_says_why(
    api: Api,
) -> None:
    await tell(api, 1, "li")
    await api.done("defineExtraField", field="genre", kind="TEXT", label="流派")
    await name(api, FileRole.CONTRIBUTOR, "mei")
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        extra = await wish(client, "setExtraField", customerId="c1", field="genre", value="jazz")
        core = await wish(client, "changeProfile", customerId="c1", region="华南")
    assert extra["data"]["setExtraField"]["errors"] == []
    [refusal] = core["errors"]
    assert refusal["extensions"]["code"] == "FORBIDDEN"
    assert refusal["message"] == (
        "your role in this file is contributor: ChangeProfile takes the owner of the customer"
        " or the creator or the maintainer or the custodian"
    )


async def test_whoever_has_a_role_reads_the_file_on_every_path_until_somebody_else_has_it(api: Api) -> None:
    await tell(api, 1, "li")
    read = ASK % 'customer(customerId: "c1") { name complaints { nodes { text } } } orders { totalCount }'
    log = '{ eventLog(first: 100, filter: {customerId: "c1"}) { nodes { data } } }'
    nothing = {"customer": None, "orders": {"totalCount": 0}}
    key = await key_of(api.tenant, Role.AGENT, "mei")
    async with asking(api, key) as client, api.socket(key) as socket:

        async def looked(since: int) -> dict[str, Any]:
            return (await sent(client, read, at={"atLeast": since}))["data"]  # type: ignore[no-any-return]  # an object

        assert await looked(await api.tenant.log.head()) == nothing
        assert code(await sent(client, log)) == "FORBIDDEN"

        seen = await looked(await name(api, FileRole.CONTRIBUTOR, "mei"))
        assert seen["customer"] == {"name": "SECRET1 name", "complaints": {"nodes": [{"text": "SECRET1!"}]}}
        assert seen["orders"] == {"totalCount": 1}
        assert "SECRET1" in str(await sent(client, log))
        await socket.subscribe("own", FOLLOW, of="c1")
        assert "SECRET1" in (await socket.next("own"))["events"]["data"]

        for next_one in ("zhou", None):
            await name(api, FileRole.CONTRIBUTOR, "mei")
            assert await looked(await name(api, FileRole.CONTRIBUTOR, next_one)) == nothing
            assert code(await sent(client, log)) == "FORBIDDEN"
        while (heard := await socket.hear())["type"] == "next" and "errors" not in heard["payload"]:
            pass
    assert "FORBIDDEN" in str(heard)


async def test_a_profile_change_notifies_the_operator_of_the_file_and_nobody_else(api: Api) -> None:
    mine = ASK % 'profileChanges(filter: {operator: {eq: "chen"}}) { nodes { customerId fields actor } }'
    for number in (1, 2, 3):
        await tell(api, number, "li")
    await api.done("changeProfile", customerId="c1", language="en")
    for number, member in ((1, "chen"), (2, "zhou")):
        await name(api, FileRole.OPERATOR, member, f"c{number}")
    for number in (1, 2, 3):
        last = await api.done("changeProfile", customerId=f"c{number}", region="华南")
    async with asking(api, await key_of(api.tenant, Role.AGENT, "chen")) as client:
        told = await sent(client, mine, at={"atLeast": last})
    notice = {"customerId": "c1", "fields": ["region"], "actor": "mei"}
    assert told["data"]["profileChanges"]["nodes"] == [notice]
    everybody = await api.ask(ASK % "operatorNotices { customerId operator }", at={"atLeast": last})
    assert everybody["operatorNotices"] == [
        {"customerId": "c2", "operator": "zhou"},
        {"customerId": "c1", "operator": "chen"},
    ]


async def test_whoever_opens_a_file_looks_after_the_customer_until_somebody_owns_the_customer(
    api: Api,
) -> None:
    opened = {"customerId": "c9", "name": "王", "relation": "CONSUMER"}
    phone = {"customerId": "c9", "kind": "PHONE", "value": "+86 138 0000 0000"}
    read = ASK % 'customer(customerId: "c9") { name contactPoints { nodes { value } } }'
    clerk, other = [await key_of(api.tenant, Role.AGENT, who) for who in ("clerk", "li")]
    async with asking(api, clerk) as client, asking(api, other) as colleague:
        [row] = (
            await sent(
                client,
                "mutation ($i: RegisterCustomerInput!)"
                " { registerCustomer(input: $i) { customer { name fileRoles { nodes { role member } } } } }",
                i=opened,
            )
        )["data"].values()
        assert row["customer"] == {
            "name": "王",
            "fileRoles": {"nodes": [{"role": "CREATOR", "member": "clerk"}]},
        }
        assert code(await wish(colleague, "addContactPoint", **phone)) == "FORBIDDEN"
        added = (await wish(client, "addContactPoint", **phone))["data"]["addContactPoint"]
        assert added["errors"] == []
        complaint = {"complaintId": "k9", "customerId": "c9", "category": "PRODUCT", "text": "坏了"}
        for command, input in (
            ("receiveComplaint", complaint),
            ("acknowledgeComplaint", {"complaintId": "k9", "apology": "对不起"}),
        ):
            assert (await wish(client, command, **input))["data"][command]["errors"] == []
        seen = (await sent(client, read, at={"atLeast": added["position"]}))["data"]["customer"]
        assert seen == {"name": "王", "contactPoints": {"nodes": [{"value": phone["value"]}]}}

        owned = await api.done("assignOwner", customerId="c9", owner="li")
        assert (await sent(client, read, at={"atLeast": owned}))["data"] == {"customer": None}
        assert code(await wish(client, "changeProfile", customerId="c9", region="华南")) == "FORBIDDEN"

        await name(api, FileRole.CREATOR, "clerk", "c9")
        again = await wish(client, "changeProfile", customerId="c9", region="华南")
        assert again["data"]["changeProfile"]["errors"] == []


async def test_whoever_gives_a_file_away_is_not_its_creator_any_more(api: Api) -> None:
    clerk = await key_of(api.tenant, Role.AGENT, "clerk")
    async with asking(api, clerk) as client:
        for who in ("zhou", None):
            customer = f"c-{who}"
            await wish(client, "registerCustomer", customerId=customer)
            await name(api, FileRole.CREATOR, who, customer)
            assert code(await wish(client, "changeProfile", customerId=customer, region="x")) == "FORBIDDEN"


async def test_reading_by_a_role_in_the_file_is_logged_as_such(api: Api) -> None:
    await tell(api, 1, "li")
    named = await name(api, FileRole.OPERATOR, "mei")
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        await sent(client, ASK % 'customer(customerId: "c1") { name }', at={"atLeast": named})
    read = ASK % "personalDataReads { nodes { reader customerId ground what } }"
    told = await api.ask(read, at={"atLeast": await api.tenant.log.head()})
    assert told["personalDataReads"]["nodes"] == [
        {"reader": "mei", "customerId": "c1", "ground": "FILE", "what": "customers"}
    ]
