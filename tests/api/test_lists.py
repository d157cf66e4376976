"""Lists say what a plain filter and sort of the same rows say, page by page, also while rows change."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.api.server import Api

Row = dict[str, Any]

REGIONS = (None, "上海", "SHANGHAI", "Shanghai", "Zürich", "zürich", "100%_\\", "")
FIELDS = "customerId name relation region birthday live registeredAt orderCount lastOrderAt"
LIST = f"""
query List($filter: CustomerFilter, $orderBy: [CustomerOrder!], $first: Int! = 50, $after: String) {{
  customers(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {{
    totalCount position pageInfo {{ hasNextPage endCursor startCursor }}
    nodes {{ {FIELDS} }} edges {{ cursor node {{ customerId }} }}
  }}
}}"""


async def people(api: Api, number: int, chance: random.Random) -> list[Row]:
    """Customers as different as they can be, some with orders, and their rows as the API lists them."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for n in range(number):
        told = {
            "name": chance.choice((None, "Ada", "ada", "王小明", "😀")),
            "region": chance.choice(REGIONS) or None,
            "birthday": chance.choice((None, "1980-02-29", "2000-12-31")),
            "relation": chance.choice(("CONSUMER", "BUSINESS")),
        }
        at = begin + timedelta(hours=chance.randrange(20))
        await api.done("registerCustomer", customerId=f"c{n}", occurredAt=at.isoformat(), **told)
        for order in range(chance.choice((0, 0, 1, 2))):
            await api.done(
                "recordPurchase", orderId=f"c{n}-{order}", customerId=f"c{n}", totalMinor=chance.randrange(5),
                currency="EUR", items=1, occurredAt=at.isoformat(),
            )  # fmt: skip
        if chance.random() < 0.2:
            await api.done("endRelationship", customerId=f"c{n}", cause="NATURAL")
    await settled(api)
    return await everyone(api)


async def settled(api: Api) -> int:
    """The position that all views have reached once they have seen everything up to now."""
    head = await api.tenant.log.head()
    await api.ask(
        "query Q($n: Int64!) @asOf(at: {atLeast: $n}) { customers { position } orders { position } }", n=head
    )
    return head


async def everyone(api: Api, **arguments: Any) -> list[Row]:
    """All rows of a list, seven by seven; no cursor repeats and the count agrees."""
    rows: list[Row] = []
    after, cursors = None, []
    while True:
        page = (await api.ask(LIST, first=7, after=after, **arguments))["customers"]
        rows += page["nodes"]
        cursors += [edge["cursor"] for edge in page["edges"]]
        assert [edge["node"]["customerId"] for edge in page["edges"]] == [
            r["customerId"] for r in page["nodes"]
        ]
        assert page["pageInfo"]["endCursor"] == (page["edges"][-1]["cursor"] if page["edges"] else None)
        if not page["pageInfo"]["hasNextPage"]:
            assert page["totalCount"] == len(rows) == len(set(cursors))
            return rows
        after = page["pageInfo"]["endCursor"]


# --- The oracle -----------------------------------------------------------------------------------

TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: bool(have == want),
    "ne": lambda have, want: bool(have != want),
    "in": lambda have, want: have in want,
    "lt": lambda have, want: have is not None and have < want,
    "lte": lambda have, want: have is not None and have <= want,
    "gt": lambda have, want: have is not None and have > want,
    "gte": lambda have, want: have is not None and have >= want,
    "contains": lambda have, want: have is not None and want.lower() in have.lower(),
    "startsWith": lambda have, want: have is not None and have.startswith(want),
    "isNull": lambda have, want: (have is None) is want,
}


def holds(wanted: Row, row: Row) -> bool:
    for name, value in wanted.items():
        match name:
            case "all":
                fits = all(holds(part, row) for part in value)
            case "any":
                fits = any(holds(part, row) for part in value)
            case "not":
                fits = not holds(value, row)
            case _:
                fits = all(TESTS[op](row[name], want) for op, want in value.items())
        if not fits:
            return False
    return True


