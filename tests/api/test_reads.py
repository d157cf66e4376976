"""Whoever is shown personal data of a customer is in the log, before they have it, by whichever path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from domain.roles import Role
from tests.api.conftest import BUILT_IN
from tests.api.server import Api, encoded, key_of, serving

NAMED = 'query ($id: String!) { customer(customerId: $id) { name } }'
READS = """query ($at: AsOf) @asOf(at: $at) { personalDataReads(first: 1000) { nodes {
    customerId reader role day what fields ground loanId loan { purpose } customer { customerId } } } }"""
BULK = "query ($at: AsOf) @asOf(at: $at) { bulkReads { nodes { reader what fields } } }"


async def reads(api: Api) -> list[dict[str, Any]]:
    """All that is in the log of reads, by an admin whose question is none."""
    head = await api.tenant.log.head()
    nodes: list[dict[str, Any]] = (await api.ask(READS, at={"atLeast": head}))["personalDataReads"]["nodes"]
    assert await api.tenant.log.head() == head
    return nodes


async def test_it(api: Api) -> None:
    await api.done("registerCustomer", customerId="c-1", name="王小明")
    head = await api.done("addContactPoint", customerId="c-1", kind="PHONE", value="138")
    q = "query ($at: AsOf) @asOf(at: $at) { customer(customerId: \"c-1\") { name contactPoints { nodes { id } } } }"
    answer = await api.send(q, at={"atLeast": head})
    print(answer)
    print(await reads(api))
    answer = await api.send(q, at={"atLeast": head})
    print(answer)
    print(await reads(api))
    assert 0
