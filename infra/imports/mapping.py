"""A saved mapping: how a company's file becomes rows of a kind, as a TOML file that people read and edit."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from domain.records import Record
from infra.imports.kinds import KINDS
from infra.imports.steps import BadMapping, Job
from infra.imports.tables import Shape

NOTHING: Mapping[str, str] = MappingProxyType({})


class Saved(Record, forbid_unknown_fields=True):
    """What a mapping file says; all of it can be left out."""

    kind: str | None = None
    """What the rows are."""
    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header: tuple[str, ...] | None = None
    """The file's columns, where it does not begin with them."""
    time_zone: str | None = None
    """Of dates and times that name none (IANA)."""
    date_formats: tuple[str, ...] = ()
    """How dates and times are written, as of `strptime`, beside ISO 8601."""
    columns: Mapping[str, str] = NOTHING
    """Field to column, where the names differ."""
    constants: Mapping[str, str] = NOTHING
    """Field to value, the same for every row."""
    values: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    """By field, what a text of the file stands for; texts that are not there stay as they are."""

    def over(self, other: Saved) -> Saved:
        """The other mapping, but for what this one says."""
        said = {
            name: {**getattr(other, name), **value} if isinstance(value, Mapping) else value
            for name in Saved.__struct_fields__
            if (value := getattr(self, name))
        }
        return msgspec.structs.replace(other, **said)

    def shape(self) -> Shape:
        return Shape(
            format=self.format,
            encoding=self.encoding,
            delimiter=self.delimiter,
            sheet=self.sheet,
            columns=self.header,
        )

    def job(self, **more: Any) -> Job:
        """What the rows are, to whom the mapping's kind is known."""
        assert self.kind is not None
        return Job(
            kind=KINDS[self.kind],
            columns=self.columns,
            constants=self.constants,
            values=self.values,
            date_formats=self.date_formats,
            zone=self.time_zone or "UTC",
            **more,
        )


def load(path: Path) -> Saved:
    """Raises `BadMapping` where it is none."""
    try:
        saved = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), Saved)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadMapping(f"{path} is not a mapping: {error}") from None
    if saved.kind is not None and saved.kind not in KINDS:
        raise BadMapping(f"{path}: there is no kind {saved.kind!r}; there are {', '.join(KINDS)}")
    try:
        ZoneInfo(saved.time_zone or "UTC")
    except (LookupError, ValueError, OSError):
        raise BadMapping(f"{path}: {saved.time_zone!r} is not a time zone, such as Asia/Shanghai") from None
    return saved


def save(saved: Saved, path: Path) -> None:
    """Write a mapping; only a mapping is ever replaced. Raises `BadMapping`."""
    if path.exists():
        load(path)
    path.write_text("\n".join(_toml(saved)) + "\n", encoding="utf-8")


def _toml(saved: Saved) -> Iterator[str]:
    tables = {
        "columns": saved.columns,
        "constants": saved.constants,
        **{f"values.{_text(field)}": texts for field, texts in saved.values.items()},
    }
    for name in Saved.__struct_fields__:
        value = getattr(saved, name)
        if isinstance(value, str):
            yield f"{name} = {_text(value)}"
        elif isinstance(value, tuple) and value:
            yield f"{name} = [{', '.join(map(_text, value))}]"
    for title, entries in tables.items():
        if entries:
            yield ""
            yield f"[{title}]"
            yield from (f"{_text(key)} = {_text(value)}" for key, value in entries.items())


def _text(text: str) -> str:
    """A basic string of TOML, which is one of JSON but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