def in_order(rows: Iterable[Row], order: list[Row]) -> list[Row]:
    """Sorted by each field in turn, rows without a value last, and by the id among equals."""
    found = sorted(rows, key=lambda row: row["customerId"])
    for by in reversed(order):
        name = camel(by["by"])
        found.sort(key=lambda row: row[name] or "", reverse=by["direction"] == "DESC") if any(
            isinstance(row[name], str) for row in found
        ) else found.sort(key=lambda row: row[name] or 0, reverse=by["direction"] == "DESC")
        found.sort(key=lambda row: row[name] is None)
    return found


def camel(column: str) -> str:
    first, *rest = column.lower().split("_")
    return first + "".join(part.capitalize() for part in rest)


def random_filter(chance: random.Random, rows: list[Row], depth: int = 2) -> Row:
    """A filter whose values are found in some rows."""
    kind = chance.choice(("field", "field", "all", "any", "not")) if depth else "field"
    if kind == "not":
        return {"not": random_filter(chance, rows, depth - 1)}
    if kind != "field":
        return {kind: [random_filter(chance, rows, depth - 1) for _ in range(chance.randrange(4))]}
    name, ops = chance.choice((
        ("name", ("eq", "ne", "in", "contains", "startsWith", "isNull")),
        ("region", ("eq", "ne", "in", "contains", "startsWith", "isNull")),
        ("relation", ("eq", "ne", "in", "isNull")),
        ("birthday", ("eq", "lt", "lte", "gt", "gte", "isNull")),
        ("registeredAt", ("eq", "lt", "lte", "gt", "gte")),
        ("lastOrderAt", ("eq", "lt", "lte", "gt", "gte", "isNull")),
        ("orderCount", ("eq", "ne", "in", "lt", "lte", "gt", "gte")),
        ("live", ("eq", "isNull")),
    ))  # fmt: skip
    op = chance.choice(ops)
    values = [row[name] for row in rows if row[name] is not None]
    return {name: {op: random_value(chance, op, values)}}


def random_value(chance: random.Random, op: str, values: list[Any]) -> Any:
    match op:
        case "isNull":
            return chance.random() < 0.5
        case "in":
            return chance.sample(values, 2)
        case "contains" | "startsWith":
            text = chance.choice(values)
            return chance.choice((text[:2], text[1:3].upper(), "%", ""))
        case "eq" | "ne" if chance.random() < 0.2:
            return None
        case _:
            return chance.choice(values)


async def test_any_filter_in_any_order_says_what_a_plain_loop_says(api: Api) -> None:
    chance = random.Random(7)
    rows = await people(api, 25, chance)
    columns = (
        "NAME",
        "REGION",
        "RELATION",
        "BIRTHDAY",
        "REGISTERED_AT",
        "LAST_ORDER_AT",
        "ORDER_COUNT",
        "CUSTOMER_ID",
    )

    for _ in range(40):
        wanted = random_filter(chance, rows)
        order = [
            {"by": column, "direction": chance.choice(("ASC", "DESC"))}
            for column in chance.sample(columns, chance.randrange(4))
        ]
        found = await everyone(api, filter=wanted, orderBy=order)

        told = [{**row, "relation": row["relation"].lower()} for row in rows]  # enums sort as they are stored
        expected = [row["customerId"] for row in in_order(told, order) if holds(stored(wanted), row)]
        assert [row["customerId"] for row in found] == expected, (wanted, order)


def stored(wanted: Any) -> Any:
    """The filter with the values of enums as they are stored."""
    if isinstance(wanted, dict):
        return {
            name: {op: _lower(v) for op, v in value.items()} if name == "relation" else stored(value)
            for name, value in wanted.items()
        }
    return [stored(part) for part in wanted] if isinstance(wanted, list) else wanted


