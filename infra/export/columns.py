"""Which Arrow column a declared field becomes: its type, whether it may be null, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from typing import Any, get_type_hints

from domain.events import Recorded
from infra.archive.files import Row
from infra.arrow import arrow
from infra.log.reading import NAMES
from projections.view import Field, member_docs

SINCE = Field(name="since", type=int, doc="The position from which this version holds.")
UNTIL = Field(
    name="until", type=int, optional=True, doc="The position from which it does not hold any more, if any."
)
_BESIDES: Mapping[str, Field] = {
    "name": Field(name="name", type=str, doc="The event's stored name."),
    "schema": Field(name="schema", type=int, doc="The version of its fields."),
    "data": Field(name="data", type=str, personal=True, doc="Its fields, as they were stored: JSON."),
}
"""Columns of the log that are not in the envelope."""


def _envelope() -> tuple[Field, ...]:
    hints, docs = get_type_hints(Recorded), member_docs(Recorded)
    return tuple(
        _BESIDES.get(name)
        or Field(
            name=name,
            type=next(kind for kind in (int, datetime, str) if hints[name] in (kind, kind | None)),
            optional=hints[name] == str | None,
            doc=docs[name],
        )
        for name in NAMES
    )


EVENT = _envelope()
"""The columns of an event, in the order in which the log is read."""


class Columns:
    """The columns of an export, and how rows become Arrow; for that, pyarrow is needed.

    Each tells its meaning (with its unit) as `kehu.doc`, and `kehu.key`, `kehu.ref` and `kehu.personal`
    where it is so; `about` says of the whole what it is. Times are microseconds in UTC.
    """

    def __init__(self, fields: Sequence[Field], about: Mapping[str, str], key: Sequence[str] = ()) -> None:
        self.fields, self._about, self._key = tuple(fields), about, key
        self._values = [_values(field) for field in fields]

    @cached_property
    def schema(self) -> Any:
        """The Arrow schema. Raises `ArrowMissing`."""
        pa, _, _ = arrow()
        columns = [
            pa.field(f.name, _type(f), nullable=f.optional, metadata=_said(f, f.name in self._key))
            for f in self.fields
        ]
        return pa.schema(columns, metadata={f"kehu.{name}": text for name, text in self._about.items()})

    def table(self, rows: Sequence[Row]) -> Any:
        """Rows of these columns, in their order, as an Arrow table. Raises `ArrowMissing`."""
        pa, _, _ = arrow()
        columns = zip(*rows, strict=True) if rows else [()] * len(self.fields)
        described = zip(columns, self.schema, self._values, strict=True)
        arrays = [_array(column, field.type, values) for column, field, values in described]
        return pa.Table.from_arrays(arrays, schema=self.schema)


def _values(field: Field) -> list[str]:
    """All values of an enum's column; a list of enums is a list of texts."""
    return [member.value for member in field.type] if issubclass(field.type, Enum) and not field.many else []


def _type(field: Field) -> Any:
    pa, _, _ = arrow()
    if _values(field):
        return pa.dictionary(pa.int32(), pa.string())
    simple = {
        int: pa.int64(),
        bool: pa.bool_(),
        float: pa.float64(),
        datetime: pa.timestamp("us", "UTC"),
        date: pa.date32(),
    }.get(field.type, pa.string())
    return pa.list_(simple) if field.many else simple


def _array(column: Sequence[Any], kind: Any, values: Sequence[str]) -> Any:
    """An enum's dictionary is the same in every batch: files of Arrow can hold one only."""
    pa, compute, _ = arrow()
    if not values:
        return pa.array(column, kind)
    texts, dictionary = pa.array(column, pa.string()), pa.array(values, pa.string())
    places = compute.index_in(texts, value_set=dictionary)
    if places.null_count > texts.null_count:
        raise ValueError(f"a value is none of {', '.join(values)}: build the view anew")
    return pa.DictionaryArray.from_arrays(places, dictionary)


def _said(field: Field, is_key: bool) -> dict[str, str]:
    said = {"doc": field.doc, "ref": field.ref or ""}
    said |= {"personal": "true" if field.personal else "", "key": "true" if is_key else ""}
    return {f"kehu.{name}": text for name, text in said.items() if text}
