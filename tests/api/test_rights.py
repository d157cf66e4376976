"""No leak: every role, on every path, sees what the policy gives it and not a word more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
)
from starlette.requests import HTTPConnection

from api import callers
from api.access import Access
from api.call import Call
from api.callers import Caller, Callers
from api.gate import Gate
from api.schema import build_schema
from domain.roles import Role
from infra.keys import Keys
from infra.log.log import Log
from tests.api.conftest import BUILT_IN, REPORTS
from tests.api.server import Api, key_of
from tests.api.test_schema import SCHEMA

ORDINARY = build_schema({view.name: view for view in BUILT_IN}, REPORTS, compiled=False)
ASK = "query Q($at: AsOf!) @asOf(at: $at) { %s }"


async def tell(api: Api, number: int, owner: str) -> int:
    """A customer with something personal in every corner, marked with the number."""
    id, said = f"c{number}", f"SECRET{number}"
    await api.done("registerCustomer", customerId=id, name=f"{said} name")
    await api.done("addContactPoint", customerId=id, kind="EMAIL", value=f"{said}@example.org")
    await api.done("addIdentifier", customerId=id, kind="PASSPORT", value=f"{said}-passport")
    order = {"orderId": f"o{number}", "totalMinor": 7, "currency": "EUR", "items": 1}
    await api.done("placeOrder", customerId=id, **order)
    await api.done("cancelOrder", orderId=f"o{number}", reason=f"{said} reason")
    await api.done(
        "recordInteraction", interactionId=f"i{number}", customerId=id, channel="PHONE", direction="INBOUND",
        stage="AFTER", topic="x", text=f"{said} text",
    )  # fmt: skip
    await api.done(
        "receiveComplaint", complaintId=f"k{number}", customerId=id, category="OTHER", text=f"{said}!"
    )
    await api.done("earnPoints", transactionId=f"t{number}", customerId=id, points=1, reason=f"{said} why")
    return await api.done("assignOwner", customerId=id, owner=owner)


@asynccontextmanager
async def asking(api: Api, key: str) -> AsyncIterator[httpx.AsyncClient]:
    url, headers = f"http://127.0.0.1:{api.port}", {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
        yield client


async def sent(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    told: dict[str, Any] = answer.json()
    return told


async def resolved(api: Api, caller: Caller, query: str, **variables: Any) -> dict[str, Any]:
    """What resolvers alone answer to a caller."""
    context = Call(api.tenant, HTTPConnection({"type": "http", "headers": []}), Gate(api.tenant, Access()))
    context._caller = caller
    done = await ORDINARY.execute(query, variables, context)
    answer: dict[str, Any] = {"data": done.data}
    if done.extensions:
        answer["extensions"] = done.extensions
    if done.errors:
        answer["errors"] = [error.formatted for error in done.errors]
        if done.data is None and not any(error.path for error in done.errors):
            del answer["data"]
    return json.loads(orjson.dumps(answer))  # type: ignore[no-any-return]  # an object, as it was


def code(answer: dict[str, Any]) -> str | None:
    errors = answer.get("errors")
    return errors[0]["extensions"]["code"] if errors else None


# --- Reading --------------------------------------------------------------------------------------


def paths() -> Iterator[str]:
    """A query for each root list and for each link of a row, with every plain field on it."""
    query = SCHEMA._schema.query_type
    assert query is not None
    for name, field in query.fields.items():
        required = {n for n, made in field.args.items() if isinstance(made.type, GraphQLNonNull)}
        if required - {"first"}:
            continue
        yield f"{name} {whole(field.type)}"
        for link in links_of(field.type):
            yield f"{name} {{ nodes {{ {link} }} }}"


def row_of(kind: GraphQLOutputType) -> GraphQLObjectType:
    """The row's type behind a list, a connection or a row."""
    named = get_named_type(kind)
    assert isinstance(named, GraphQLObjectType)
    return row_of(named.fields["nodes"].type) if "nodes" in named.fields else named


