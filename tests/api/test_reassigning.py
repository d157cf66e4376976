"""An account manager leaves: all their customers get another one in one mutation."""

from __future__ import annotations

import httpx

from domain.roles import Role
from tests.api.server import Api, key_of

MUTATION = """mutation ($input: ReassignCustomersInput!) {
  reassignCustomers(input: $input) { customers roles position errors { code field } }
}"""


async def reassigned(api: Api, **input: str) -> dict[str, object]:
    data = await api.ask(MUTATION, input=input)
    answer: dict[str, object] = data["reassignCustomers"]
    return answer


async def test_all_customers_of_one_get_another(api: Api) -> None:
    for number in range(5):
        await api.done("registerCustomer", customerId=f"c{number}")
        await api.done("assignOwner", customerId=f"c{number}", owner="mei" if number < 4 else "li")
    last = await api.done("endRelationship", customerId="c3", cause="NATURAL")
    first = await reassigned(api, owner="mei", to="fang", idempotencyKey="leave-1")
    assert (first["customers"], first["errors"]) == (3, [])
    owned = 'customers(filter: {owner: {eq: "%s"}}) { nodes { customerId } }'
    query = "query ($at: Int64!) @asOf(at: {atLeast: $at}) { now: %s } " % (owned % "fang")
    data = await api.ask(query, at=first["position"])
    assert [node["customerId"] for node in data["now"]["nodes"]] == ["c0", "c1", "c2"]
    then = await api.ask(
        "query ($at: Int64!) @asOf(at: {position: $at}) { then: %s }" % (owned % "mei"), at=last
    )
    assert len(then["then"]["nodes"]) == 4
    again = await reassigned(api, owner="mei", to="fang", idempotencyKey="leave-1")
    assert (again["customers"], again["position"], again["errors"]) == (0, None, [])


async def test_all_roles_in_files_of_one_get_another_who_has_their_rights_then(api: Api) -> None:
    roles = "fileRoles(filter: {holds: {eq: true}}) { nodes { customerId role member } }"
    for customer, owner in (("c1", "li"), ("c2", "mei"), ("c3", None)):
        await api.done("registerCustomer", customerId=customer)
        if owner:
            await api.done("assignOwner", customerId=customer, owner=owner)
    await api.done("assignFileRole", customerId="c1", role="CUSTODIAN", member="mei")
    await api.done("assignFileRole", customerId="c1", role="OPERATOR", member="li")
    done = await reassigned(api, owner="mei", to="fang")
    assert (done["customers"], done["roles"], done["errors"]) == (1, 2, [])
    query = f"query ($at: Int64!) @asOf(at: {{atLeast: $at}}) {{ {roles} }}"
    data = await api.ask(query, at=done["position"])
    assert data["fileRoles"]["nodes"] == [
        {"customerId": "c1", "role": "CUSTODIAN", "member": "fang"},
        {"customerId": "c1", "role": "OPERATOR", "member": "li"},
        {"customerId": "c3", "role": "CREATOR", "member": "fang"},
    ]


async def test_nobody_gives_customers_to_themselves(api: Api) -> None:
    refused = await reassigned(api, owner="mei", to="mei")
    assert refused["errors"] == [{"code": "InvalidInput", "field": "to"}]


async def test_agents_give_away_nobody(api: Api) -> None:
    headers = {"authorization": f"Bearer {await key_of(api.tenant, Role.AGENT, 'mei')}"}
    url = f"http://127.0.0.1:{api.port}"
    body = {"query": MUTATION, "variables": {"input": {"owner": "mei", "to": "li"}}}
    async with httpx.AsyncClient(base_url=url, headers=headers) as client:
        answer = (await client.post("/graphql", json=body)).json()
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
