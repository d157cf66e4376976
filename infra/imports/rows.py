"""What a row of an import stands for: commands, whose declarations say which columns it has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from msgspec.inspect import Type, type_info

from domain.commands import METADATA, Command
from domain.customers import RegisterCustomer
from domain.deciders import decider_of
from domain.errors import InvalidInput
from domain.money import minor_units
from domain.records import Record
from infra.imports.values import Dates, Read, amount, bare, moment, pairs, reader, words
from projections.view import member_docs

ID = "the row's own id"
"""Stands for the row's id where a command's field holds it."""
COLUMNS: Mapping[str, str] = MappingProxyType({"total_minor": "amount", "items": "quantity"})
"""What a column is called, where it is not simply the field's name without its unit."""
WHEN = "when it happened; a date means the start of that day"
UNITS = ("_id", "_minor", "_seconds")
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "customer": "the customer's id",
        "currency": "ISO 4217, e.g. USD",
        "duration": "in seconds",
        "quantity": "how many pieces",
        "text": "in the own words of whoever said or wrote it",
    }
)
"""Of columns about which the commands' declarations say nothing."""
Facts = dict[str, Any]
"""What a row says, under the names of a command's fields."""


class Cells:
    """One row's texts under the names of the kind's columns."""

    def __init__(self, values: Mapping[str, str], dates: Dates) -> None:
        self.values, self.dates = values, dates

    def get(self, field: str) -> str | None:
        value = self.values.get(field)
        if value is not None and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise InvalidInput(field, "is not text in the file's encoding") from None
        return value

    def read(self, field: str, read: Read) -> Any:
        """The value, or None where there is none. Raises `InvalidInput`."""
        text = self.get(field)
        if text is None:
            return None
        try:
            return read(text, self.dates)
        except ValueError as error:
            raise InvalidInput(field, str(error)) from None

    def amount(self, field: str, currency_from: str) -> int | None:
        """An amount such as 11.77, in minor units of the currency that another column names."""
        text = self.get(field)
        if text is None:
            return None
        if (currency := self.get(currency_from)) is None:
            raise InvalidInput(currency_from, "is required")
        try:
            return minor_units(amount(text), currency, field)
        except ValueError as error:
            raise InvalidInput(field, str(error)) from None


class Field(Record):
    """One column of a kind."""

    name: str
    fills: str
    """The field of the command that it fills."""
    command: type[Command]
    type: Type
    read: Read
    required: bool
    default: str | None = None
    """What an empty cell means, as it would be written."""
    nullable: bool = False
    """An empty cell says that there is none."""
    money: bool = False
    shared: bool = False
    """Another part of the row has the column too."""

    @property
    def pairs(self) -> bool:
        return pairs(self.type)

    @property
    def meaning(self) -> str:
        """What it is and how it is written, for people."""
        known = _docs(self.command).get(self.fills) or MEANINGS.get(self.name, "")
        how = "in the currency's usual unit, e.g. 11.77" if self.money else words(self.type)
        told = "" if self.name in MEANINGS else how
        default = f"{self.default} if left out" if self.default else ""
        known = known.replace(", in minor units (cents)", "").rstrip(".")
        return "; ".join(part for part in (known, told, default) if part)


@lru_cache
def _docs(command: type[Command]) -> dict[str, str]:
    return {name: " ".join(doc.split()) for name, doc in member_docs(command).items()}


class Part(Record):
    """One command that a row stands for."""

    name: str
    """What a row says with it, such as `closed`; the first of a kind has the kind's name."""
    command: type[Command]
    fields: tuple[Field, ...]
    fixed: Mapping[str, str]
    """Fields of the command that no column fills; `ID` stands for the row's id."""
    at: str
    """The column of its moment."""

    def column_of(self, field: str | None) -> str | None:
        """The column behind a field of the command, or behind a part of one, such as `answers[0].score`."""
        if field is None:
            return None
        name = re.split(r"[.\[]", field)[0]
        if name == "command_id" or self.fixed.get(name) == ID:
            return "id"
        own = {"occurred_at": self.at, "actor": "employee", **{f.fills: f.name for f in self.fields}}
        return own.get(name, name)

    def wish(self, id: str, facts: Facts) -> Facts:
        """All fields of the command, of a row with this id."""
        return {**facts, **{name: id if value == ID else value for name, value in self.fixed.items()}}

    def told(self, cells: Mapping[str, str], constants: Mapping[str, str]) -> bool:
        """Whether a row says something with it: constants alone say nothing."""
        if self.at != "at" and self.at in cells:
            return True
        own = [field.name for field in self.fields if not field.shared]
        said = own or [field.name for field in self.fields if not field.required]
        return any(name in cells and name not in constants for name in said)

    def read(self, cells: Cells) -> Facts:
        """What the row says about it. Raises `InvalidInput`."""
        facts: Facts = {}
        for field in self.fields:
            value = (
                cells.amount(field.name, "currency") if field.money else cells.read(field.name, field.read)
            )
            if value is not None:
                facts[field.fills] = value
            elif field.default is not None:
                facts[field.fills] = field.read(field.default, cells.dates)
            elif field.required:
                raise InvalidInput(field.name, "is required")
            elif field.nullable:
                facts[field.fills] = None
        return facts


