"""No leak by role, ownership and tenant: keys, ids, subscriptions and files say no more than the lists do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from graphql import GraphQLNonNull, get_named_type, is_leaf_type
from websockets.exceptions import ConnectionClosed

from api.policy import REPORTS
from domain.roles import Role
from infra.keys import Keys
from infra.log.log import Log
from tests.api.server import Api, events, key_of
from tests.api.test_rights import SEES, asking, row_of, sent, tell
from tests.api.test_schema import SCHEMA

EVERYTHING = "subscription { events(after: 0) { data } }"


class Kept(NamedTuple):
    """A row that is there: where it is asked for, and by what."""

    field: str
    type: str
    keys: dict[str, Any]
    id: str


def keyed() -> Iterator[tuple[str, str, list[str], str]]:
    """Each field that answers with one row: its list, its name, its keys, the row's type."""
    query = SCHEMA._schema.query_type
    assert query is not None
    lists = {
        get_named_type(row_of(field.type)).name: name
        for name, field in query.fields.items()
        if "nodes" in getattr(get_named_type(field.type), "fields", {}) and name != "eventLog"
    }
    for name, field in query.fields.items():
        kind = get_named_type(field.type).name
        if (
            kind in lists
            and field.args
            and all(isinstance(a.type, GraphQLNonNull) for a in field.args.values())
        ):
            yield lists[kind], name, [*field.args], kind


def plain(kind: str) -> str:
    """All plain fields of a row's type."""
    fields = SCHEMA._schema.type_map[kind].fields  # type: ignore[attr-defined]  # it is an object
    return " ".join(n for n, f in fields.items() if is_leaf_type(get_named_type(f.type)))


async def rows(api: Api) -> list[Kept]:
    """All rows that there are."""
    kept = []
    for listed, field, keys, kind in keyed():
        data = await api.ask(f"{{ all: {listed}(first: 9) {{ nodes {{ id {' '.join(keys)} }} }} }}")
        for node in data["all"]["nodes"]:
            kept.append(Kept(field, kind, {key: node[key] for key in keys}, node["id"]))
    return kept


def asked_for(row: Kept) -> Iterator[tuple[str, dict[str, Any]]]:
    """The row by its key, and by its id."""
    query = SCHEMA._schema.query_type
    assert query is not None
    types = query.fields[row.field].args
    declared = ", ".join(f"${key}: {types[key].type}" for key in row.keys)
    given = ", ".join(f"{key}: ${key}" for key in row.keys)
    yield f"query ({declared}) {{ {row.field}({given}) {{ {plain(row.type)} }} }}", row.keys
    by_id = f"query ($id: ID!) {{ node(id: $id) {{ ... on {row.type} {{ {plain(row.type)} }} }} }}"
    yield by_id, {"id": row.id}


SUBSCRIPTIONS = {
    "events": "position name customerId data",
    "customer": f"position event {{ data }} customer {{ {plain('Customer')} }}",
    "complaints": f"position event {{ data }} complaint {{ {plain('Complaint')} }}",
}


def followed(marks: dict[str, int]) -> Iterator[tuple[str, str, dict[str, Any], int]]:
    """Each subscription of what has happened, and the position at which all of it is told."""
    for customer, mark in marks.items():
        events = {"filter": {"customerId": customer, "until": mark}}
        yield "events", "$filter: EventFilter", events, mark
        yield "customer", "$customerId: String!", {"customerId": customer}, mark
    yield "events", "$filter: EventFilter", {"filter": {"until": max(marks.values())}}, max(marks.values())
    yield "complaints", "", {}, marks["c1"]


async def heard(api: Api, key: str, marks: dict[str, int]) -> str:
    """All that a caller hears over WebSocket and over Server-Sent Events, refusals too."""
    told: list[Any] = []
    async with api.socket(key) as socket, asking(api, key) as client:
        for number, (name, declared, variables, mark) in enumerate(followed(marks)):
            given = ", ".join(f"{one}: ${one}" for one in variables)
            field = f"{name}(after: 0{', ' * bool(given)}{given}) {{ {SUBSCRIPTIONS[name]} }}"
            query = f"subscription {f'({declared})' * bool(declared)} {{ {field} }}"
            id = str(number)
            await socket.subscribe(id, query, **variables)
            while True:
                message = await socket.hear()
                if message["id"] != id:
                    continue  # what is still on the way of the one before
                told.append(message)
                if over(message.get("payload"), name, mark):
                    break
            await socket.say("complete", id=id)
            body = {"query": query, "variables": variables}
            async with events(client, "POST", json=body) as stream:
                while True:
                    told.append((await stream.hear())["data"])
                    if over(told[-1], name, mark):
                        break
    return json.dumps(told, ensure_ascii=False)


def over(payload: Any, name: str, mark: int) -> bool:
    """Whether a message is the last: a refusal, an end, or what happened at the mark."""
    if not isinstance(payload, dict) or payload.get("errors"):
        return True
    return bool(payload["data"][name]["position"] >= mark)


async def exported(client: httpx.AsyncClient) -> str:
    """All that a caller gets as files."""
    told = [
        (await client.get("/export/events", params=of)).text
        for of in ({}, {"customerId": "c1"}, {"customerId": "c2"})
    ]
    for report in REPORTS:
        told += [(await client.get(f"/reports/{report}.json")).text]
    return "\n".join(told)


async def test_no_path_says_more_than_the_lists_do(api: Api) -> None:
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    said = {"category": "OTHER", "text": "the last"}
    theirs = await api.done("receiveComplaint", complaintId="k4", customerId="c2", **said)
    own = await api.done("receiveComplaint", complaintId="k3", customerId="c1", **said)
    await api.tenant.reader.reached(api.tenant.declarations, own)
    kept = await rows(api)
    assert {"Customer", "Order", "Complaint", "ContactPoint", "Identifier"} <= {row.type for row in kept}
    for (role, own_only), sees in SEES.items():
        key = await key_of(api.tenant, role, "mei", own_only=own_only)
        async with asking(api, key) as client:
            told = {
                "rows": json.dumps(
                    [await sent(client, query, **given) for row in kept for query, given in asked_for(row)],
                    ensure_ascii=False,
                ),
                "subscriptions": await heard(api, key, {"c1": own, "c2": theirs}),
                "files": await exported(client),
            }
        for path, text in told.items():
            assert '"INTERNAL"' not in text, (role, path)
            assert ("SECRET1" in text, "SECRET2" in text) == (sees["own"], sees["other"]), (role, path)
            if not sees["other"] and role is not Role.ANALYST:
                assert '"c2"' not in text, (role, path)


async def test_a_key_of_another_tenant_opens_no_path(api: Api) -> None:
    last = await tell(api, 1, "mei")
    await api.tenant.reader.reached(api.tenant.declarations, last)
    [row, *_] = await rows(api)
    await Log(api.tenant.pool, "other").create()
    _, token = await Keys(api.tenant.pool, "other").create("a", Role.ADMIN, "a")
    async with asking(api, token) as client:
        asked = [{"query": query, "variables": given} for query, given in asked_for(row)]
        stream = {"accept": "text/event-stream"}
        answers = [
            *[await client.post("/graphql", json=body) for body in asked],
            await client.post("/graphql", json={"query": EVERYTHING}, headers=stream),
            await client.get("/export/events"),
            await client.get("/reports/tier_distribution.json"),
            await client.get("/metrics"),
        ]
    for answer in answers:
        assert (answer.status_code, "SECRET" in answer.text) == (401, False), answer.url
    with pytest.raises(ConnectionClosed, match="4403"):
        async with api.socket(token):
            pass
