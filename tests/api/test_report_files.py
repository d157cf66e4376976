"""Reports as files over HTTP: what GraphQL answers, with its rights, as of any moment, not sent twice."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import polars

from api.access import Access
from api.policy import REPORTS as RIGHTS
from api.policy import Right
from api.report_files import POSITION
from domain.roles import Role
from tests.api.conftest import BUILT_IN
from tests.api.server import Api, key_of, serving
from tests.api.test_rights import asking, tell

STATISTICS, ABOUT_PEOPLE = "complaint_statistics", "single_view"


async def code_of(client: httpx.AsyncClient, file: str, **parameters: Any) -> tuple[int, str, str]:
    answer = await client.get(f"/reports/{file}", params=parameters)
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"], error["message"]


async def test_a_file_says_what_graphql_says(api: Api) -> None:
    last = await tell(api, 1, "mei")
    query = "{ complaintStatistics { category received open perTen: per10000Customers } }"
    data = await api.ask(f"query @asOf(at: {{position: {last}}}) {query}")
    [told] = data["complaintStatistics"]
    told = {"category": told["category"].lower(), "received": told["received"], "open": told["open"]}
    told["per_10000_customers"] = data["complaintStatistics"][0]["perTen"]

    answer = await api.client.get(f"/reports/{STATISTICS}.json", params={"asOf": last})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["as_of"]["position"] == last
    [row] = answer.json()["rows"]
    assert told.items() <= row.items()

    sheet = await api.client.get(f"/reports/{STATISTICS}.csv", params={"bom": "true", "until": "2100-01-01"})
    assert int(sheet.headers[POSITION]) == last
    assert sheet.headers["content-disposition"] == f'inline; filename="{STATISTICS}.csv"'
    assert sheet.content.startswith(b"\xef\xbb\xbf")
    [line] = csv.DictReader(io.StringIO(sheet.content.decode("utf-8-sig")))
    assert line["received"] == str(row["received"])
    picture = await api.client.get(f"/reports/{STATISTICS}.svg")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in picture.headers["content-security-policy"]
    assert "<title" in picture.text
    columns = polars.read_parquet((await api.client.get(f"/reports/{STATISTICS}.parquet")).content)
    assert columns["received"].to_list() == [row["received"]]


async def test_a_pinned_file_is_not_sent_twice(api: Api) -> None:
    before = await tell(api, 1, "mei")
    url = f"/reports/{ABOUT_PEOPLE}.csv"
    then: dict[str, str | int] = {"customerId": "c1", "asOf": before}
    first = await api.client.get(url, params=then)
    assert (await api.client.get(f"/reports/{ABOUT_PEOPLE}.json", params=then)).json()["arguments"] == {
        "customer_id": "c1"
    }
    await api.done("earnPoints", transactionId="t9", customerId="c1", points=1, reason="x")
    await api.done("placeOrder", customerId="c1", orderId="o9", totalMinor=7, currency="EUR", items=1)

    again = await api.client.get(url, params=then, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await api.client.get(url, params=then)).content == first.content
    now = await api.client.get(url, params={"customerId": "c1"}, headers={"if-none-match": "*"})
    assert (now.status_code, now.headers["cache-control"], "etag" in now.headers) == (200, "no-store", False)


async def test_everybody_gets_what_the_policy_gives_them(api: Api) -> None:
    await tell(api, 1, "mei")
    people = f"{ABOUT_PEOPLE}.json"
    for role, statistics, about in (
        (Role.AGENT, 403, 403),
        (Role.MANAGER, 200, 200),
        (Role.AUDITOR, 200, 200),
        (Role.ANALYST, 200, 403),
    ):
        async with asking(api, await key_of(api.tenant, role, "mei")) as client:
            assert (await client.get(f"/reports/{STATISTICS}.csv")).status_code == statistics, role
            assert (await client.get(f"/reports/{people}", params={"customerId": "c1"})).status_code == about
    async with asking(api, await key_of(api.tenant, Role.MANAGER, "mei", own_only=True)) as client:
        assert (await code_of(client, people))[:2] == (403, "FORBIDDEN")
    async with asking(api, "nobody's") as client:
        assert (await code_of(client, people))[:2] == (401, "UNAUTHENTICATED")


def test_no_report_is_shown_in_part() -> None:
    """Nothing of a report is masked or left out, so nobody may have it who must not see all of it."""
    assert {Right.ALL, Right.NONE} == {has for rights in RIGHTS.values() for has in rights.values()}


REFUSALS: list[tuple[str, dict[str, Any], tuple[int, str, str]]] = [
    ("nothing.csv", {}, (404, "NOT_FOUND", "there is no report 'nothing'")),
    ("pareto_reached.svg", {}, (400, "BAD_USER_INPUT", "declares no chart")),
    ("pareto_reached.xlsx", {}, (404, "NOT_FOUND", "ends in one of csv")),
    ("pareto_reached.csv", {"share": "half"}, (400, "BAD_USER_INPUT", "share: takes a number")),
    ("pareto_reached.csv", {"shares": "1"}, (400, "BAD_USER_INPUT", "no such argument; it takes share")),
    ("single_view.csv", {"customerId": "\0"}, (400, "BAD_USER_INPUT", "customerId: takes a text")),
    ("lifetime_values.csv", {"weeks": 2**70}, (400, "BAD_USER_INPUT", "weeks: lies outside")),
    ("pareto_reached.csv", {"raw": "yes"}, (400, "BAD_USER_INPUT", "raw: takes true or false")),
    ("pareto_reached.csv", {"asOf": "soon"}, (400, "BAD_USER_INPUT", "asOf: is neither")),
    ("pareto_reached.csv", {"asOf": 10**12}, (400, "BAD_MOMENT", "asOf: must be between")),
]


async def test_what_cannot_be_is_refused(api: Api) -> None:
    for file, parameters, (status, code, words) in REFUSALS:
        told = await code_of(api.client, file, **parameters)
        assert told[:2] == (status, code)
        assert words in told[2]


async def test_a_report_costs_what_it_costs_in_graphql(database: str) -> None:
    async with serving(database, BUILT_IN, Access(rate=1, burst=1_500)) as api:
        assert (await api.client.get(f"/reports/{STATISTICS}.csv")).status_code == 200
        refused = await api.client.get(f"/reports/{STATISTICS}.csv")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
