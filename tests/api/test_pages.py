"""Any window of a list, forward or backward, is the same part of it from statements and from resolvers."""

from __future__ import annotations

import random
from typing import Any

import orjson

from api.schema import build_schema
from tests.api import test_lists as lists
from tests.api.conftest import REPORTS
from tests.api.server import Api
from tests.api.test_compiled import Ask, asker, populate, settled
from tests.api.test_lists import people

COLUMNS = ("NAME", "REGION", "BIRTHDAY", "LAST_ORDER_AT", "ORDER_COUNT", "LIVE", "RELATION")
WINDOW = """
query Window($orderBy: [CustomerOrder!], $filter: CustomerFilter,
             $first: Int, $after: String, $last: Int, $before: String) {
  page: customers(orderBy: $orderBy, filter: $filter,
                  first: $first, after: $after, last: $last, before: $before) {
    nodes { customerId } edges { cursor } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
NESTED = """
query Nested($last: Int, $before: String) {
  customers { nodes { customerId
    orders(last: $last, before: $before, orderBy: [{by: TOTAL_MINOR}]) {
      nodes { orderId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } } } }"""


class Both:
    """Asks statements and resolvers, which must agree."""

    def __init__(self, api: Api) -> None:
        self._api, declared = api, api.tenant.declarations
        self._asks: list[Ask] = [
            asker(build_schema(declared, REPORTS, compiled=compiled), api.tenant)
            for compiled in (False, True)
        ]

    async def answer(self, query: str, **variables: Any) -> dict[str, Any]:
        resolvers, statement = [await settled(self._api, ask, query, variables) for ask in self._asks]
        assert statement == resolvers, variables
        told: dict[str, Any] = orjson.loads(statement)
        return told

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        told = await self.answer(query, **variables)
        assert told["errors"] == []
        data: dict[str, Any] = told["data"]
        return data

    async def error(self, query: str, **variables: Any) -> tuple[str, str]:
        [error] = (await self.answer(query, **variables))["errors"]
        return error["extensions"]["code"], error["message"]


async def test_any_window_is_that_part_of_the_whole_list(api: Api) -> None:
    """By the rules of Relay's specification, with every order and missing values at either side."""
    chance = random.Random(11)
    await people(api, 18, chance)
    both = Both(api)
    for _ in range(60):
        order = [
            {"by": column, "direction": chance.choice(("ASC", "DESC"))}
            for column in chance.sample(COLUMNS, chance.randrange(4))
        ]
        wanted: dict[str, Any] = {"orderBy": order, "filter": chance.choice(({}, {"live": {"eq": True}}))}
        whole = (await both.ask(WINDOW, **wanted))["page"]
        ids = [node["customerId"] for node in whole["nodes"]]
        cursors = [edge["cursor"] for edge in whole["edges"]]
        for _ in range(4):
            after, before = (chance.choice((None, chance.randrange(len(ids)))) for _ in range(2))
            size, end = chance.choice((0, 1, 3, 5, 40)), chance.choice(("first", "last"))
            low, high = 0 if after is None else after + 1, len(ids) if before is None else before
            inside = range(low, max(low, high))
            shown = inside[:size] if end == "first" else inside[max(len(inside) - size, 0) :]
            cut, outside = len(inside) > size, {"first": after, "last": before}[end] is not None

            page = (
                await both.ask(
                    WINDOW,
                    **wanted,
                    **{end: size},
                    after=after if after is None else cursors[after],
                    before=before if before is None else cursors[before],
                )
            )["page"]

            assert [node["customerId"] for node in page["nodes"]] == [ids[n] for n in shown]
            assert [edge["cursor"] for edge in page["edges"]] == [cursors[n] for n in shown]
            assert page["totalCount"] == len(ids)
            assert page["pageInfo"] == {
                "hasNextPage": cut if end == "first" else outside,
                "hasPreviousPage": cut if end == "last" else outside,
                "startCursor": cursors[shown[0]] if shown else None,
                "endCursor": cursors[shown[-1]] if shown else None,
            }


async def test_a_list_read_backward_is_the_list_read_forward(api: Api) -> None:
    await people(api, 12, random.Random(4))
    both, order = Both(api), [{"by": "REGION", "direction": "DESC"}, {"by": "NAME"}]
    whole = (await both.ask(WINDOW, orderBy=order))["page"]
    seen: list[Any] = []
    before, more = None, True

    while more:
        page = (await both.ask(WINDOW, orderBy=order, last=5, before=before))["page"]
        seen = page["nodes"] + seen
        before, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
        await api.done("registerCustomer", customerId=f"later{len(seen)}")  # the list stays as it was
        await lists.settled(api)

    assert seen == whole["nodes"]
    assert len(seen) == whole["totalCount"]


async def test_the_last_rows_of_many_nested_lists_are_read_together(api: Api) -> None:
    await populate(api)
    both = Both(api)

    whole = await both.ask(NESTED, last=300)
    last = await both.ask(NESTED, last=2)

    assert any(customer["orders"]["pageInfo"]["hasPreviousPage"] for customer in last["customers"]["nodes"])
    for all_of_it, end in zip(whole["customers"]["nodes"], last["customers"]["nodes"], strict=True):
        assert end["orders"]["nodes"] == all_of_it["orders"]["nodes"][-2:]
    cursor = last["customers"]["nodes"][0]["orders"]["pageInfo"]["startCursor"]
    await both.ask(NESTED, last=2, before=cursor)


async def test_what_contradicts_itself_is_refused_by_name(api: Api) -> None:
    await people(api, 4, random.Random(1))
    both = Both(api)
    early = (await both.ask(WINDOW))["page"]["edges"]
    await api.done("registerCustomer", customerId="new")
    await lists.settled(api)
    late = (await both.ask(WINDOW))["page"]["edges"]

    assert await both.error(WINDOW, first=1, last=1) == (
        "BAD_PAGE",
        "first, last: give one of them, not both",
    )
    assert await both.error(WINDOW, last=1001) == ("BAD_PAGE", "last: must be between 0 and 1000")
    assert await both.error(WINDOW, before="no") == (
        "BAD_CURSOR",
        "before: is not a cursor of this list in this order",
    )
    code, words = await both.error(WINDOW, after=early[0]["cursor"], before=late[2]["cursor"])
    assert code == "BAD_CURSOR"
    assert words.startswith("after, before: belong to lists as of two positions")


async def test_the_log_is_read_from_its_end_too(api: Api) -> None:
    query = """query Log($first: Int, $last: Int, $after: String, $before: String, $filter: EventFilter) {
      eventLog(first: $first, last: $last, after: $after, before: $before, filter: $filter) {
        nodes { position } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    for n in range(9):
        await api.done("registerCustomer", customerId=f"{n}")
    seen: list[int] = []
    before, more = None, True
    while more:
        page = (await api.ask(query, last=4, before=before))["eventLog"]
        assert page["pageInfo"]["hasNextPage"] is (before is not None)
        seen = [node["position"] for node in page["nodes"]] + seen
        before, more = page["pageInfo"]["startCursor"], page["pageInfo"]["hasPreviousPage"]
    assert seen == list(range(1, 10))

    [first] = (await api.ask(query, first=1))["eventLog"]["nodes"]
    after = (await api.ask(query, first=3))["eventLog"]["pageInfo"]["endCursor"]
    rest = (await api.ask(query, after=after, filter={"names": ["CustomerRegistered"]}))["eventLog"]
    [one] = (await api.ask(query, last=7, filter={"stream": "customer-4"}))["eventLog"]["nodes"]
    inside = (await api.ask(query, after=after, before=before, last=5))["eventLog"]
    assert (first["position"], one["position"], inside["nodes"]) == (1, 5, [])
    assert [node["position"] for node in rest["nodes"]] == list(range(4, 10))
    assert rest["pageInfo"]["hasPreviousPage"] is True
    assert rest["pageInfo"]["hasNextPage"] is False