class Kind(Record):
    """One kind of row: the commands that it stands for, the first of them always."""

    name: str
    doc: str
    parts: tuple[Part, ...]
    named: bool = False
    """Whether its rows must have an id: it is the name by which others speak of the thing."""
    registers: bool = False
    """Whether a customer who is not known yet is registered first."""

    @property
    def main(self) -> Part:
        return self.parts[0]

    @property
    def columns(self) -> Mapping[str, Column]:
        """Its columns by name, in the order in which people are shown them."""
        id = "the row's own id" if self.named else "the row's own id; without one it is made of the row"
        columns = [Column(name="id", told=id, required=self.named)]
        for part in self.parts:
            if part is self.main:
                columns.append(Column(name="at", told=WHEN, required=True))
            columns += (Column.of(field, part is self.main) for field in part.fields)
            if part.at != "at":
                told = f"when it was {part.name}; left out: when what stands before it happened"
                columns.append(Column(name=part.at, told=told))
        columns.append(Column(name="employee", told="who did it; else the import's actor"))
        named: dict[str, Column] = {}
        for column in columns:
            named.setdefault(column.name, column)
        return named

    def part_of(self, command: Command) -> Part | None:
        """Which part of a row a command is."""
        category = command.command_id.split("/", 2)[1]
        return next((part for part in self.parts if self._category(part) == category), None)

    def _category(self, part: Part) -> str:
        if part.command is RegisterCustomer:
            return "customer"
        return self.name if part is self.main else f"{self.name}.{part.name}"

    def facts(self, cells: Cells, constants: Mapping[str, str]) -> list[tuple[Part, Facts]]:
        """What the row says, part by part. Raises `InvalidInput`."""
        if self.named and cells.get("id") is None:
            raise InvalidInput("id", "is required")
        said = [
            (part, part.read(cells))
            for part in self.parts
            if part is self.main or part.told(cells.values, constants)
        ]
        at: datetime | None = None
        for part, facts in said:
            at = cells.read(part.at, moment) or at
            if at is None:
                raise InvalidInput("at", "is required")
            facts["occurred_at"] = at
            if (employee := cells.get("employee")) is not None:
                facts["actor"] = employee
        return said

    def command_id(self, part: Part, id: str) -> str:
        """The id of the command that is this part of the row with this id."""
        return f"import/{self._category(part)}/{id}"


class Column(Record):
    """One column of a kind, as people are shown it."""

    name: str
    required: bool = False
    told: str = ""
    field: Field | None = None

    @classmethod
    def of(cls, field: Field, always: bool) -> Column:
        required = always and field.required and field.default is None
        return cls(name=field.name, required=required, field=field)

    @property
    def meaning(self) -> str:
        return self.told if self.field is None else self.field.meaning

    @property
    def pairs(self) -> bool:
        """Whether it holds names with values, each of which may have a column of its own: `answers.q1`."""
        return self.field is not None and self.field.pairs


def registration(customer_id: str) -> str:
    """The id of the command that opens a customer's file, always the same."""
    return f"import/customer/{customer_id}"


# --- How a kind follows from its commands ---------------------------------------------------------


class Also(Record):
    """A command of a row whose fields do not all have columns of their own."""

    command: type[Command]
    fixed: Mapping[str, str]
    called: str | None = None
    """The field whose column is called like the part."""
    shares: bool = False
    """Fields that parts before it have too come from the same columns."""


def also(command: type[Command], called: str | None = None, *, shares: bool = False, **fixed: str) -> Also:
    return Also(command=command, fixed=fixed, called=called, shares=shares)


def kind(
    name: str,
    main: type[Command] | Also,
    *,
    named: bool = False,
    registers: bool = False,
    defaults: Mapping[str, str] = MappingProxyType({}),
    **parts: type[Command] | Also,
) -> Kind:
    """A kind of row: its first command, and those that follow where the row says something with them."""
    made: list[Part] = []
    known: set[str] = set()
    first = main.command if isinstance(main, Also) else main
    owner = decider_of(first)
    begins = first in owner.begins
    for part_name, command in {name: main, **parts}.items():
        given = command if isinstance(command, Also) else also(command)
        whose = owner.id_field if begins and decider_of(given.command) is owner else None
        part = _part(part_name, given, whose, known, defaults, first=not made)
        known.update(field.name for field in part.fields)
        made.append(part)
    doc = (inspect.getdoc(first) or "").partition("\n")[0]
    return Kind(name=name, doc=doc, parts=tuple(made), named=named, registers=registers)


def _part(
    name: str, given: Also, owner: str | None, known: set[str], defaults: Mapping[str, str], *, first: bool
) -> Part:
    fixed = {**({owner: ID} if owner else {}), **given.fixed}
    fields: list[Field] = []
    for declared in type_info(given.command).fields:  # type: ignore[attr-defined]  # a command is a struct
        if declared.name in METADATA or declared.name in fixed or given.called not in (None, declared.name):
            continue
        column = name if declared.name == given.called else _column(declared.name)
        shared = column in known and (
            given.shares or declared.name == "currency" or declared.name.endswith("_id")
        )
        if column in known and not shared:
            column = f"{name}_{column}"
        fields.append(
            Field(
                name=column,
                fills=declared.name,
                command=given.command,
                type=declared.type,
                read=reader(declared.type),
                required=declared.required and bare(declared.type) is declared.type,
                nullable=declared.required and bare(declared.type) is not declared.type,
                default=defaults.get(column),
                money=declared.name.endswith("_minor"),
                shared=shared,
            )
        )
    completes = given.called is not None or (given.shares and all(field.shared for field in fields))
    at = "at" if first or completes else f"{name}_at"
    return Part(name=name, command=given.command, fields=tuple(fields), fixed=fixed, at=at)


def _column(field: str) -> str:
    if field in COLUMNS:
        return COLUMNS[field]
    return next((field.removesuffix(unit) for unit in UNITS if field.endswith(unit)), field)
