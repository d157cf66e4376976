"""How much one operation may ask for: its size is reckoned before it is validated, let alone executed."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
)

from api.errors import refused
from api.pages import DEFAULT_PAGE, LARGEST_PAGE
from api.policy import Subject

MOST_NODES = 20_000
"""Rows that an operation may ask for: the page sizes along each path multiplied, and the paths added up."""
DEEPEST = 15
"""Fields within each other; the introspection of GraphiQL needs 14."""
MOST_ALIASES = 30
"""Fields under another name; each may read the same rows once more."""
MOST_ROOTS = 20
"""Fields of the operation itself."""
MOST_DIRECTIVES = 50
"""`@skip`, `@include` and the like."""
MOST_FRAGMENTS = 100
"""Fragments of a document; validation compares each with each."""
MOST_NAMESAKES = 200
"""Fields of a document that are called the same; validation compares each with each."""
MOST_VARIABLES = 100
"""Variables of an operation; validation compares each with each."""
MOST_INTROSPECTIONS = 2
"""`__schema` and `__type` of an operation; each may tell of the whole schema."""
MOST_DIGITS = 100
"""Of a number; Python itself reads 4,300 at most."""
INTROSPECTING = ("__schema", "__type")
MOST_CONDITIONS = 500
"""Objects among the arguments and variables of what reads: conditions of filters, parts of an order."""
MOST_PARTS = 20_000
"""Objects among the variables of a mutation, such as the entries of a list."""
MOST_LEVELS = 60
"""Selections within each other, those of fragments included: how deep this module itself recurses."""
COUNTED_TO = 10**12
"""Where counting ends, so that the numbers of a bomb stay small."""
WEIGHTS: Mapping[str, int] = {"report": 1_000, "command": 50}
"""What a field costs beyond its rows, by the kind of its subject."""
COUNT_WEIGHT = 10
"""What `totalCount` costs."""
REMEMBERED = 1_000
"""Operations whose size is not reckoned again."""


class Size(NamedTuple):
    """What a part of a document asks for."""

    nodes: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    introspections: int = 0
    objects: int = 0
    cost: int = 0


class Asked(NamedTuple):
    """What a whole operation asks for."""

    size: Size
    roots: int
    subjects: frozenset[Subject]
    """What it would read or do."""


def measure(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Asked:
    """What the operation asks for with these variables. Raises TOO_COMPLEX where that is too much."""
    _require("objects among its variables", _objects(variables), _most_objects(operation))
    known = _known.get(id(operation))
    if known is not None and known.operation is operation and known.schema is schema:
        _known.move_to_end(id(operation))
        if known.pages == known.values(variables):
            return known.asked
    measuring = _Measure(schema, document, _defaults(operation) | dict(variables))
    asked = measuring.operation(operation)
    _remember(_Known(operation, schema, asked, measuring.used, variables))
    return asked


class _Known:
    """An operation's size, and the page sizes among the variables that it follows from."""

    def __init__(
        self,
        operation: OperationDefinitionNode,
        schema: GraphQLSchema,
        asked: Asked,
        used: set[str],
        variables: Mapping[str, Any],
    ) -> None:
        self.operation, self.schema, self.asked = operation, schema, asked
        self._used = tuple(used)
        self.pages = self.values(variables)

    def values(self, variables: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(variables.get(name) for name in self._used)


_known: OrderedDict[int, _Known] = OrderedDict()


def _remember(known: _Known) -> None:
    _known[id(known.operation)] = known
    if len(_known) > REMEMBERED:
        _known.popitem(last=False)


def _require(what: str, value: int, most: int) -> None:
    if value > most:
        said = f"{value} or more" if value >= COUNTED_TO else f"{value}"
        raise refused("TOO_COMPLEX", f"the operation has {said} {what}; {most} is the limit")


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """The whole numbers that variables have where they are not given."""
    return {
        d.variable.name.value: _whole(d.default_value)
        for d in operation.variable_definitions or ()
        if isinstance(d.default_value, IntValueNode)
    }


def _whole(node: IntValueNode) -> int:
    """The number, or one that is too large as well, where Python itself cannot read it."""
    return int(node.value[:MOST_DIGITS])


def _most_objects(operation: OperationDefinitionNode) -> int:
    return MOST_PARTS if operation.operation is OperationType.MUTATION else MOST_CONDITIONS


def _objects(value: Any) -> int:
    """How many objects there are within a value of JSON, at whatever depth."""
    number, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            number += 1
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return number - 1  # the variables themselves


class _Measure:
    """One pass over an operation; each fragment is measured once, wherever it is spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema, self._document, self._variables = schema, document, variables
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._measured: dict[str, Size] = {}
        self._subjects: set[Subject] = set()
        self.used: set[str] = set()
        """The variables that page sizes stand in."""

    def operation(self, operation: OperationDefinitionNode) -> Asked:
        _require("fragments", len(self._fragments), MOST_FRAGMENTS)
        _require_readable(self._document)
        _require("variables", len(operation.variable_definitions or ()), MOST_VARIABLES)
        root = self._schema.get_root_type(operation.operation)
        size = self._selections(operation.selection_set, root, 1)
        roots = len(operation.selection_set.selections)
        _require("fields at its root", roots, MOST_ROOTS)
        _require("fields within each other", size.depth, DEEPEST)
        _require("aliases", size.aliases, MOST_ALIASES)
        _require("directives", size.directives, MOST_DIRECTIVES)
        _require("fields of introspection", size.introspections, MOST_INTROSPECTIONS)
        _require("objects among its arguments", size.objects, _most_objects(operation))
        _require("nodes, by the sizes of its pages", size.nodes, MOST_NODES)
        return Asked(size._replace(cost=size.cost + roots), roots, frozenset(self._subjects))

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
            directives=min(sum(part.directives for part in parts), COUNTED_TO),
            introspections=min(sum(part.introspections for part in parts), COUNTED_TO),
            objects=min(sum(part.objects for part in parts), COUNTED_TO),
            cost=min(sum(part.cost for part in parts), COUNTED_TO),
        )

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, level: int) -> Size:
        size = self._inside(node, parent, level)
        return size._replace(directives=size.directives + len(node.directives or ()))

    def _inside(self, node: SelectionNode, parent: GraphQLNamedType | None, level: int) -> Size:
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
            directives=inside.directives,
            introspections=inside.introspections + (node.name.value in INTROSPECTING),
            objects=inside.objects + sum(_written(argument.value) for argument in node.arguments or ()),
            cost=(rows * (1 + inside.cost) if rows else inside.cost) + self._weight(node, declared),
        )

    def _weight(self, node: FieldNode, declared: GraphQLField | None) -> int:
        """What the field itself costs; what it reads or does is noted."""
        if declared is None:
            return 0
        kinds = 0
        for part in (declared, get_named_type(declared.type)):
            subject = part.extensions.get("subject")
            if isinstance(subject, Subject):
                self._subjects.add(subject)
                kinds += WEIGHTS.get(subject.kind, 0)
        return kinds + (COUNT_WEIGHT if node.name.value in ("totalCount", "groups") else 0)

    def _rows(self, node: FieldNode, declared: GraphQLField, parent: GraphQLNamedType | None) -> int:
        """How many rows a field answers with at most, or is likely to; 0 where it lists none of its own."""
        said = {a.name.value: a.value for a in node.arguments or ()}
        if "ids" in declared.args:
            return min(self._length(said.get("ids")), LARGEST_PAGE)
        if "first" in declared.args:
            sizes = [self._number(said[name]) for name in ("first", "last") if name in said]
            size = max((size for size in sizes if size is not None), default=DEFAULT_PAGE)
            return min(max(size, 1), LARGEST_PAGE)  # resolvers refuse what lies outside
        of_a_page = parent is not None and parent.name.endswith("Connection")
        listed = isinstance(get_nullable_type(declared.type), GraphQLList) and not of_a_page
        return DEFAULT_PAGE if listed and is_composite_type(get_named_type(declared.type)) else 0

    def _length(self, said: ValueNode | None) -> int:
        """How many values a list has."""
        if isinstance(said, VariableNode):
            self.used.add(said.name.value)
            value = self._variables.get(said.name.value)
            return len(value) if isinstance(value, list) else 1
        return len(said.values) if isinstance(said, ListValueNode) else 1

    def _number(self, said: ValueNode) -> int | None:
        if isinstance(said, IntValueNode):
            return _whole(said)
        if not isinstance(said, VariableNode):
            return None
        self.used.add(said.name.value)
        value = self._variables.get(said.name.value)
        return value if isinstance(value, int) else None


def _written(value: ValueNode) -> int:
    """How many objects are written out within a value."""
    number, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ObjectValueNode):
            number += 1
            waiting += [field.value for field in one.fields]
        elif isinstance(one, ListValueNode):
            waiting += one.values
    return number


def _nodes(document: DocumentNode) -> Iterator[Node]:
    """All that stands in a document, in any order."""
    waiting: list[Node] = [document]
    while waiting:
        node = waiting.pop()
        yield node
        for key in node.keys:
            held = getattr(node, key, None)
            if isinstance(held, Node):
                waiting.append(held)
            elif isinstance(held, Sequence) and not isinstance(held, str):
                waiting += held


def _require_readable(document: DocumentNode) -> None:
    """Raises where validation would be kept busy by namesakes, or could not read a number."""
    names: Counter[str] = Counter()
    digits = 0
    for node in _nodes(document):
        if isinstance(node, FieldNode):
            names[(node.alias or node.name).value] += 1
        elif isinstance(node, IntValueNode | FloatValueNode):
            digits = max(digits, len(node.value))
    _require("fields called the same", max(names.values(), default=0), MOST_NAMESAKES)
    _require("digits in a number", digits, MOST_DIGITS)
