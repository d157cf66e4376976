"""What a caller hears when something is wrong: typed errors of commands, stable codes for all else."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api.access import Access
from api.http import create_app
from infra.views.reader import ViewReader
from tests.api.server import Api
from tests.api.test_story import CALENDAR, CUSTOMER, ORDER, POLICY


async def test_a_broken_rule_is_a_typed_error_and_changes_nothing(api: Api) -> None:
    await api.done("registerCustomer", **CUSTOMER)

    error = await api.refused("registerCustomer", **CUSTOMER)

    assert error == {
        "__typename": "CustomerAlreadyRegistered",
        "code": "CustomerAlreadyRegistered",
        "message": "Customer 1 was registered before; choose another id for a new one.",
        "field": "customerId",
    }
    assert await api.tenant.log.head() == 1


async def test_an_errors_type_can_be_asked_for(api: Api) -> None:
    query = """mutation {
      fulfilOrder(input: {orderId: "7"}) { errors { ... on OrderUnknown { message } } order { orderId } }
    }"""

    answer = await api.ask(query)

    assert answer["fulfilOrder"] == {"errors": [{"message": "There is no order 7."}], "order": None}


def policy(place: int, **changes: Any) -> dict[str, Any]:
    rules = [dict(rule) for rule in POLICY["rules"]]  # type: ignore[attr-defined]  # a list
    rules[place].update(changes)
    return {**POLICY, "rules": rules}


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("registerCustomer", {"customerId": ""}, "InvalidInput", "customerId"),
    ("registerCustomer", {"customerId": "a b"}, "InvalidInput", "customerId"),
    ("registerCustomer", {**CUSTOMER, "name": "N\0"}, "InvalidInput", "name"),
    ("registerCustomer", {**CUSTOMER, "idempotencyKey": ""}, "InvalidInput", "idempotencyKey"),
    ("registerCustomer", {**CUSTOMER, "idempotencyKey": "day/2026-01-01"}, "InvalidInput", "idempotencyKey"),
    ("registerCustomer", {**CUSTOMER, "idempotencyKey": "import/x"}, "InvalidInput", "idempotencyKey"),
    ("registerCustomer", {**CUSTOMER, "idempotencyKey": "demo/x"}, "InvalidInput", "idempotencyKey"),
    ("registerCustomer", {**CUSTOMER, "occurredAt": "9998-01-01T00:00:00Z"}, "InvalidInput", "occurredAt"),
    ("registerCustomer", {**CUSTOMER, "onBehalfOf": ""}, "InvalidInput", "onBehalfOf"),
    ("registerCustomer", {**CUSTOMER, "occurredAt": "0001-01-01T00:00:00Z"}, "InvalidInput", "occurredAt"),
    (
        "placeOrder",
        {**CUSTOMER, **ORDER, "totalMinor": -1, "currency": "EUR", "items": 1},
        "InvalidInput",
        "totalMinor",
    ),
    (
        "placeOrder",
        {**CUSTOMER, **ORDER, "totalMinor": 1, "currency": "eur", "items": 1},
        "InvalidInput",
        "currency",
    ),
    (
        "placeOrder",
        {**CUSTOMER, **ORDER, "totalMinor": 1, "currency": "EUR", "items": 1},
        "CustomerUnknown",
        "customerId",
    ),
    ("publishTierPolicy", policy(1, minSpendMinor=-1), "InvalidInput", "rules[1].minSpendMinor"),
    ("publishTierPolicy", policy(1, minOrders=4), "ThresholdRises", "rules[1].minOrders"),
    ("publishTierPolicy", policy(3, minOrders=1), "LowestTierClosed", "rules[3]"),
    ("publishTierPolicy", {**POLICY, "rules": []}, "TiersIncomplete", "rules"),
    ("publishCalendar", {**CALENDAR, "timeZone": "Mars/Olympus"}, "UnknownTimeZone", "timeZone"),
    ("publishCalendar", {**CALENDAR, "hours": [[]] * 7}, "NeverOpen", "hours"),
    ("publishCalendar", {**CALENDAR, "hours": [[]]}, "InvalidInput", "hours"),
    (
        "publishCalendar",
        {**CALENDAR, "hours": [[], [{"opens": 9, "closes": 8}], [], [], [], [], []]},
        "HoursInvalid",
        "hours[1]",
    ),
    ("endDay", {"day": "2999-01-01"}, "DayNotOver", "day"),
    ("endDay", {"day": "1899-12-31"}, "DayTooEarly", "day"),
]


async def test_errors_name_the_rule_and_the_inputs_field(api: Api) -> None:
    for command, input, name, field in REFUSED:
        error = await api.refused(command, **input)

        assert (error["__typename"], error["code"], error["field"]) == (name, name, field)
        assert error["message"]
    assert await api.tenant.log.head() == 0


SINCE = "query ($n: Int64!) { eventLog(filter: {since: $n}) { nodes { name } } }"
BEFORE = "query ($t: DateTime) { customers(filter: {registeredAt: {lt: $t}}) { position } }"
NAMED = "query ($name: String) { customers(filter: {name: {eq: $name}}) { position } }"
DATED = "query ($d: Date) { complaintStatistics(since: $d) { received } }"
WRONG: list[tuple[str, dict[str, Any], str]] = [
        ("{ customers { ", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ customers { " + "__typename " * 10_000 + "} }", {}, "GRAPHQL_PARSE_FAILED"),
    ("{ a" * 4_000 + "}" * 4_000, {}, "GRAPHQL_PARSE_FAILED"),
    ("{ nonsense }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ customer { name } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query ($id: String!) { customer(customerId: $id) { name } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        (SINCE, {"n": 2**53}, "GRAPHQL_VALIDATION_FAILED"),
        (SINCE, {"n": "1"}, "GRAPHQL_VALIDATION_FAILED"),
        (BEFORE, {"t": "2026-01-01T00:00:00"}, "GRAPHQL_VALIDATION_FAILED"),
        (BEFORE, {"t": "0001-01-01T00:00:00+09:00"}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ customers(first: -1) { position } }", {}, "BAD_PAGE"),
        ("{ customers(first: 1001) { position } }", {}, "BAD_PAGE"),
        ("{ eventLog(first: 1001) { nodes { name } } }", {}, "BAD_PAGE"),
        ('{ customers(after: "nonsense") { position } }', {}, "BAD_CURSOR"),
        ('{ customers(after: "") { position } }', {}, "BAD_CURSOR"),
        ('{ eventLog(after: "AAAA") { nodes { name } } }', {}, "BAD_CURSOR"),
        (DATED, {"d": "\ud800"}, "GRAPHQL_VALIDATION_FAILED"),
        (NAMED, {"name": "\0"}, "BAD_USER_INPUT"),
        (NAMED, {"name": "\ud800"}, "BAD_USER_INPUT"),
        ('query ($id: String!) { customer(customerId: $id) { name } }', {"id": "\ud800"}, "BAD_USER_INPUT"),
    ]  # fmt: skip


async def test_a_request_that_is_wrong_gets_a_stable_code(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    for query, variables, code in WRONG:
        error = await api.error(query, **variables)

        assert error["code"] == code, (query, error)
    assert caplog.records == []


async def test_what_has_not_happened_yet_is_not_recorded(api: Api) -> None:
    now = datetime.now(UTC)
    error = await api.refused(
        "registerCustomer", **CUSTOMER, occurredAt=(now + timedelta(hours=25)).isoformat()
    )

    assert error["message"] == "occurredAt: lies in the future"
    await api.done("registerCustomer", **CUSTOMER, occurredAt=(now + timedelta(hours=23)).isoformat())


DO = 'mutation { registerCustomer(input: {customerId: "1"}) { errors { message } } }'
DONE_BY = "query ($at: AsOf!) @asOf(at: $at) { eventLog { nodes { actor } } }"


async def test_the_actors_name_is_utf_8(api: Api) -> None:
    done = await api.client.post("/graphql", json={"query": DO}, headers={b"x-kehu-actor": "王芳".encode()})
    assert done.json()["data"]["registerCustomer"] == {"errors": []}

    told = await api.ask(DONE_BY, at={"position": 1})

    assert told["eventLog"]["nodes"] == [{"actor": "王芳"}]


@pytest.mark.parametrize("actor", [b"\xff\xfe", b"", "王".encode() * 201], ids=["latin", "empty", "long"])
async def test_an_actor_who_cannot_be_named_does_nothing(api: Api, actor: bytes) -> None:
    answer = await api.client.post("/graphql", json={"query": DO}, headers={b"x-kehu-actor": actor})

    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert await api.tenant.log.head() == 0


async def test_only_the_hosts_that_are_meant_are_answered(api: Api) -> None:
    transport = httpx.ASGITransport(create_app(api.tenant, Access(hosts=("localhost", "127.0.0.1", "[::1]"))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        status = {
            host: (await client.get("/health", headers={"host": host})).status_code
            for host in (
                "localhost",
                "localhost:8000",
                "127.0.0.1:1",
                "[::1]:8000",
                "[::1]",
                "evil.example:8000",
            )
        }
    assert status.pop("evil.example:8000") == 400
    assert set(status.values()) == {200}


async def test_a_bug_is_logged_under_an_id_and_told_to_nobody(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("the secret of the database")

    for place in ("serving", "reached", "page"):
        with monkeypatch.context() as broken:
            broken.setattr(ViewReader, place, fail)
            answer = await api.send("{ customers { position } eventLog { nodes { name } } }")
        [error] = answer["errors"]
        [record] = caplog.records
        assert error["message"] == "something went wrong here"
        assert error["extensions"]["code"] == "INTERNAL"
        assert "secret" not in str(answer)
        assert error["extensions"]["requestId"] in record.getMessage()
        assert record.levelno == logging.ERROR
        assert "the secret of the database" in (record.exc_text or str(record.exc_info))
        caplog.clear()


BODIES = [
    (b"{}", "text/plain", 415),
    (b'{"query": "{ __typename }"}', "application/x-www-form-urlencoded", 415),
    (b'{"query": "{ __typename }"}', "multipart/form-data; boundary=x", 415),
    (b"nonsense", "application/json", 400),
    (b"\xff\xfe", "application/json", 400),
    (b"[" * 200_000, "application/json", 400),
    (b"{}", "application/json", 400),
    (b'{"query": 7}', "application/json", 400),
    (b'[{"query": "{ __typename }"}]', "application/json", 400),
    (b'{"query": "{ __typename }", "variables": []}', "application/json", 400),
    (b'{"query": "' + b" " * 1_000_000 + b'"}', "application/json", 413),
]


async def test_what_is_no_graphql_request_is_refused(api: Api) -> None:
    for body, kind, status in BODIES:
        response = await api.client.post("/graphql", content=body, headers={"content-type": kind})

        assert response.status_code == status, body[:50]
        assert "access-control-allow-origin" not in response.headers


async def test_nothing_is_done_by_get(api: Api) -> None:
    query = 'mutation { registerCustomer(input: {customerId: "1"}) { position } }'
    response = await api.client.get("/graphql", params={"query": query})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert await api.tenant.log.head() == 0


async def test_a_browser_gets_graphiql_and_a_monitor_gets_its_answer(api: Api) -> None:
    page = await api.client.get("/graphql", headers={"accept": "text/html"})
    assert "graphiql" in page.text.lower()
    assert (await api.client.get("/health")).json() == {"status": "ok"}
    assert (await api.client.get("/ready")).json() == {"ready": True, "behind": 0}


# --- Idempotency ----------------------------------------------------------------------------------


async def test_a_repeated_key_gives_the_first_answer_again(api: Api) -> None:
    first = await api.do("registerCustomer", "customer { name }", **CUSTOMER, name="Ada", idempotencyKey="k")
    await api.done("changeProfile", **CUSTOMER, name="Grace")

    again = await api.do("registerCustomer", "customer { name }", **CUSTOMER, name="Ada", idempotencyKey="k")

    assert again == {**first, "repeated": True}
    done = [event.name for event in await api.tenant.log.read(0)]
    assert [name for name in done if name != "PersonalDataRead"] == ["CustomerRegistered", "ProfileChanged"]


async def test_equal_requests_at_once_have_one_effect_and_one_answer(api: Api) -> None:
    await api.done("registerCustomer", **CUSTOMER)
    order = {**CUSTOMER, **ORDER, "totalMinor": 7, "currency": "EUR", "items": 1, "idempotencyKey": "k"}

    answers = await asyncio.gather(
        *(api.do("placeOrder", "order { totalMinor since }", **order) for _ in range(20))
    )

    assert sorted(answer.pop("repeated") for answer in answers) == [False] + [True] * 19
    assert answers == [answers[0]] * 20
    assert answers[0]["errors"] == []
    assert await api.tenant.log.head() == 2


async def test_a_key_belongs_to_one_command(api: Api) -> None:
    await api.done("registerCustomer", **CUSTOMER, idempotencyKey="k")

    error = await api.refused("registerCustomer", customerId="2", idempotencyKey="k")

    assert (error["__typename"], error["field"]) == ("IdempotencyKeyReused", "idempotencyKey")
