"""How much one operation may ask for: its size is reckoned before it is validated, let alone executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_composite_type,
)
from strawberry.extensions import ValidationCache

from api.errors import refused
from api.views import DEFAULT_PAGE, LARGEST_PAGE

MOST_NODES = 20_000
"""Rows that an operation may ask for: the page sizes along each path multiplied, and the paths added up."""
DEEPEST = 15
"""Fields within each other; the introspection of GraphiQL needs 14."""
MOST_ALIASES = 30
"""Fields under another name; each may read the same rows once more."""
MOST_FRAGMENTS = 100
"""Fragments of a document; validation compares each with each."""
MOST_LEVELS = 60
"""Selections within each other, those of fragments included: how deep this module itself recurses."""
COUNTED_TO = 10**12
"""Where counting ends, so that the numbers of a bomb stay small."""


class Size(NamedTuple):
    """What a part of a document asks for."""

    nodes: int = 0
    depth: int = 0
    aliases: int = 0


class Limits(ValidationCache):
    """Refuses operations that are too large; all others are validated, each document once."""

    def on_validate(self) -> Iterator[None]:
        try:
            self._require_limits()
        except GraphQLError as error:
            self.execution_context.pre_execution_errors = [error]
            yield
        else:
            yield from super().on_validate()

    def _require_limits(self) -> None:
        running = self.execution_context
        assert running.graphql_document is not None
        operation = get_operation_ast(running.graphql_document, running.operation_name)
        if operation is not None:
            core: GraphQLSchema = running.schema._schema
            require_limits(core, running.graphql_document, operation, running.variables or {})


def require_limits(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> None:
    """Raises TOO_COMPLEX where the operation, with these variables, goes beyond a limit."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    _require("fragments", len(fragments), MOST_FRAGMENTS)
    size = _Measure(schema, fragments, _defaults(operation) | dict(variables)).operation(operation)
    _require("fields within each other", size.depth, DEEPEST)
    _require("aliases", size.aliases, MOST_ALIASES)
    _require("nodes, by the sizes of its pages", size.nodes, MOST_NODES)


def _require(what: str, value: int, most: int) -> None:
    if value > most:
        said = f"{value} or more" if value >= COUNTED_TO else f"{value}"
        raise refused("TOO_COMPLEX", f"the operation has {said} {what}; {most} is the limit")


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """The whole numbers that variables have where they are not given."""
    return {
        d.variable.name.value: int(d.default_value.value)
        for d in operation.variable_definitions or ()
        if isinstance(d.default_value, IntValueNode)
    }


class _Measure:
    """One pass over an operation; each fragment is measured once, wherever it is spread."""

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema, self._fragments, self._variables = schema, fragments, variables
        self._measured: dict[str, Size] = {}

    def operation(self, operation: OperationDefinitionNode) -> Size:
        root = self._schema.get_root_type(operation.operation)
        return self._selections(operation.selection_set, root, 1)

    def _selections(
        self, selected: SelectionSetNode | None, kind: GraphQLNamedType | None, level: int
    ) -> Size:
        """The size of all that is selected from a type; None is a type that is not known."""
        _require("selections within each other", level, MOST_LEVELS)
        parts = [self._selection(one, kind, level + 1) for one in selected.selections] if selected else []
        return Size(
            nodes=min(sum(part.nodes for part in parts), COUNTED_TO),
            depth=max((part.depth for part in parts), default=0),
            aliases=min(sum(part.aliases for part in parts), COUNTED_TO),
        )

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, level: int) -> Size:
        if isinstance(node, FieldNode):
            return self._field(node, parent, level)
        if isinstance(node, FragmentSpreadNode):
            return self._spread(node.name.value, level)
        assert isinstance(node, InlineFragmentNode)
        condition = node.type_condition
        kind = self._schema.get_type(condition.name.value) if condition else parent
        return self._selections(node.selection_set, kind, level)

    def _spread(self, name: str, level: int) -> Size:
        fragment = self._fragments.get(name)
        if fragment is None:
            return Size()
        if name not in self._measured:
            self._measured[name] = Size()  # what a cycle adds, until validation refuses it
            kind = self._schema.get_type(fragment.type_condition.name.value)
            self._measured[name] = self._selections(fragment.selection_set, kind, level)
        return self._measured[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Size:
        known = parent.fields if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else {}
        declared = known.get(node.name.value)
        kind = get_named_type(declared.type) if declared else None
        inside = self._selections(node.selection_set, kind, level)
        rows = self._rows(node, declared, parent) if declared else 0
        return Size(
            nodes=rows * (1 + inside.nodes) if rows else inside.nodes,
            depth=inside.depth + 1,
            aliases=inside.aliases + (node.alias is not None),
        )

    def _rows(self, node: FieldNode, declared: GraphQLField, parent: GraphQLNamedType | None) -> int:
        """How many rows a field answers with at most, or is likely to; 0 where it lists none of its own."""
        if "first" in declared.args:
            said = next((a.value for a in node.arguments or () if a.name.value == "first"), None)
            return min(max(self._number(said), 1), LARGEST_PAGE)  # resolvers refuse what lies outside
        of_a_page = parent is not None and parent.name.endswith("Connection")
        listed = isinstance(get_nullable_type(declared.type), GraphQLList) and not of_a_page
        return DEFAULT_PAGE if listed and is_composite_type(get_named_type(declared.type)) else 0

    def _number(self, said: ValueNode | None) -> int:
        if isinstance(said, IntValueNode):
            return int(said.value)
        value = self._variables.get(said.name.value) if isinstance(said, VariableNode) else None
        return value if isinstance(value, int) else DEFAULT_PAGE
