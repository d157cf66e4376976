"""Why a row is as it is: on every row a field that tells which events changed it, and what they changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from api.build import Argument, bare, field, list_of, object_type
from api.call import call
from api.events import Event
from api.nouns import Links
from api.pages import DEFAULT_PAGE, require_page
from api.policy import require_unmasked
from api.rights import readable
from api.scalars import Int64
from api.views import ViewType, given
from domain.events import Event as DomainEvent
from domain.events import Recorded
from infra.views.explaining import Change, explain
from infra.views.reader import Found

MEANING = (
    "Which events made the row what it is, the latest first: what each changed, and what lay behind."
    " Of one field, where one is named. Up to the moment that the row is shown as of."
)


def links(types: Mapping[str, ViewType]) -> Mapping[str, Links]:
    """The field `explain` for the rows of every view."""
    return {name: {"explain": _link(kind)} for name, kind in types.items()}


def _link(kind: ViewType) -> tuple[Any, Any]:
    columns = _columns(kind)
    change, view = _change_type(kind, columns), kind.declaration

    async def resolve(root: Found, info: Info, *, first: int, field: Any = None) -> list[dict[str, Any]]:
        require_page(first)
        context, column = call(info), given(field)
        await context.table(view.name, root.at)
        sight = context.sight(view.name)
        require_unmasked(sight, sight.where, [] if column is None else [column.value])
        changes = await explain(
            context.reader,
            view.name,
            view.key_of(root.row),
            root.at,
            field=column and column.value,
            first=first,
            sight=sight,
        )
        told = [_told(one, columns, await readable(context, one.because)) for one in changes]
        read = {event.position for event in await readable(context, [one.event for one in changes])}
        return [one for one in told if one["since"] in read]

    arguments = {
        "field": Argument(columns | None, "Only the changes of this field.", strawberry.UNSET),
        "first": Argument(int, "How many changes, the latest ones.", DEFAULT_PAGE),
    }
    return list_of(change), field(list_of(change), resolve, arguments, MEANING)


def _told(change: Change, columns: Any, because: Sequence[Recorded[DomainEvent]]) -> dict[str, Any]:
    return {
        "event": change.event,
        "since": change.event.position,
        "until": change.until,
        "before": change.before,
        "after": change.after,
        "changed": [columns(name) for name in change.changed],
        "because": because,
    }


def _columns(kind: ViewType) -> Any:
    """The enum of the view's fields."""
    names = {f.name.upper(): f.name for f in kind.declaration.fields}
    made: Any = Enum(f"{kind.name}Field", names)  # type: ignore[misc]  # made at run time
    columns: Any = strawberry.enum(made, description=f"The fields of {kind.name}.")
    for value in columns.__strawberry_definition__.values:
        value.description = kind.declaration.field(value.value).doc or None
    return columns


def _change_type(kind: ViewType, columns: Any) -> type[Any]:
    def said(description: str) -> Any:
        return strawberry.field(description=description)

    fields = {
        "event": (Event, said("What happened; where all rows are computed together, the day's end.")),
        "since": (Int64, said("The event's position, from which the row is `after`.")),
        "until": (Int64 | None, said("Where the next change came; null while this one holds.")),
        "before": (kind.row | None, said("The row until then; null where it began.")),
        "after": (kind.row | None, said("The row from then on; null where it ended.")),
        "changed": (list_of(columns), said("The fields that differ; those set, where the row began.")),
        "because": (
            list[Event],
            said(
                "Where all rows are computed together: the policies that decided, and what had happened"
                " to the rows with its key that it was computed from, since the change before."
            ),
        ),
    }
    return object_type(bare(f"{kind.name}Change"), fields, f"What one event made of a row: {kind.name}.")