def whole(kind: GraphQLOutputType) -> str:
    """A selection of all plain fields, edges and counts included."""
    plain = " ".join(n for n, f in row_of(kind).fields.items() if is_leaf_type(get_named_type(f.type)))
    named = get_named_type(kind)
    if isinstance(named, GraphQLObjectType) and "nodes" in named.fields:
        count = "totalCount" if "totalCount" in named.fields else ""
        return f"{{ {count} nodes {{ {plain} }} edges {{ cursor node {{ {plain} }} }} }}"
    return f"{{ {plain} }}"


def links_of(kind: GraphQLOutputType) -> Iterator[str]:
    named = get_named_type(kind)
    if not (isinstance(named, GraphQLObjectType) and "nodes" in named.fields):
        return
    for name, field in row_of(kind).fields.items():
        if isinstance(get_named_type(field.type), GraphQLObjectType):
            yield f"{name} {whole(field.type)}"


def explained() -> Iterator[str]:
    """A query for each view whose rows tell why they are as they are, old and new values and events."""
    query = SCHEMA._schema.query_type
    assert query is not None
    for name, field in query.fields.items():
        named = get_named_type(field.type)
        if not isinstance(named, GraphQLObjectType) or "nodes" not in named.fields or name == "eventLog":
            continue
        kind = row_of(field.type)
        plain = " ".join(n for n, f in kind.fields.items() if is_leaf_type(get_named_type(f.type)))
        events = "event { customerId data } because { customerId data }"
        change = f"changed before {{ {plain} }} after {{ {plain} }} {events}"
        yield f"{name}(first: 9) {{ nodes {{ explain(first: 9) {{ {change} }} }} }}"


PATHS = [*paths(), *explained()]
SEES = {
    (Role.AGENT, False): {"own": True, "other": False},
    (Role.MANAGER, False): {"own": True, "other": True},
    (Role.MANAGER, True): {"own": True, "other": False},
    (Role.AUDITOR, False): {"own": True, "other": True},
    (Role.ANALYST, False): {"own": False, "other": False},
    (Role.ADMIN, False): {"own": True, "other": True},
}
"""Whether a role, or one bound to its own customers, meets personal data of their own and of others'."""
ALLOWED = (None, "FORBIDDEN", "BAD_MOMENT")
"""A preview has no business day to look at here: who may ask hears so."""


async def test_no_path_leaks_to_any_role(api: Api) -> None:
    await tell(api, 1, "mei")
    last = await tell(api, 2, "li")
    for (role, own_only), sees in SEES.items():
        key = await key_of(api.tenant, role, "mei", own_only=own_only)
        caller, everything = await Callers(Keys(api.tenant.pool, "main")).caller(key), ""
        async with asking(api, key) as client:
            for path in PATHS:
                for at in ({"atLeast": last}, {"position": last - 1}):
                    answer = await sent(client, ASK % path, at=at)
                    assert code(answer) in ALLOWED, (role, path, answer)
                    if at == {"atLeast": last} and role is Role.AGENT:
                        # the read was appended just now, once a day: the next look is at a head that stays
                        head = {"atLeast": await api.tenant.log.head()}
                        again = await sent(client, ASK % path, at=head)
                        assert again == await resolved(api, caller, ASK % path, at=head), (role, path)
                    text = json.dumps(answer, ensure_ascii=False)
                    assert ("SECRET1" in text) <= sees["own"], (role, path, at)
                    assert ("SECRET2" in text) <= sees["other"], (role, path, at)
                    if not sees["other"] and role is not Role.ANALYST:
                        assert '"c2"' not in text, (role, path, at)
                    everything += text
        assert ("SECRET1" in everything, "SECRET2" in everything) == (sees["own"], sees["other"]), role


