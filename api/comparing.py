"""What has changed about a customer between two moments: everything that is kept of them, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import strawberry
from strawberry.types import Info

from api.build import Argument, bare, field, object_type
from api.call import Call, call
from api.errors import refused
from api.events import Event
from api.moments import AsOf, position_at
from api.pages import DEFAULT_PAGE, require_page
from api.policy import OWNER_OF, Right, Subject, require_unmasked, right
from api.rights import require_events_of
from api.scalars import Int64
from api.views import ViewType, given
from domain.events import Event as DomainEvent
from domain.events import Recorded
from domain.records import Record
from infra.log.reading import Selection
from infra.views.comparing import Difference, differences
from infra.views.conditions import Test
from infra.views.reader import Found
from projections.view import Declaration

NAME = "CustomerComparison"


class Comparison(Record):
    """A customer at two moments."""

    customer_id: str
    earlier: int
    later: int


def comparison_field(types: Mapping[str, ViewType]) -> tuple[Any, Any]:
    """The type and the root field of `compareCustomer`."""
    arguments = {
        "customer_id": Argument(str, "Whom to compare with themselves."),
        "earlier": Argument(AsOf, "The earlier moment."),
        "later": Argument(
            AsOf | None, "The later one; the moment of the answer, if left out.", strawberry.UNSET
        ),
    }
    made = _comparison_type(types[OWNER_OF])
    return made, field(made, _resolve, arguments, "What has changed about a customer between two moments.")


# --- Types ----------------------------------------------------------------------------------------


def _said(description: str) -> Any:
    return strawberry.field(description=description)


@strawberry.type(description="A field of a row that differs between two moments.")
class FieldDifference:
    field: str = strawberry.field(description="Its name, as the view has it.")
    before: str | None = strawberry.field(
        description="Its value at the earlier moment as JSON text; null where the row was not there."
    )
    after: str | None = strawberry.field(
        description="Its value at the later moment as JSON text; null where the row was not there any more."
    )


@strawberry.type(description="A row about the customer that differs between two moments.")
class RowDifference:
    view: str = strawberry.field(description="Which view it is a row of, such as `complaints`.")
    key: list[str] = strawberry.field(description="The row's key, the parts as JSON text.")
    began: bool = strawberry.field(description="It was not there at the earlier moment.")
    ended: bool = strawberry.field(description="It is not there at the later moment.")
    since: Int64 = strawberry.field(
        description="The position from which it has been so at the later moment; of one that has ended, the"
        " position from which it was so at the earlier one."
    )
    fields: list[FieldDifference] = strawberry.field(
        description="What differs; of a row that began or ended, what is set."
    )


def _comparison_type(customers: ViewType) -> type[Any]:
    before, after = "The file at the earlier moment", "The file at the later moment"
    each = {"first": Argument(int, "How many at most.", DEFAULT_PAGE)}
    rows, events = list[RowDifference], list[Event]
    row = customers.row | None
    fields = {
        "earlier": (Int64, _said("The earlier moment's position.")),
        "later": (Int64, _said("The later moment's position.")),
        "before": (row, field(row, _before, description=f"{before}, and all that belonged to it then.")),
        "after": (row, field(row, _after, description=f"{after}, and all that belongs to it then.")),
        "differences": (
            rows,
            field(rows, _differences, each, "Rows of every view that tell of the customer, if they differ."),
        ),
        "events": (
            events,
            field(events, _events, each, "What happened between the moments, the earliest first."),
        ),
    }
    return object_type(bare(NAME), fields, "A customer at two moments, and what has changed in between.")


# --- Answers --------------------------------------------------------------------------------------


async def _resolve(_: Any, info: Info, *, customer_id: str, earlier: AsOf, later: Any = None) -> Comparison:
    context, last = call(info), given(later)
    begin = await position_at(context, "earlier", earlier)
    end = context.at if last is None else await position_at(context, "later", last)
    if begin > end:
        raise refused("BAD_MOMENT", f"earlier: position {begin} comes after {end}, the later one")
    return Comparison(customer_id=customer_id, earlier=begin, later=end)


async def _before(root: Comparison, info: Info) -> Found | None:
    return await call(info).row(OWNER_OF, (root.customer_id,), root.earlier)


async def _after(root: Comparison, info: Info) -> Found | None:
    return await call(info).row(OWNER_OF, (root.customer_id,), root.later)


async def _differences(root: Comparison, info: Info, *, first: int) -> list[RowDifference]:
    require_page(first)
    context, found = call(info), list[RowDifference]()
    for declaration, column in _about_customers(context):
        if len(found) == first:
            break
        table, sight = await context.table(declaration.name, root.later), context.sight(declaration.name)
        where = Test(column=column, op="eq", value=root.customer_id)
        require_unmasked(sight, where)
        some = await differences(
            context.tenant.pool,
            context.tenant.name,
            table,
            root.earlier,
            root.later,
            where=where,
            sight=sight,
            first=first - len(found),
        )
        personal = {f.name for f in declaration.fields if f.personal} - sight.masked.keys()
        for one in map(_told, some):
            for name in personal & {told.field for told in one.fields}:
                context.seen.note(Subject("view", declaration.name), name, root.customer_id)
            found.append(one)
    return found


def _about_customers(context: Call) -> Iterator[tuple[Declaration, str]]:
    """The views that the caller may see whose rows are about a customer, and the column that names them."""
    for declaration in sorted(context.tenant.declarations.values(), key=_order):
        if right(context.caller, Subject("view", declaration.name)) is Right.NONE:
            continue
        columns = [f.name for f in declaration.fields if f.ref == OWNER_OF and not f.many]
        if declaration.name == OWNER_OF:
            columns = list(declaration.key)
        if columns:
            yield declaration, "customer_id" if "customer_id" in columns else columns[0]


def _order(declaration: Declaration) -> tuple[bool, str]:
    return declaration.name != OWNER_OF, declaration.name


def _told(difference: Difference) -> RowDifference:
    before, after = difference.before, difference.after
    return RowDifference(
        view=difference.view,
        key=[_text(part) for part in difference.key],
        began=before is None,
        ended=after is None,
        since=Int64(difference.since),
        fields=[
            FieldDifference(
                field=name,
                before=None if before is None else _text(before[name]),
                after=None if after is None else _text(after[name]),
            )
            for name in after or before or {}
        ],
    )


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


async def _events(root: Comparison, info: Info, *, first: int) -> list[Recorded[DomainEvent]]:
    require_page(first)
    context = call(info)
    await require_events_of(context, root.customer_id)
    between = Selection(customer_id=root.customer_id, until=root.later)
    return list(await context.tenant.log.select(between, after=root.earlier, limit=first))
