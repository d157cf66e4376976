"""What is asked of the schema itself has one answer for everybody, which is graphql-core's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from graphql import execute_sync, parse

from domain.roles import Role
from tests.api.server import Api, key_of
from tests.api.test_rights import asking, sent
from tests.api.test_schema import SCHEMA

TYPE = """
query ($name: String!, $all: Boolean = false, $no: Boolean!) {
  ...Kind __typename
  ... on Query { again: __schema @skip(if: $no) { queryType { fields(includeDeprecated: $all) { name } } } }
}
fragment Kind on Query { __type(name: $name) { name kind fields { name } } }
"""


def expected(query: str, **variables: Any) -> Any:
    return execute_sync(SCHEMA._schema, parse(query), variable_values=variables).data


async def test_the_whole_schema_is_told_alike_at_first_and_again(api: Api) -> None:
    query = "{ __schema { types { kind name description fields { name type { name ofType { name } } } } } }"
    head = await api.done("registerCustomer", customerId="1")
    answers = await asyncio.gather(*(api.send(query) for _ in range(2)))
    async with asking(api, await key_of(api.tenant, Role.ANALYST, "ann")) as client:
        answers.append(await sent(client, query))
    assert [answer["data"] for answer in answers] == [expected(query)] * 3
    assert {answer["extensions"]["asOf"]["position"] for answer in answers} == {head}


@pytest.mark.parametrize("name", ["Customer", "Mutation", "unheard-of"])
async def test_variables_count(api: Api, name: str) -> None:
    for variables in ({"name": name, "no": True}, {"name": name, "no": False, "all": True}):
        for _ in range(2):
            assert await api.ask(TYPE, **variables) == expected(TYPE, **variables)
    refused = await api.error(TYPE, name=1, no=False)
    assert refused["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_what_asks_for_rows_too_is_answered_from_now(api: Api) -> None:
    query = "{ __schema { queryType { name } } customers { totalCount } }"
    for number in (1, 2):
        last = await api.done("registerCustomer", customerId=f"{number}")
        await api.tenant.reader.reached(["customers"], last)
        data = {"__schema": {"queryType": {"name": "Query"}}, "customers": {"totalCount": number}}
        assert await api.ask(query) == data
