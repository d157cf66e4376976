"""What schemathesis has to be told of Kehu: the values of its scalars, how lists are paged, what a fault is.

A refusal has a code of its own (a page of -1 rows, a moment that is not yet); a fault is `INTERNAL`.
"""

from datetime import UTC
from zlib import crc32

import schemathesis
from graphql import DocumentNode, FieldNode, Visitor, print_ast, visit
from hypothesis import strategies as st
from schemathesis.graphql import nodes

PAGINGS = ({"first"}, {"last"}, {"first", "after"}, {"first", "after", "last", "before"})

moments = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
schemathesis.graphql.scalar("Int64", st.integers(-(2**63), 2**63 - 1).map(nodes.Int))
schemathesis.graphql.scalar("DateTime", moments.map(nodes.String))
schemathesis.graphql.scalar("Date", st.dates().map(str).map(nodes.String))
schemathesis.graphql.scalar("Place", st.integers(0, 1000).map(str).map(nodes.String))


@schemathesis.hook
def map_body(context: object, body: DocumentNode) -> DocumentNode:
    """Most lists are asked from one end; schemathesis would always name both, which is refused."""
    return visit(body, OneEnd(crc32(print_ast(body).encode())))


class OneEnd(Visitor):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.kept = PAGINGS[number % len(PAGINGS)]

    def leave_field(self, node: FieldNode, *_: object) -> FieldNode:
        if not {"first", "last"} <= {argument.name.value for argument in node.arguments}:
            return node
        kept = [
            argument
            for argument in node.arguments
            if argument.name.value not in PAGINGS[-1] or argument.name.value in self.kept
        ]
        return FieldNode(
            name=node.name,
            alias=node.alias,
            arguments=kept,
            selection_set=node.selection_set,
            directives=node.directives,
        )


@schemathesis.check
def no_fault(context: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
    assert response.status_code < 500, response.status_code
    for error in response.json().get("errors", []):
        assert error["extensions"]["code"] != "INTERNAL", error