async def test_counts_and_keys_tell_no_more_than_rows(api: Api) -> None:
    await tell(api, 1, "mei")
    last = await tell(api, 2, "li")
    query = ASK % (
        "customers { totalCount } orders { totalCount } complaintSteps { totalCount }"
        ' mine: customer(customerId: "c1") { name orders { totalCount } }'
        ' theirs: customer(customerId: "c2") { name } order(orderId: "o2") { totalMinor }'
    )
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        answer = await sent(client, query, at={"atLeast": last})
    assert answer["data"] == {
        "customers": {"totalCount": 1}, "orders": {"totalCount": 1}, "complaintSteps": {"totalCount": 1},
        "mine": {"name": "SECRET1 name", "orders": {"totalCount": 1}}, "theirs": None, "order": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [
        'customers(filter: {name: {startsWith: "S"}}) { totalCount }',
        "customers(filter: {any: [{not: {name: {isNull: true}}}]}) { nodes { customerId } }",
        "customers(orderBy: [{by: NAME}]) { nodes { customerId } }",
        'customers { nodes { interactions(filter: {text: {contains: "S"}}) { totalCount } } }',
    ],
)
async def test_a_mask_is_not_looked_behind_by_filter_or_order(api: Api, wanted: str) -> None:
    last = await tell(api, 1, "mei")
    async with asking(api, await key_of(api.tenant, Role.ANALYST, "ann")) as client:
        assert code(await sent(client, ASK % wanted, at={"atLeast": last})) == "FORBIDDEN"
        masked = await sent(
            client, ASK % "customers { nodes { name } } timeline { nodes { summary } }", at={"atLeast": last}
        )
    assert masked["data"]["customers"]["nodes"] == [{"name": None}]
    assert {node["summary"] for node in masked["data"]["timeline"]["nodes"]} == {"***"}


# --- Doing ----------------------------------------------------------------------------------------

CHANGE = """mutation {
  changeProfile(input: {customerId: "%s", name: "X"}) { customer { name } errors { code } }
}"""
REFUND = """mutation {
  payRefund(input: {orderId: "o1", refundId: "r", amountMinor: 1, currency: "EUR", reason: "x"}) { position }
}"""
FULFIL = 'mutation { fulfilOrder(input: {orderId: "%s"}) { errors { code } } }'


async def test_agents_act_for_their_own_customers_alone(api: Api) -> None:
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    head = await api.tenant.log.head()
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        for theirs in (CHANGE % "c2", CHANGE % "unheard-of", FULFIL % "o2", FULFIL % "unheard-of", REFUND):
            assert code(await sent(client, theirs)) == "FORBIDDEN", theirs
        assert await api.tenant.log.head() == head
        done = await sent(client, CHANGE % "c1")
    assert done["data"]["changeProfile"] == {"customer": {"name": "X"}, "errors": []}
    event, read = await api.tenant.log.read(head)
    assert (event.name, read.name) == ("ProfileChanged", "PersonalDataRead")
    assert event.actor == read.actor == "mei"


async def test_auditors_and_analysts_change_nothing(api: Api) -> None:
    await tell(api, 1, "mei")
    head = await api.tenant.log.head()
    for role in (Role.AUDITOR, Role.ANALYST):
        async with asking(api, await key_of(api.tenant, role, "mei")) as client:
            for name in SCHEMA._schema.mutation_type.fields:  # type: ignore[union-attr]  # there are mutations
                kind = f"{name[0].upper()}{name[1:]}Input"
                query = f"mutation ($i: {kind}!) {{ {name}(input: $i) {{ __typename }} }}"
                assert code(await sent(client, query, i={})) == "FORBIDDEN", name
    assert await api.tenant.log.head() == head


async def test_an_owner_who_loses_a_customer_sees_them_no_more_not_even_in_the_past(api: Api) -> None:
    then = await tell(api, 1, "mei")
    now = await api.done("assignOwner", customerId="c1", owner="li")
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        for at in ({"atLeast": now}, {"position": then}):
            answer = await sent(client, ASK % 'customer(customerId: "c1") { name }', at=at)
            assert answer["data"] == {"customer": None}, at


