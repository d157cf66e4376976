"""A report as a file: its arguments from texts, its rows as of a position, and the formats of files."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, BinaryIO

import asyncpg
import msgspec

from domain.records import Record
from infra.archive.files import Row
from infra.charts import drawn
from infra.export.columns import Columns
from infra.export.files import FORMATS, CsvSink, Sink
from infra.views.reader import ViewReader
from projections.view import Field, Report

MEDIA: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "svg": "image/svg+xml",
}
"""The formats of reports, each with its media type."""
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}".encode()
GUARDED = tuple("=+-@\t\r\n＝＋－＠'")
"""With which of these a text may begin a formula (OWASP, CSV Injection); and `'` itself, so that it can be
told from one that guards."""


class BadArgument(Exception):
    """An argument of a report that cannot be: its name, and the rule."""

    def __init__(self, name: str, rule: str) -> None:
        super().__init__(f"{name}: {rule}")
        self.name, self.rule = name, rule


class Asked(Record):
    """A report, what it is asked with, and as of which position."""

    report: Report
    values: Mapping[str, Any]
    """A value, or None, for each of its arguments."""
    position: int | None = None
    """None is as far as its views have come, but not before `least`."""
    least: int = 0


class Answer(Record):
    """What a report said, true at a position."""

    asked: Asked
    tenant: str
    position: int
    recorded_at: datetime | None
    """When that position was recorded; None before the first event."""
    rows: tuple[Row, ...]
    """In the order of the report's fields."""

    @property
    def columns(self) -> Columns:
        report = self.asked.report
        about = {"tenant": self.tenant, "report": report.name, "position": str(self.position)}
        about |= {f"argument.{name}": str(v) for name, v in self.asked.values.items() if v is not None}
        return Columns(report.fields, {**about, "doc": report.doc})


class Manner(Record):
    """How a CSV is written."""

    raw: bool = False
    """Texts as they are, also those that a spreadsheet takes for formulas."""
    bom: bool = False
    """A byte order mark before the first line: by it Excel knows UTF-8."""


# --- Asking ---------------------------------------------------------------------------------------


def arguments(report: Report, given: Mapping[str, str]) -> dict[str, Any]:
    """A value for each argument of a report, None where it is left out. Raises `BadArgument`."""
    known = {field.name: field for field in report.arguments}
    if unknown := sorted(given.keys() - known.keys()):
        takes = ", ".join(known) or "none"
        raise BadArgument(unknown[0], f"the report {report.name} has no such argument; it takes {takes}")
    return {name: _value(field, given[name]) if name in given else None for name, field in known.items()}


def _value(field: Field, text: str) -> Any:
    words, read = _READERS.get(field.type, ("a text", str))
    if issubclass(field.type, Enum):
        words, read = f"one of {', '.join(member.value for member in field.type)}", field.type
    try:
        if "\0" in text:
            raise ValueError
        return read(text)
    except (ValueError, OverflowError):
        raise BadArgument(field.name, f"takes {words}, not {text!r}") from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _day(text: str) -> date:
    if len(text) != len("1997-12-31"):
        raise ValueError
    return date.fromisoformat(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


_READERS: Mapping[type, tuple[str, Callable[[str], Any]]] = {
    int: ("a whole number", int),
    float: ("a number", _number),
    bool: ("true or false", _truth),
    date: ("a day, such as 1997-12-31", _day),
    datetime: ("a time, such as 1997-12-31T12:00Z (UTC, unless it names a zone)", _moment),
}


async def answer(reader: ViewReader, asked: Asked) -> Answer:
    """Ask a report. Raises `NotReached`, and `BadArgument` for a value that no view can be asked for."""
    report, least = asked.report, asked.least if asked.position is None else asked.position
    standing = await reader.reached(report.reads, least)
    lowest, recorded_at = standing.lowest(report.reads)
    at = lowest if asked.position is None else asked.position
    if at != lowest:
        last = await reader.log.read(at - 1, limit=1) if at else []
        recorded_at = last[0].recorded_at if last else None
    try:
        found = await reader.report(report, standing, at, asked.values)
    except asyncpg.DataError as error:
        given = ", ".join(name for name, value in asked.values.items() if value is not None)
        raise BadArgument(given, f"lies outside of what can be looked up ({error})") from None
    rows = tuple(tuple(row[field.name] for field in report.fields) for row in found)
    return Answer(asked=asked, tenant=reader.log.tenant, position=at, recorded_at=recorded_at, rows=rows)


# --- Writing --------------------------------------------------------------------------------------


def written(answered: Answer, form: str, manner: Manner | None = None) -> bytes:
    """The answer in one of the formats: the same answer gives the same bytes.

    Raises `ArrowMissing`, `ChartsMissing`, `NoChart`.
    """
    out, columns = io.BytesIO(), answered.columns
    match form:
        case "json":
            return _json(answered)
        case "svg":
            return drawn(answered.asked.report, answered.rows, _moment_of(answered))
        case "csv":
            sink = _csv(out, columns, manner or Manner())
        case _:
            sink = FORMATS[form](out, columns)
    if answered.rows:
        sink.write(answered.rows)
    sink.close()
    return out.getvalue()


def _moment_of(answered: Answer) -> str:
    """For people: when the answer is true."""
    at = f" ({answered.recorded_at:%Y-%m-%d %H:%M} UTC)" if answered.recorded_at else ""
    return f"as of position {answered.position:,}{at}"


def _csv(out: BinaryIO, columns: Columns, manner: Manner) -> Sink:
    if manner.bom:
        out.write(BOM)
    return CsvSink(out, columns) if manner.raw else GuardedCsvSink(out, columns)


class GuardedCsvSink(CsvSink):
    """CSV that a spreadsheet may open: no text in it is taken for a formula, and none is lost.

    A text that begins with one of `GUARDED` gets a `'` before it. To read the file back exactly, take one
    `'` away from the beginning of every text that has one. Numbers and days stay as they are.
    """

    def write(self, rows: Sequence[Row]) -> None:
        super().write([[guarded(value) for value in row] for row in rows])


def guarded(value: Any) -> Any:
    """A value of a cell, its text kept from beginning a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(GUARDED) else value


def _json(answered: Answer) -> bytes:
    asked = answered.asked
    names = [field.name for field in asked.report.fields]
    moment = {"position": answered.position, "recorded_at": answered.recorded_at}
    said = {
        "report": asked.report.name,
        "arguments": {name: value for name, value in asked.values.items() if value is not None},
        "as_of": moment,
        "rows": [dict(zip(names, row, strict=True)) for row in answered.rows],
    }
    return msgspec.json.encode(said) + b"\n"
