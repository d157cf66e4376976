"""What is known of a valid operation: the views that it reads, the ids that it names, and its variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLID,
    GraphQLObjectType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    get_variable_values,
    visit,
)
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.pyutils import Undefined
from graphql.utilities import coerce_input_value, separate_operations

from api.callers import Caller
from api.compiler import ASKER
from api.limits import Asked, measure
from api.nodes import Id, NodeId, declared, ids_in
from api.policy import rules_for
from domain.roles import Role
from infra.views.tables import Table
from projections.view import Declaration


class Reads(NamedTuple):
    """What an operation reads, by the types of its fields; rows of other views may be named by `ids`."""

    views: frozenset[str]
    ids: tuple[ValueNode, ...]


class Known:
    """An operation of a document that was valid."""

    def __init__(
        self, core: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self.core, self.document, self.operation = core, document, operation
        self.reads = _reads(core, document, operation)
        self.fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._definitions = operation.variable_definitions or ()
        signatures = [get_variable_signature(core, definition) for definition in self._definitions]
        self._signatures = [s for s in signatures if not isinstance(s, GraphQLError)]
        self._ids = {s.name for s in self._signatures if get_named_type(s.type) is GraphQLID}
        self._needed: dict[tuple[tuple[str, ...], tuple[Role, bool]], tuple[str, ...]] = {}

    def asked(self, given: Mapping[str, Any]) -> Asked:
        """What it asks for with these variables. Raises TOO_COMPLEX."""
        return measure(self.core, self.document, self.operation, given)

    def ids(self, variables: VariableValues) -> tuple[NodeId, ...]:
        """The ids that it names, in fields that are skipped, too. Raises BAD_ID."""
        said = (text for node in self.reads.ids for text in _texts(node, variables.coerced))
        return tuple(Id(text).node for text in said)

    def views(self, ids: Iterable[NodeId]) -> tuple[str, ...]:
        """The views that it reads where it names these ids. Raises BAD_ID."""
        return tuple(sorted(self.reads.views | {declared(self.core, id.type).name for id in ids}))

    def needed(
        self, views: tuple[str, ...], caller: Caller, declarations: Mapping[str, Declaration]
    ) -> tuple[str, ...]:
        """The views that it reads, and those that say what the caller sees of them."""
        key = views, caller.scope
        found = self._needed.get(key)
        if found is None:
            looked = (_looked_into(caller, declarations[view], declarations) for view in views)
            found = self._needed[key] = tuple(sorted({*views}.union(*looked)))
        return found

    def variables(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The values of its variables, as graphql-core coerces them; None where they are wrong."""
        sources, coerced = {}, {}
        for signature in self._signatures:
            if signature.name not in given:
                return self._with_defaults(given)
            value = given[signature.name]
            sources[signature.name] = VariableValueSource(signature, value)
            coerced[signature.name] = coerce_input_value(value, signature.type)
        return None if Undefined in coerced.values() else self._with_ids(VariableValues(sources, coerced))

    def _with_defaults(self, given: Mapping[str, Any]) -> VariableValues | None:
        values = get_variable_values(self.core, self._definitions, dict(given))
        return None if isinstance(values, list) else self._with_ids(values)

    def _with_ids(self, values: VariableValues) -> VariableValues:
        """The same values, with ids that know what they name."""
        if not self._ids:
            return values
        named = {name: ids_in(v) if name in self._ids else v for name, v in values.coerced.items()}
        return VariableValues(values.sources, named)


def _looked_into(caller: Caller, view: Declaration, declarations: Mapping[str, Declaration]) -> set[str]:
    asked: set[str] = set()

    def table(name: str) -> Table:
        asked.add(name)
        return Table(declarations[name], 0)

    with suppress(GraphQLError):  # a report reads it
        rules_for(caller, view, table, ASKER)
    return asked


def _texts(node: ValueNode, variables: Mapping[str, Any]) -> Iterator[str]:
    """The ids in an argument's value."""
    match node:
        case StringValueNode() | IntValueNode():
            yield node.value
        case ListValueNode():
            for part in node.values:
                yield from _texts(part, variables)
        case VariableNode():
            value = variables.get(node.name.value)
            yield from value if isinstance(value, list) else [] if value is None else [value]


# --- Documents ------------------------------------------------------------------------------------

_known: dict[tuple[int, str | None], tuple[DocumentNode, GraphQLSchema, Reads]] = {}
KNOWN = 1_000
"""Operations whose reads are remembered; the parser's cache hands out the same document for the same text."""


def _reads(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) -> Reads:
    """`reads`, remembered."""
    name = operation.name.value if operation.name else None
    known = _known.get((id(document), name))
    if known is not None and known[0] is document and known[1] is schema:
        return known[2]
    if len(_known) >= KNOWN:
        _known.clear()
    found = reads(schema, separate_operations(document)[name or ""])
    _known[id(document), name] = document, schema, found
    return found


def reads(schema: GraphQLSchema, document: DocumentNode) -> Reads:
    """What a document of one operation reads."""
    types, views, ids = TypeInfo(schema), set[str](), list[ValueNode]()

    class Fields(Visitor):
        def enter_field(self, *_: Any) -> None:
            kind = types.get_type()
            named = get_named_type(kind) if kind else None
            if isinstance(named, GraphQLObjectType):
                views.update((named.extensions or {}).get("views", ()))

        def enter_argument(self, node: Any, *_: Any) -> None:
            argument = types.get_argument()
            if argument is not None and get_named_type(argument.type) is GraphQLID:
                ids.append(node.value)

    visit(document, TypeInfoVisitor(types, Fields()))
    return Reads(frozenset(views), tuple(ids))
