"""Whoever is shown personal data of a customer is in the log before they have it, by whichever path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from api.callers import Caller
from domain.roles import Role
from infra.documents import Documents
from tests.api.conftest import BUILT_IN
from tests.api.server import Api, key_of, serving
from tests.api.test_rights import asking, code, resolved, sent, tell

READS = """query ($at: AsOf) @asOf(at: $at) {
  personalDataReads(first: 1000) { nodes { position customerId reader role day what fields ground loanId } }
  bulkReads(first: 1000) { nodes { position reader role day what fields } }
}"""
NAMED = '{ customer(customerId: "c1") { name } }'
LISTED = "{ customers { nodes { customerId name } totalCount } }"

Said = tuple[str, str | None, tuple[str, ...]]
"""What was read, of whom, and which fields."""


async def reads(api: Api, **moment: Any) -> list[dict[str, Any]]:
    """All reads that the log holds; asking for them is none."""
    head = await api.tenant.log.head()
    answer = await api.ask(READS, at=moment or {"atLeast": head})
    assert await api.tenant.log.head() == head
    found = [*answer["personalDataReads"]["nodes"], *answer["bulkReads"]["nodes"]]
    return sorted(found, key=lambda read: int(read["position"]))


async def said(api: Api, reader: str) -> list[Said]:
    """What somebody has read."""
    return sorted(
        (read["what"], read.get("customerId"), tuple(read["fields"]))
        for read in await reads(api)
        if read["reader"] == reader
    )


# --- Paths ----------------------------------------------------------------------------------------


def _as(api: Api, reader: str) -> dict[str, str]:
    return {"x-kehu-actor": reader, "authorization": f"Bearer {api.key}"}


def asked(query: str, **variables: Any) -> Callable[[Api, str], Awaitable[str]]:
    """An operation by POST."""

    async def ask(api: Api, reader: str) -> str:
        body = {"query": query, "variables": variables}
        answer = await api.client.post("/graphql", json=body, headers=_as(api, reader))
        assert "errors" not in answer.json(), answer.text
        return answer.text

    return ask


def got(url: str, **parameters: Any) -> Callable[[Api, str], Awaitable[str]]:
    """Something by GET."""

    async def get(api: Api, reader: str) -> str:
        headers = {**_as(api, reader), "graphql-require-preflight": "1"}
        answer = await api.client.get(url, params=parameters, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.text

    return get


def by_resolvers(query: str) -> Callable[[Api, str], Awaitable[str]]:
    """An operation whose fields are all resolved."""

    async def ask(api: Api, reader: str) -> str:
        answer = await resolved(api, Caller(id="key:1", actor=reader, role=Role.ADMIN), query)
        assert "errors" not in answer, answer
        return json.dumps(answer, ensure_ascii=False)

    return ask


def heard(query: str, **variables: Any) -> Callable[[Api, str], Awaitable[str]]:
    """The first message of an operation as an event stream."""

    async def hear(api: Api, reader: str) -> str:
        body = {"query": query, "variables": variables}
        headers = {**_as(api, reader), "accept": "text/event-stream"}
        async with api.client.stream("POST", "/graphql", json=body, headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    return line
        raise AssertionError("nothing was heard")

    return hear


async def spoken(api: Api, reader: str) -> str:
    """A query on a WebSocket."""
    async with api.socket(await key_of(api.tenant, Role.MANAGER, reader)) as socket:
        await socket.subscribe("1", NAMED)
        return json.dumps(await socket.next("1"))


async def trusted(api: Api, reader: str) -> str:
    """A document that is asked for by its id."""
    await Documents(api.tenant.pool, "main").trust({"named": NAMED})
    body = {"documentId": "named"}
    return (await api.client.post("/graphql", json=body, headers=_as(api, reader))).text


async def by_id(api: Api, reader: str) -> str:
    id = (await api.ask('{ customer(customerId: "c1") { id } }'))["customer"]["id"]
    return await asked("query ($id: ID!) { node(id: $id) { ... on Customer { name } } }", id=id)(api, reader)


MUTATED = """mutation { done: changeProfile(input: {customerId: "c1", region: "x"}) {
  customer { name } errors { message } } }"""
SORTED = "{ customers(first: 1, orderBy: [{by: NAME}]) { %s } }"
NAME: list[Said] = [("customers", "c1", ("name",))]
EVENTS: list[Said] = [("events", "c1", ("data",))]
PATHS: Mapping[str, tuple[Callable[[Api, str], Awaitable[str]], list[Said]]] = {
    "post": (asked(NAMED), NAME),
    "get": (got("/graphql", query=NAMED), NAME),
    "stream": (heard(NAMED), NAME),
    "socket": (spoken, NAME),
    "trusted": (trusted, NAME),
    "resolvers": (by_resolvers(NAMED), NAME),
    "as-of": (asked("query @asOf(at: {position: 2}) " + NAMED), NAME),
    "as-of-resolvers": (by_resolvers("query @asOf(at: {position: 2}) " + NAMED), NAME),
    "list": (asked(LISTED), [*NAME, ("customers", "c2", ("name",))]),
    "edges": (asked("{ customers(first: 1) { edges { node { alias: name } } } }"), NAME),
    "id": (by_id, NAME),
    "key": (
        asked('{ customer(customerId: "c1") { contactPoints { nodes { id } } } }'),
        [("contact_points", "c1", ("value",))],
    ),
    "key-resolvers": (
        by_resolvers('{ customer(customerId: "c1") { contactPoints { nodes { id } } } }'),
        [("contact_points", "c1", ("value",))],
    ),
    "two-views": (
        asked('{ complaint(complaintId: "k1") { text customer { name birthday } } }'),
        [("complaints", "c1", ("text",)), ("customers", "c1", ("birthday", "name"))],
    ),
    "cursor": (asked(SORTED % "edges { cursor }"), NAME),
    "cursor-resolvers": (by_resolvers(SORTED % "edges { cursor }"), NAME),
    "page": (asked(SORTED % "pageInfo { endCursor }"), [("customers", None, ("name",))]),
    "page-resolvers": (by_resolvers(SORTED % "pageInfo { endCursor }"), [("customers", None, ("name",))]),
    "of-nobody-else": (
        asked("{ messages { nodes { text } } }"),
        [("messages", "c1", ("text",))],
    ),
    "groups": (
        asked("{ customers(first: 0) { groups(by: [NAME]) { key(of: NAME) } } }"),
        [("customers", None, ("name",))],
    ),
    "groups-resolvers": (
        by_resolvers("{ customers(first: 0) { groups(by: [NAME]) { key(of: NAME) } } }"),
        [("customers", None, ("name",))],
    ),
    "mutation": (asked(MUTATED), NAME),
    "explain": (
        asked('{ customer(customerId: "c1") { explain(field: NAME) { after { name } } } }'),
        NAME,
    ),
    "comparison": (
        asked("""{ compareCustomer(customerId: "c1", earlier: {position: 0}) {
            after { name } differences { view fields { field after } } } }"""),
        [
            ("complaint_steps", "c1", ("words",)),
            ("complaints", "c1", ("text",)),
            ("contact_points", "c1", ("normalised", "value")),
            ("customers", "c1", ("name",)),
            ("identifiers", "c1", ("value",)),
            ("interactions", "c1", ("text",)),
            ("orders", "c1", ("cancelled_because",)),
            ("points_transactions", "c1", ("reason",)),
            ("timeline", "c1", ("summary",)),
        ],
    ),
    "log": (asked('{ eventLog(filter: {customerId: "c1"}) { nodes { data } } }'), EVENTS),
    "events": (heard("subscription { events(after: 0) { data } }"), EVENTS),
    "customer": (
        heard('subscription { customer(customerId: "c1", after: 0) { event { data } customer { name } } }'),
        [*NAME, *EVENTS],
    ),
    "complaints": (
        heard("subscription { complaints(after: 0) { complaint { text } } }"),
        [("complaints", "c1", ("text",))],
    ),
    "export": (got("/export/events"), [("events", None, ("data", "raw"))]),
    "export-of-one": (got("/export/events", customerId="c1"), [("events", "c1", ("data", "raw"))]),
    "report": (asked('{ wholeTimeline(customerId: "c1") { summary } }'), [("whole_timeline", "c1", ())]),
    "report-by-variable": (
        asked("query ($id: String) { wholeTimeline(customerId: $id) { summary } }", id="c1"),
        [("whole_timeline", "c1", ())],
    ),
    "report-resolvers": (
        by_resolvers('{ wholeTimeline(customerId: "c1") { summary } }'),
        [("whole_timeline", "c1", ())],
    ),
    "report-of-many": (asked("{ duplicateCandidates { customerId } }"), [("duplicate_candidates", None, ())]),
    "file": (got("/reports/whole_timeline.csv", customerId="c1"), [("whole_timeline", "c1", ())]),
    "file-of-many": (got("/reports/needs_survey.json"), [("needs_survey", None, ())]),
}  # fmt: skip


async def test_every_path_is_logged(api: Api) -> None:
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    for number, customer in enumerate(("c1", None)):
        last = await api.done(
            "takeMessage", messageId=f"m{number}", addressee="mei", text="SECRET1", name="x", value="y",
            customerId=customer,
        )  # fmt: skip
    await api.tenant.reader.reached(api.tenant.declarations, last)
    found = {}
    for path, (read, _) in PATHS.items():
        answer, head = await read(api, path), await api.tenant.log.head()
        assert "SECRET1" in answer or path in SECRETIVE, (path, answer)
        found[path] = await said(api, path)
        await read(api, path)
        more = {e.name for e in await api.tenant.log.read(head)} - {"ProfileChanged"}
        assert more == set(), path  # whoever reads again on that day is in the log already
    assert found == {path: expected for path, (_, expected) in PATHS.items()}


SECRETIVE = {
    *("key", "key-resolvers", "cursor", "cursor-resolvers", "page", "page-resolvers"),
    *("report-of-many", "file-of-many"),
}
"""What shows no secret in plain words: ids and cursors hold it encoded, these reports are about nobody."""

GONE = "{ customers(orderBy: [{by: NAME}], filter: {live: {eq: false}}) { pageInfo { endCursor } } }"
IMPERSONAL = [
    asked('{ customer(customerId: "c1") { customerId owner orders { nodes { totalMinor } totalCount } } }'),
    asked("{ customers { nodes { id value { tier } } totalCount groups(by: [OWNER]) { key(of: OWNER) } } }"),
    by_resolvers("{ customers { nodes { id customerId owner } totalCount } }"),
    asked("{ customers(orderBy: [{by: OWNER}]) { edges { cursor } pageInfo { endCursor } } }"),
    asked("{ customers(orderBy: [{by: NAME}], filter: {live: {eq: false}}) { pageInfo { endCursor } } }"),
    by_resolvers(
        "{ customers(orderBy: [{by: NAME}], filter: {live: {eq: false}}) { pageInfo { endCursor } } }"
    ),
    asked("{ tierDistribution { customers } complaintStatistics { received } }"),
    asked('{ customer(customerId: "nobody") { name } } '),
    asked("{ articles { nodes { text } } leads { nodes { name } } }"),
    asked('{ eventLog(filter: {customerId: "c1"}) { nodes { position name } } }'),
    asked('mutation { changeProfile(input: {customerId: "c1", region: "y"}) { customer { region } } }'),
    asked('mutation { registerCustomer(input: {customerId: "c1", name: "x"}) { errors { message } } }'),
    heard("subscription { events(after: 0) { position name } }"),
    got("/export/events", name="DayEnded"),
    got("/reports/complaint_statistics.csv"),
    asked("{ personalDataReads { nodes { reader customer { customerId } } } }"),
]


async def test_what_shows_nothing_personal_of_a_customer_logs_nothing(api: Api) -> None:
    await api.tenant.reader.reached(api.tenant.declarations, await tell(api, 1, "mei"))
    for read in IMPERSONAL:
        await read(api, "reader")
    assert await reads(api) == []


# --- Rights ---------------------------------------------------------------------------------------


async def test_the_log_says_by_which_right(api: Api) -> None:
    await tell(api, 1, "mei")
    await tell(api, 2, "li")
    last = await api.done(
        "lendFile", loanId="l1", customerId="c2", borrower="mei", purpose="x", dueOn="2999-01-01"
    )
    await api.tenant.reader.reached(api.tenant.declarations, last)
    callers = [
        (Role.AGENT, "mei", {}),
        (Role.MANAGER, "zhou", {}),
        (Role.MANAGER, "li", {"own_only": True}),
        (Role.AUDITOR, "wu", {}),
        (Role.ANALYST, "han", {}),
    ]
    for role, actor, more in callers:
        async with asking(api, await key_of(api.tenant, role, actor, **more)) as client:
            assert code(await sent(client, LISTED)) is None
    found = [
        (read["reader"], read["role"], read["customerId"], read["ground"], read["loanId"])
        for read in await reads(api)
    ]
    assert sorted(found) == [
        ("li", "MANAGER", "c2", "OWN", None),
        ("mei", "AGENT", "c1", "OWN", None),
        ("mei", "AGENT", "c2", "LENT", "l1"),
        ("wu", "AUDITOR", "c1", "ROLE", None),
        ("wu", "AUDITOR", "c2", "ROLE", None),
        ("zhou", "MANAGER", "c1", "ROLE", None),
        ("zhou", "MANAGER", "c2", "ROLE", None),
    ]
    loan = '{ fileLoan(loanId: "l1") { personalDataReads { nodes { reader what } } } }'
    assert (await api.ask(loan))["fileLoan"]["personalDataReads"]["nodes"] == [
        {"reader": "mei", "what": "customers"}
    ]


async def test_who_may_ask_who_has_read(api: Api) -> None:
    await tell(api, 1, "mei")
    last = await tell(api, 2, "li")
    await api.tenant.reader.reached(api.tenant.declarations, last)
    await asked(LISTED)(api, "li")
    await asked("{ duplicateCandidates { customerId } }")(api, "li")
    answers = {}
    for role in Role:
        async with asking(api, await key_of(api.tenant, role, role)) as client:
            answers[role] = code(await sent(client, READS, at=None))
    refused = {Role.AGENT, Role.ANALYST}
    assert answers == {role: "FORBIDDEN" if role in refused else None for role in Role}
    only = "{ personalDataReads { nodes { customerId } } }"
    async with asking(api, await key_of(api.tenant, Role.MANAGER, "mei", own_only=True)) as client:
        answer = await sent(client, only, at=None)
        assert answer["data"] == {"personalDataReads": {"nodes": [{"customerId": "c1"}]}}
        assert code(await sent(client, "{ bulkReads { nodes { reader } } }")) == "FORBIDDEN"


async def test_nobody_can_give_a_read_or_take_its_key(api: Api) -> None:
    answer = await api.error("mutation { logRead(input: {}) { position } }")
    assert answer["code"] == "GRAPHQL_VALIDATION_FAILED"
    refused = await api.refused("registerCustomer", customerId="c1", idempotencyKey="read/00")
    assert (refused["code"], refused["field"]) == ("InvalidInput", "idempotencyKey")


# --- Once, and before -----------------------------------------------------------------------------


async def test_a_read_is_one_event_however_many_processes_serve(api: Api, database: str) -> None:
    last = await tell(api, 1, "mei")
    await api.tenant.reader.reached(api.tenant.declarations, last)
    async with serving(database, BUILT_IN) as other:
        await asyncio.gather(*(asked(NAMED)(one, "li") for one in (api, other) * 10))
        assert await said(api, "li") == NAME
        assert [e.name for e in await api.tenant.log.read(last)] == ["PersonalDataRead"]
        await asked(NAMED)(other, "wu")
        await asked(NAMED)(api, "wu")
        assert await api.tenant.log.head() == last + 2


async def test_an_answer_is_true_before_its_own_read(api: Api) -> None:
    last = await tell(api, 1, "mei")
    await api.tenant.reader.reached(api.tenant.declarations, last)
    first, before = await api.send(NAMED), await reads(api, position=last)
    assert first["extensions"]["asOf"]["position"] == last
    assert [int(read["position"]) for read in await reads(api)] == [last + 1]
    assert before == []


async def test_the_day_is_the_business_day(api: Api) -> None:
    await tell(api, 1, "mei")
    hours = [[{"opens": 540, "closes": 1080}]] * 7
    zone = ZoneInfo("Pacific/Kiritimati")
    begun = datetime.now(zone).date()
    last = await api.done(
        "publishCalendar", calendarVersion="v", effectiveFrom="2020-01-01", timeZone=zone.key, hours=hours
    )
    await api.tenant.reader.reached(api.tenant.declarations, last)
    await api.send(NAMED)
    [read] = await reads(api)
    assert begun.isoformat() <= read["day"] <= datetime.now(zone).date().isoformat()


async def test_marks_are_not_looked_for_in_what_people_wrote(api: Api) -> None:
    name = '"$0":"c9","$1":null,\\"$0\\":"c8", $0'
    head = await api.done("registerCustomer", customerId="ü~1", name=name)
    listed = "customers { nodes { name } edges { node { name customerId } } }"
    answer = await api.send(f"query ($at: AsOf) @asOf(at: $at) {{ {listed} }}", at={"atLeast": head})
    row = {"name": name}
    assert answer["data"]["customers"] == {
        "nodes": [row], "edges": [{"node": {"name": name, "customerId": "ü~1"}}],
    }  # fmt: skip
    assert await said(api, "mei") == [("customers", "ü~1", ("name",))]


async def test_what_cannot_be_logged_is_not_answered(api: Api) -> None:
    last = await tell(api, 1, "mei")
    await api.tenant.reader.reached(api.tenant.declarations, last)
    await asked(NAMED)(api, "li")
    await api.tenant.commit.close()

    assert "SECRET1" in await asked(NAMED)(api, "li")  # it is in the log already
    for query in (NAMED, '{ eventLog(filter: {customerId: "c1"}) { nodes { data } } }'):
        for _ in range(2):  # first with the whole of strawberry, then at once
            answer = await api.client.post("/graphql", json={"query": query}, headers=_as(api, "wu"))
            assert [e["extensions"]["code"] for e in answer.json()["errors"]] == ["CLOSED"]
            assert "SECRET1" not in answer.text
    by_hand = await resolved(api, Caller(id="key:1", actor="wu", role=Role.ADMIN), NAMED)
    assert (code(by_hand), by_hand.get("data")) == ("CLOSED", None)
    file = await api.client.get("/reports/whole_timeline.csv", params={"customerId": "c1"})
    assert (file.status_code, code(file.json())) == (503, "CLOSED")
    exported = await api.client.get("/export/events")
    assert (exported.status_code, code(exported.json())) == (503, "CLOSED")
    for query in ("subscription { events(after: 0) { data } }", NAMED):
        line = await heard(query)(api, "wu")
        assert "CLOSED" in line
        assert "SECRET1" not in line
    assert await said(api, "wu") == []


async def test_a_subscription_does_not_wake_itself_for_ever(api: Api) -> None:
    last = await tell(api, 1, "mei")
    await api.tenant.reader.reached(api.tenant.declarations, last)
    async with api.events("subscription { events(after: 0) { position name data } }") as stream:
        names: list[str] = []
        while not names or names[-1] != "PersonalDataRead":
            names.append((await stream.next())["events"]["name"])
        assert len(names) == last + 1
        await api.done("registerCustomer", customerId="c9", name="x")
        assert (await stream.next())["events"]["name"] == "CustomerRegistered"
    assert await said(api, "mei") == [("events", "c1", ("data",)), ("events", "c9", ("data",))]