def _lower(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower()
    return [v.lower() for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"region": {"contains": "zÜR"}}, {"1", "2"}),
        ({"region": {"contains": "海"}}, {"3"}),
        ({"region": {"contains": "%"}}, {"4"}),
        ({"region": {"startsWith": "Z"}}, {"1"}),
        ({"region": {"isNull": True}}, {"5"}),
        ({"region": {"eq": None}}, {"5"}),
        ({"region": {"ne": "Zürich"}}, {"2", "3", "4", "5"}),
        ({"region": {"in": []}}, set()),
        ({"not": {"region": {"contains": "zür"}}}, {"3", "4", "5"}),
        ({"any": []}, set()),
        ({"all": []}, {"1", "2", "3", "4", "5"}),
        ({}, {"1", "2", "3", "4", "5"}),
        ({"region": None}, {"1", "2", "3", "4", "5"}),
        ({"any": [{"region": {"eq": "上海"}}, {"customerId": {"eq": "1"}}]}, {"1", "3"}),
        ({"relation": {"in": ["BUSINESS", "CHANNEL"]}}, {"2"}),
    ],
)
def test_the_oracle_agrees_with_what_a_person_expects(wanted: Row, expected: set[str]) -> None:
    regions = {"1": "Zürich", "2": "zürich", "3": "上海", "4": "100%", "5": None}
    rows = [
        {"customerId": id, "region": region, "relation": "business" if id == "2" else "consumer"}
        for id, region in regions.items()
    ]
    asked = {name: part for name, part in stored(wanted).items() if part is not None}
    assert {row["customerId"] for row in rows if holds(asked, row)} == expected


async def test_lists_of_words_are_searched_with_has(api: Api) -> None:
    from tests.api.test_story import POLICY

    position = await api.done("publishTierPolicy", **POLICY)
    query = """query Q($rule: String!, $n: Int64!) @asOf(at: {atLeast: $n}) {
      tierPolicies(filter: {rules: {has: $rule}}) { nodes { policyVersion rules } }
    }"""

    found = await api.ask(query, rule="lead: every customer", n=position)
    missed = await api.ask(query, rule="lead", n=position)

    assert [policy["policyVersion"] for policy in found["tierPolicies"]["nodes"]] == ["2026"]
    assert missed["tierPolicies"]["nodes"] == []


# --- Paging ---------------------------------------------------------------------------------------


async def test_pages_stay_true_to_their_first_one_while_rows_change(api: Api) -> None:
    rows = await people(api, 12, random.Random(3))
    order = [{"by": "ORDER_COUNT", "direction": "DESC"}, {"by": "NAME", "direction": "ASC"}]
    page = (await api.ask(LIST, first=4, orderBy=order))["customers"]
    seen = list(page["nodes"])

    while page["pageInfo"]["hasNextPage"]:
        for row in rows:  # what came first comes last, and what was there goes
            await api.do("winBackCustomer", customerId=row["customerId"], offer="tea")
            await api.done(
                "changeProfile", customerId=row["customerId"], name=f"n{len(seen)}-{row['customerId']}"
            )
        await api.done("registerCustomer", customerId=f"new{len(seen)}")
        await settled(api)
        page = (await api.ask(LIST, first=4, orderBy=order, after=page["pageInfo"]["endCursor"]))["customers"]
        seen += page["nodes"]
        assert page["totalCount"] == 12

    assert seen == in_order(rows, order)


async def test_a_cursor_belongs_to_its_order_and_its_moment(api: Api) -> None:
    await people(api, 4, random.Random(1))
    head = await settled(api)
    cursor = (await api.ask(LIST, first=1))["customers"]["pageInfo"]["endCursor"]
    pinned = """query Q($n: Int64!, $c: String) @asOf(at: {position: $n}) {
      customers(after: $c) { nodes { customerId } }
    }"""

    other_order = await api.error(LIST, after=cursor, orderBy=[{"by": "ORDER_COUNT"}])
    other_moment = await api.error(pinned, n=head - 1, c=cursor)
    same_moment = await api.ask(pinned, n=head, c=cursor)

    assert other_order["code"] == other_moment["code"] == "BAD_CURSOR"
    assert len(same_moment["customers"]["nodes"]) == 3


