"""What a field stands for in the views; the compiler understands fields that say so, and no others."""

from __future__ import annotations

from enum import Enum

from domain.records import Record
from projections.view import Declaration, Field
from projections.view import Report as DeclaredReport


class Column(Record):
    """A column of the row."""

    field: Field


class Since(Record):
    """The position from which the row holds."""


class One(Record):
    """The row of a view whose key the arguments are, which have the names of the key's columns."""

    declaration: Declaration


class Link(Record):
    """The row of another view whose key stands in a column here."""

    declaration: Declaration
    column: str


class Id(Record):
    """The row's own id."""

    declaration: Declaration


class ById(Record):
    """The row that the argument `id` names."""


class ByIds(Record):
    """The rows that the argument `ids` names."""


class Groups(Record):
    """The rows of the list around, in groups."""

    declaration: Declaration


class Figure(Record):
    """A figure of the group around: its `key`, or `sum`, `avg`, `min` or `max`, of a column."""

    name: str


class Listing(Record):
    """Rows of a view, in pages: all of them, or those in whose `column` our `key` stands."""

    declaration: Declaration
    column: str | None = None
    key: str | None = None


class Report(Record):
    """The rows of a report."""

    report: DeclaredReport


class Part(Enum):
    """What is told about a page, and each row of it."""

    ROWS = "its rows, as `edges` or as `nodes`"
    TOTAL = "how many rows the list has"
    POSITION = "the position it is read at"
    INFO = "`pageInfo`"
    FOLLOWS = "whether rows follow"
    PRECEDES = "whether rows come before"
    START = "the first row's cursor"
    END = "the last row's cursor"
    CURSOR = "a row's cursor"
    NODE = "the row itself"
    COUNT = "how many rows a group has"


Meaning = Column | Since | One | Link | Id | ById | ByIds | Listing | Report | Groups | Figure | Part
