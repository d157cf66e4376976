"""Which part of a list is asked for, and where it begins and ends: page sizes and cursors, as in Relay."""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec
import orjson
import strawberry

from api.build import Argument, meant
from api.errors import refused
from api.meaning import Part
from api.scalars import moment_text
from infra.views.conditions import Order, complete_order
from infra.views.reader import Found
from projections.view import Declaration

DEFAULT_PAGE, LARGEST_PAGE = 50, 1_000
ENDS = ("after", "before")
"""The arguments that are cursors."""


def part(part: Part, description: str) -> Any:
    """A field of a connection, of an edge or of `PageInfo`."""
    return strawberry.field(description=description, metadata=meant(part))


@strawberry.type(description="Where a page begins and ends.")
class PageInfo:
    has_next_page: bool = part(
        Part.FOLLOWS,
        "Whether rows follow the page: with `first`, before the row of `before`, where that is given;"
        " with `last`, the row of `before` and what comes after it.",
    )
    has_previous_page: bool = part(
        Part.PRECEDES,
        "Whether rows come before the page: with `last`, after the row of `after`, where that is given;"
        " with `first`, the row of `after` and what comes before it.",
    )
    start_cursor: str | None = part(Part.START, "The first row's cursor: give it as `before`.")
    end_cursor: str | None = part(Part.END, "The last row's cursor: give it as `after`.")
    told: strawberry.Private[tuple[str, ...]] = ()
    """The personal columns that the cursors tell."""
    view: strawberry.Private[str] = ""
    """The view of which they are."""


def arguments(rows: str) -> dict[str, Argument]:
    """The arguments that say which part of a list is wanted."""
    return {
        "first": Argument(
            int | None,
            f"How many {rows} from the front, {LARGEST_PAGE} at most;"
            f" {DEFAULT_PAGE} where `last` is not given either.",
            strawberry.UNSET,
        ),
        "after": Argument(
            str | None, "The cursor of the row before the first one of the page.", strawberry.UNSET
        ),
        "last": Argument(
            int | None,
            f"How many {rows} from the end, {LARGEST_PAGE} at most, in the same order; not with `first`.",
            strawberry.UNSET,
        ),
        "before": Argument(
            str | None, "The cursor of the row after the last one of the page.", strawberry.UNSET
        ),
    }


def page_size(first: Any, last: Any) -> tuple[Any, bool]:
    """The size of a page, and whether it is counted from the end. Raises BAD_PAGE."""
    if first is not None and last is not None:
        raise refused("BAD_PAGE", "first, last: give one of them, not both")
    if last is not None:
        return last, True
    return (DEFAULT_PAGE if first is None else first), False


def require_page(size: int, name: str = "first") -> None:
    if not 0 <= size <= LARGEST_PAGE:
        raise refused("BAD_PAGE", f"{name}: must be between 0 and {LARGEST_PAGE}")


# --- Cursors --------------------------------------------------------------------------------------


def cursor_of(declaration: Declaration, order: Sequence[Order], found: Found) -> str:
    """Where a row stands: its sort values, and the position the list was read at."""
    values = [written(getattr(found.row, o.column)) for o in complete_order(declaration, order)]
    return base64.urlsafe_b64encode(orjson.dumps([found.at, *values])).decode()


def told_by_cursors(declaration: Declaration, order: Sequence[Order]) -> tuple[str, ...]:
    """The personal columns whose values the cursors of a list tell."""
    columns = (declaration.field(o.column) for o in complete_order(declaration, order))
    return tuple(sorted(f.name for f in columns if f.personal and declaration.subject is not None))


def written(value: Any) -> Any:
    """A value in a cursor or an id: as PostgreSQL, which makes cursors too, writes it."""
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    if isinstance(value, datetime):
        return moment_text(value)
    return value.value if isinstance(value, Enum) else value


def read_value(value: Any, kind: type) -> Any:
    """What `written` made of a value of that type. Raises `MsgspecError`, `ValueError` and their like."""
    if value is None:
        return None
    if kind is float:
        [number] = struct.unpack(">d", bytes.fromhex(value))
        return number
    return msgspec.convert(value, kind)


def parse_cursors(
    declaration: Declaration, order: Sequence[Order], cursors: Mapping[str, str]
) -> tuple[int, dict[str, list[Any]]]:
    """The position behind the cursors of a list in this order, and the sort values behind each.

    Raises BAD_CURSOR.
    """
    read = {name: _parsed(name, declaration, order, cursor) for name, cursor in cursors.items()}
    positions = sorted({at for at, _ in read.values()})
    if len(positions) > 1:
        raise refused(
            "BAD_CURSOR",
            f"after, before: belong to lists as of two positions, {positions[0]} and {positions[1]}",
        )
    return positions[0], {name: values for name, (_, values) in read.items()}


def _parsed(
    name: str, declaration: Declaration, order: Sequence[Order], cursor: str
) -> tuple[int, list[Any]]:
    columns = [declaration.field(o.column) for o in complete_order(declaration, order)]
    try:
        at, *values = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=list[Any])
        typed = [read_value(value, column.type) for column, value in zip(columns, values, strict=True)]
        return msgspec.convert(at, int), typed
    except (msgspec.MsgspecError, binascii.Error, struct.error, TypeError, ValueError):
        raise refused("BAD_CURSOR", f"{name}: is not a cursor of this list in this order") from None
