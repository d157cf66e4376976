"""What is too large is refused before it is validated; what people ask for is not."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, get_introspection_query, parse

from api.limits import measure
from tests.api.server import Api
from tests.api.test_schema import SCHEMA


def measured(query: str, **variables: Any) -> str | None:
    """What is said against an operation."""
    document = parse(query)
    [operation] = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    try:
        measure(SCHEMA._schema, document, operation, variables)
    except GraphQLError as error:
        return f"{(error.extensions or {})['code']}: {error.message}"
    return None


def nested(times: int) -> str:
    """Customers and orders within each other, one row each."""
    return (
        "{ customer(customerId: 1) {"
        + " orders(first: 1) { nodes { customer {" * times
        + " name"
        + " }" * (3 * times + 2)
    )


def bomb(fragments: int) -> str:
    """Each fragment spreads the next one twice."""
    links = " ".join(
        f"fragment F{n} on CustomerConnection {{ nodes {{ name }} ...F{n + 1} ...F{n + 1} }}"
        for n in range(fragments)
    )
    last = f"fragment F{fragments} on CustomerConnection {{ nodes {{ orders {{ totalCount }} }} }}"
    return f"{{ customers {{ ...F0 }} }} {links} {last}"


FINE = (
    "{ customers(first: 1000) { nodes { name value { tier } } edges { cursor } } }",
    "{ orders(first: 1000) { nodes { orderId customer { name value { tier } } } } }",
    "{ customers(first: 100) { nodes { orders(first: 100) { nodes { orderId } } } } }",
    "{ customers { " + " ".join(f"a{n}: totalCount" for n in range(30)) + " } }",
    nested(4),
    "{ nonsense { of { all { kinds } } } ...Missing }",
    get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    ),
)


@pytest.mark.parametrize("query", FINE)
def test_what_people_ask_for_is_within_the_limits(query: str) -> None:
    assert measured(query) is None


TOO_MUCH = (
    ("{ customers(first: 1000) { nodes { orders { nodes { orderId } } } } }", "51000 nodes"),
    ("{ customerValues(first: 1000) { nodes { because { orderId } } } }", "51000 nodes"),
    (nested(5), "17 fields within each other; 15"),
    ("{ customers { " + " ".join(f"a{n}: totalCount" for n in range(31)) + " } }", "31 aliases; 30"),
    (bomb(50), "or more nodes, by the sizes of its pages; 20000"),
    (bomb(101), "102 fragments; 100"),
    ("{ customers " + "{ ... on Customer " * 70 + "{ name }" + " }" * 71, "61 selections within each other"),
)


@pytest.mark.parametrize(("query", "words"), TOO_MUCH)
def test_what_is_too_large_is_refused_with_the_limit(query: str, words: str) -> None:
    said = str(measured(query))
    assert said.startswith("TOO_COMPLEX: ")
    assert words in said


def test_page_sizes_are_those_of_the_variables_or_their_defaults() -> None:
    query = """query ($n: Int! = 1000) {
      customers(first: $n) { nodes { orders(first: $n) { nodes { orderId } } } }
    }"""
    assert "1001000 nodes" in str(measured(query))
    assert measured(query, n=49) is None
    backward = query.replace("first: $n", "last: $n")
    assert "1001000 nodes" in str(measured(backward))
    assert measured(backward, n=49) is None
    assert measured(backward, n=None) is None  # then they are pages of 50


async def test_the_server_refuses_bombs_and_circles_at_once(api: Api) -> None:
    circle = "{ customers { ...A } } " + " ".join(
        f"fragment {one} on CustomerConnection {{ position ...{two} ...{two} }}" for one, two in ("AB", "BA")
    )
    began = time.perf_counter()

    assert (await api.error(bomb(90)))["code"] == "TOO_COMPLEX"
    told = (await api.send(circle))["errors"]
    assert {error["extensions"]["code"] for error in told} == {"GRAPHQL_VALIDATION_FAILED"}
    assert time.perf_counter() - began < 2
    async with api.socket() as socket:
        await socket.subscribe("1", bomb(90))
        message = await socket.hear()
    assert message["type"] in ("error", "next")
    assert "TOO_COMPLEX" in str(message)
