"""Random operations that are valid by the schema: selections, arguments, variables, fragments, moments."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_required_argument,
)

DEEPEST = 6
FITTING = {
    "sum": ("Int64", "Float"),
    "avg": ("Int64", "Float"),
    "min": ("Int64", "Float", "String", "Date", "DateTime"),
    "max": ("Int64", "Float", "String", "Date", "DateTime"),
}
"""The types of columns of which there is a figure."""
ODD = ("n", "answer", "v", "since", "tenant", "at")
"""Aliases that mean something in a statement."""
SCALARS: dict[str, list[Any]] = {
    "Int": [0, *range(1, 6), *range(1, 6), *range(1, 6), *range(1, 6), -1, 1001],
    "Int64": [0, 1, 2, 7, 100, 20_000, 2**53 - 1],
    "Float": [0.0, 0.5, 1e20],
    "Boolean": [True, False],
    "String": [
        "c1",
        "c3",
        "o2-4",
        "1",
        "",
        "客户",
        "北京",
        "CNY",
        "an",
        "Ö",
        "odd",
        "2026",
        "EUR",
        '"\\',
        "%_",
    ],
    "DateTime": ["2026-01-04T09:01:00Z", "2026-01-10T00:00:00+08:00", "2026-02-01T09:05:00.5Z"],
    "Date": ["2026-01-31", "2026-01-02"],
}


class Operation:
    """One operation, as text and variables; `cursors` and `ids` are those that earlier answers gave."""

    def __init__(
        self, schema: GraphQLSchema, random: Random, head: int, cursors: list[str], ids: list[str]
    ) -> None:
        self._schema, self._random, self._head, self._cursors = schema, random, head, cursors
        self._ids = [*ids, "bm90IG9uZQ=="]
        self._definitions: list[str] = []
        self._fragments: list[str] = []
        self._aliases = 0
        self.variables: dict[str, Any] = {}
        assert schema.query_type is not None
        body = self._selection(schema.query_type, 0, 2)
        moment = self._moment()
        defined = f"({', '.join(self._definitions)})" if self._definitions else ""
        self.text = "\n".join([f"query Q{defined}{moment} {body}", *self._fragments])

    def _chance(self, percent: int) -> bool:
        return self._random.randrange(100) < percent

    def _selection(self, kind: GraphQLObjectType, depth: int, most: int = 4) -> str:
        names = [n for n, f in kind.fields.items() if depth < DEEPEST or not _deep(f)]
        names = [n for n in names if n != "eventLog" or self._chance(5)] or ["__typename"]
        chosen = self._random.sample(names, min(len(names), self._random.randint(1, most)))
        parts = [self._field(kind, name, depth) for name in chosen]
        if self._chance(15):
            parts.append("__typename")
        return "{ " + " ".join(self._wrapped(kind, part) for part in parts) + " }"

    def _of_an_interface(self, kind: GraphQLInterfaceType, depth: int) -> str:
        """The fields that all have, and some of what some of its types have."""
        types = self._schema.get_implementations(kind).objects
        parts = [name for name in (*kind.fields, "__typename") if self._chance(60)]
        for one in self._random.sample(types, 4):
            parts.append(f"... on {one.name}{self._condition()} {self._selection(one, depth + 1, 2)}")
        if self._chance(20):
            parts.append(f"... on {kind.name} {{ {self._random.choice([*kind.fields])} }}")
        return "{ " + " ".join(parts) + " }"

    def _wrapped(self, kind: GraphQLObjectType, part: str) -> str:
        if self._chance(8):
            return f"... on {kind.name}{self._condition()} {{ {part} }}"
        if self._chance(8):
            name = f"F{len(self._fragments)}"
            self._fragments.append(f"fragment {name} on {kind.name} {{ {part} }}")
            return f"...{name}{self._condition()}"
        return part

    def _condition(self) -> str:
        if not self._chance(12):
            return ""
        return f" @{self._random.choice(('skip', 'include'))}(if: {self._boolean()})"

    def _boolean(self) -> str:
        value = self._chance(50)
        return self._variable("Boolean!", value) if self._chance(60) else json.dumps(value)

    def _field(self, kind: GraphQLObjectType, name: str, depth: int) -> str:
        if name == "__typename":
            return name
        field, alias = kind.fields[name], ""
        if name == "groups":
            return self._groups(kind.name.removesuffix("Connection"))
        if field.args or self._chance(8):
            alias = f"{dict(enumerate(ODD)).get(self._aliases, f'a{self._aliases}')}: "
            self._aliases += 1
        wanted = self._wanted(field)
        given = [f"{n}: {v}" for n in wanted if (v := self._argument(n, field.args[n])) is not None]
        arguments = f"({', '.join(given)})" if given else ""
        named = get_named_type(field.type)
        inside = ""
        if isinstance(named, GraphQLObjectType):
            inside = f" {self._selection(named, depth + 1)}"
        elif isinstance(named, GraphQLInterfaceType):
            inside = f" {self._of_an_interface(named, depth)}"
        return f"{alias}{name}{arguments}{self._condition()}{inside}"

    def _groups(self, row: str) -> str:
        """Rows in groups, with figures that mostly fit their columns."""
        kind, columns = self._schema.type_map[row], self._schema.type_map[f"{row}Column"]
        assert isinstance(kind, GraphQLObjectType)
        assert isinstance(columns, GraphQLEnumType)
        by = self._random.sample(
            [*columns.values], min(len(columns.values), self._random.choice((0, 1, 1, 2)))
        )
        parts = []
        for figure in self._random.sample(["count", "key", "sum", "avg", "min", "max"], 3):
            fitting = FITTING.get(figure, ()) if self._chance(97) else SCALARS
            fit = [c for c in columns.values if str(kind.fields[_camel(c)].type).rstrip("!") in fitting]
            of = by if figure == "key" else fit
            if figure == "count":
                parts.append(figure)
            elif of:
                self._aliases += 1
                column = self._random.choice(of)
                given = self._variable(f"{row}Column!", column) if self._chance(20) else column
                parts.append(f"a{self._aliases}: {figure}(of: {given})")
        listed = f"[{', '.join(by)}]"
        given = self._variable(f"[{row}Column!]!", by) if self._chance(40) else listed
        size = self._variable("Int!", 3) if self._chance(40) else self._random.choice((1, 2, 100))
        self._aliases += 1
        inside = " ".join(parts) or "__typename"
        return f"a{self._aliases}: groups(by: {given}, first: {size}){self._condition()} {{ {inside} }}"

    def _wanted(self, field: GraphQLField) -> list[str]:
        """The arguments that may be given; of a page's sizes one, as a rule."""
        if not {"first", "last"} <= field.args.keys() or self._chance(2):
            return [*field.args]
        without = self._random.choice(["last", "last", "first"])
        return [name for name in field.args if name != without]

    def _argument(self, name: str, argument: GraphQLArgument) -> str | None:
        if name in ("after", "before"):
            if not self._cursors or not self._chance(12):
                return None
            cursor = self._random.choice(self._cursors) if self._chance(95) else "bm90IG9uZQ=="
            return self._variable("String", cursor) if self._chance(50) else json.dumps(cursor)
        required = is_required_argument(argument)
        if name in ("first", "last"):
            required = not self._chance(10)
        if not required and not self._chance(40):
            return None
        if self._chance(40):
            return self._variable(str(argument.type), self._value(argument.type))
        return self._written(argument.type, self._value(argument.type))

    def _variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        self._definitions.append(f"${name}: {kind}")
        self.variables[name] = value
        return f"${name}"

    def _value(self, kind: Any, depth: int = 0) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(kind.of_type, depth)
        if isinstance(kind, GraphQLList):
            return [self._value(kind.of_type, depth) for _ in range(self._random.randrange(3))]
        if isinstance(kind, GraphQLEnumType):
            return self._random.choice([*kind.values])
        if isinstance(kind, GraphQLInputObjectType):
            deep = {"all", "any", "not"} if depth > 1 else set[str]()
            needed = [n for n, f in kind.fields.items() if isinstance(f.type, GraphQLNonNull)]
            others = [n for n in kind.fields if n not in deep and n not in needed]
            if kind.is_one_of and self._chance(90):
                return {n: self._value(kind.fields[n].type) for n in self._random.sample(others, 1)}
            names = needed + self._random.sample(others, min(len(others), self._random.choice((0, 1, 1, 2))))
            return {n: self._value(kind.fields[n].type, depth + 1) for n in names}
        return self._random.choice(self._ids if kind.name == "ID" else SCALARS[kind.name])

    def _written(self, kind: Any, value: Any) -> str:
        """A value in the document, in which some parts are variables."""
        if isinstance(kind, GraphQLNonNull):
            return self._written(kind.of_type, value)
        if isinstance(kind, GraphQLList):
            return "[" + ", ".join(self._written(kind.of_type, part) for part in value) + "]"
        if isinstance(kind, GraphQLInputObjectType):
            parts = (f"{n}: {self._written(kind.fields[n].type, v)}" for n, v in value.items())
            return "{" + ", ".join(parts) + "}"
        if self._chance(15):
            return self._variable(f"{kind}!", value)
        return value if isinstance(kind, GraphQLEnumType) else json.dumps(value, ensure_ascii=False)

    def _moment(self) -> str:
        if not self._chance(35):
            return ""
        wanted = self._random.choice(
            [
                {"position": self._random.randrange(self._head + 1)},
                {"position": self._head},
                {"position": self._head + self._chance(20)},
                {"atLeast": self._head},
                {"time": "2999-01-01T00:00:00Z"},
                {"day": "2026-01-31"},
                {"day": "2026-01-31" if self._chance(80) else "2001-01-31"},
                None,
            ]
        )
        return f" @asOf(at: {self._variable('AsOf', wanted)})"


def _deep(field: GraphQLField) -> bool:
    return is_composite_type(get_named_type(field.type))


def _camel(column: str) -> str:
    """The field that a column is."""
    first, *others = column.lower().split("_")
    return first + "".join(word.capitalize() for word in others)