async def test_who_borrows_a_file_reads_it_until_it_is_returned_and_changes_nothing(api: Api) -> None:
    await tell(api, 1, "li")
    loan = {"loanId": "l1", "customerId": "c1", "borrower": "mei", "purpose": "cover", "dueOn": "2099-01-31"}
    read = """query Q($at: AsOf!) @asOf(at: $at) {
      customer(customerId: "c1") { name complaints { nodes { text } } }
      complaints { nodes { complaintId } }
    }"""
    log = '{ eventLog(first: 100, filter: {customerId: "c1"}) { nodes { data } } }'
    change = 'mutation { changeProfile(input: {customerId: "c1", region: "x"}) { position } }'
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        before = await sent(client, read, at={"atLeast": await api.tenant.log.head()})
        lent = await api.done("lendFile", **loan)
        meanwhile = await sent(client, read, at={"atLeast": lent})
        events, refused = await sent(client, log), await sent(client, change)
        returned = await api.done("returnFile", loanId="l1")
        after = await sent(client, read, at={"atLeast": returned})
        closed = await sent(client, log)

    assert before["data"] == after["data"] == {"customer": None, "complaints": {"nodes": []}}
    assert meanwhile["data"]["customer"]["complaints"] == {"nodes": [{"text": "SECRET1!"}]}
    assert meanwhile["data"]["complaints"] == {"nodes": [{"complaintId": "k1"}]}
    assert "SECRET1" in json.dumps(events)
    assert code(refused) == code(closed) == "FORBIDDEN"


# --- The log, and other tenants ---------------------------------------------------------------------


async def test_the_log_is_read_within_ones_rights(api: Api) -> None:
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    of = 'query { eventLog(first: 100, filter: {customerId: "%s"}) { nodes { data } } }'
    async with asking(api, await key_of(api.tenant, Role.AGENT, "mei")) as client:
        assert "SECRET1" in json.dumps(await sent(client, of % "c1"))
        for other in (of % "c2", "{ eventLog { nodes { data } } }"):
            assert code(await sent(client, other)) == "FORBIDDEN"
    async with asking(api, await key_of(api.tenant, Role.ANALYST, "ann")) as client:
        text = json.dumps(await sent(client, of % "c1"))
    assert "SECRET" not in text
    assert "***" in text


FOLLOW = "subscription ($of: String) { events(after: 0, filter: {customerId: $of}) { data } }"


async def test_subscriptions_are_within_ones_rights_and_end_with_the_key(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "REMEMBERED_FOR", timedelta(0))
    keys = Keys(api.tenant.pool, "main")
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    key, token = await keys.create("a", Role.AGENT, "mei")
    async with api.socket(token) as socket:
        await socket.subscribe("theirs", FOLLOW, of="c2")
        assert "FORBIDDEN" in json.dumps(await socket.hear())
    async with api.socket(token) as socket:
        await socket.subscribe("own", FOLLOW, of="c1")
        events = [(await socket.next("own"))["events"]["data"] for _ in range(9)]
        assert "SECRET1" in events[0]
        await keys.revoke(key.id)
        await api.done("changeProfile", customerId="c1", name="later")
        heard = json.dumps([await socket.hear() for _ in range(2)])
    assert "UNAUTHENTICATED" in heard
    assert "later" not in heard


async def test_a_key_opens_one_tenant(api: Api) -> None:
    await Log(api.tenant.pool, "other").create()
    _, token = await Keys(api.tenant.pool, "other").create("a", Role.ADMIN, "a")
    async with asking(api, token) as client:
        answer = await client.post("/graphql", json={"query": "{ customers { totalCount } }"})
    assert answer.status_code == 401
    assert code(answer.json()) == "UNAUTHENTICATED"