async def test_a_page_of_none_still_counts(api: Api) -> None:
    await people(api, 4, random.Random(1))

    page = (await api.ask(LIST, first=0))["customers"]

    assert (page["nodes"], page["totalCount"], page["pageInfo"]["hasNextPage"]) == ([], 4, True)


# --- Nested lists ---------------------------------------------------------------------------------

NESTED = """
query Nested($first: Int!, $filter: OrderFilter) {
  customers { nodes { customerId
    orders(first: $first, filter: $filter, orderBy: [{by: TOTAL_MINOR, direction: DESC}]) {
      totalCount pageInfo { hasNextPage endCursor } nodes { orderId totalMinor customer { customerId } }
    }
  } }
}"""


async def test_a_nested_list_belongs_to_its_row(api: Api) -> None:
    await people(api, 12, random.Random(5))
    orders = (await api.ask("{ orders(first: 1000) { nodes { orderId totalMinor customerId } } }"))["orders"][
        "nodes"
    ]

    for first, least in ((1, None), (2, None), (5, None), (1, 2)):
        wanted = None if least is None else {"totalMinor": {"gte": least}}
        found = await api.ask(NESTED, first=first, filter=wanted)
        for customer in found["customers"]["nodes"]:
            mine = [
                o
                for o in orders
                if o["customerId"] == customer["customerId"] and o["totalMinor"] >= (least or 0)
            ]
            mine.sort(key=lambda o: (-o["totalMinor"], o["orderId"]))
            assert [o["orderId"] for o in customer["orders"]["nodes"]] == [o["orderId"] for o in mine[:first]]
            assert customer["orders"]["totalCount"] == len(mine)
            assert customer["orders"]["pageInfo"]["hasNextPage"] == (len(mine) > first)
            for order in customer["orders"]["nodes"]:
                assert order["customer"]["customerId"] == customer["customerId"]


async def test_a_nested_list_goes_on_after_its_cursor(api: Api) -> None:
    await api.done("registerCustomer", customerId="1")
    for n in range(5):
        await api.done(
            "recordPurchase", orderId=f"{n}", customerId="1", totalMinor=n, currency="EUR", items=1
        )
    await settled(api)
    query = """query Q($after: String) {
      customer(customerId: "1") {
        orders(first: 2, after: $after) { nodes { orderId } pageInfo { endCursor } }
      }
    }"""

    first = (await api.ask(query))["customer"]["orders"]
    second = (await api.ask(query, after=first["pageInfo"]["endCursor"]))["customer"]["orders"]

    assert [o["orderId"] for o in first["nodes"] + second["nodes"]] == ["0", "1", "2", "3"]


async def test_the_number_of_statements_does_not_grow_with_the_rows(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    ask = asyncpg.Pool.fetch

    async def counted(self: Any, query: str, *arguments: Any, **how: Any) -> Any:
        if "kehu_views" in query:
            statements.append(query)
        return await ask(self, query, *arguments, **how)

    counts = []
    for number in (2, 20):
        await people(api, number, random.Random(number)) if number == 2 else await _more(api, number)
        statements.clear()
        with monkeypatch.context() as watched:
            watched.setattr(asyncpg.Pool, "fetch", counted)
            await api.ask(NESTED, first=2)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 4


async def _more(api: Api, number: int) -> None:
    async def one(n: int) -> None:
        await api.done("registerCustomer", customerId=f"more{n}")
        await api.done(
            "recordPurchase", orderId=f"m{n}", customerId=f"more{n}", totalMinor=1, currency="EUR", items=1
        )

    await asyncio.gather(*(one(n) for n in range(number)))
    await settled(api)
