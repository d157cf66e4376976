"""Rows by an id of their own, whatever their type: Relay's `Node`, `node(id:)` and `nodes(ids:)`."""

from __future__ import annotations

import asyncio
import base64
import binascii
import struct
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec
import orjson
import strawberry
from graphql import GraphQLSchema
from strawberry.types import Info

from api import meaning
from api.build import Argument, field, list_of
from api.call import call
from api.errors import refused
from api.pages import read_value, require_page, written
from domain.records import Record
from infra.views.reader import Found
from infra.views.tables import Key
from projections.view import Declaration, View

ID = "The row's own id, the same wherever it is met and unlike any other's. {}"
MOMENTS = (
    "It is opaque: ask `node(id:)` with it. As of a moment (`@asOf`) it names that moment, too, so that a"
    " client's cache does not take a row as it was for the row as it is."
)
DECLARATION = "declaration"
"""Which view a type's rows are of, in the type's extensions."""


def _type_of(row: View) -> str:
    return type(row).__name__


@strawberry.interface(description="A row of a view, which has an id of its own.")
class Node:
    id: strawberry.ID = strawberry.field(description=ID.format(MOMENTS))

    @classmethod
    def resolve_type(cls, found: Found, *_: Any) -> str:
        return _type_of(found.row)


# --- Ids ------------------------------------------------------------------------------------------


class NodeId(Record):
    """What an id names: the row of a type with this key, as of a position where there is one."""

    at: int | None
    type: str
    key: tuple[Any, ...]


class Id(str):
    """An id as it is given."""

    @cached_property
    def node(self) -> NodeId:
        """What it names. Raises BAD_ID."""
        try:
            at, kind, *key = msgspec.json.decode(base64.urlsafe_b64decode(self), type=list[Any])
            return NodeId(at=msgspec.convert(at, int | None), type=msgspec.convert(kind, str), key=tuple(key))
        except (msgspec.MsgspecError, binascii.Error, TypeError, ValueError):
            raise bad_id(f"{str(self)[:80]!r} is not an id that was given out here") from None


def ids_in(value: Any) -> Any:
    """A variable's value, with ids that know what they name."""
    if isinstance(value, list):
        return [ids_in(part) for part in value]
    return Id(value) if isinstance(value, str) else value


def bad_id(rule: str) -> Any:
    return refused("BAD_ID", f"id: {rule}")


def id_of(declaration: Declaration, at: int | None, row: View) -> str:
    """The id of a row, as PostgreSQL, which makes ids too, writes it."""
    key = [written(getattr(row, name)) for name in declaration.key]
    return base64.urlsafe_b64encode(orjson.dumps([at, declaration.row.__name__, *key])).decode()


def declared(core: GraphQLSchema, kind: str) -> Declaration:
    """The view whose rows are of a type. Raises BAD_ID."""
    found = core.type_map[kind].extensions.get(DECLARATION) if kind in core.type_map else None
    if not isinstance(found, Declaration):
        raise bad_id(f"there are no rows of a type {kind[:80]!r}")
    return found


def key_of(declaration: Declaration, id: NodeId) -> Key:
    """The key that an id names. Raises BAD_ID."""
    kinds = [declaration.field(name).type for name in declaration.key]
    try:
        return tuple(read_value(part, kind) for part, kind in zip(id.key, kinds, strict=True))
    except (msgspec.MsgspecError, struct.error, TypeError, ValueError):
        raise bad_id(f"it does not hold the key of a row of {id.type}") from None


def position_in(ids: Iterable[NodeId]) -> int | None:
    """The position that ids name; None where they name none. Raises BAD_ID where they name several."""
    positions = sorted({id.at for id in ids if id.at is not None})
    if len(positions) > 1:
        raise bad_id(f"rows as of two positions, {positions[0]} and {positions[1]}, are not in one answer")
    return positions[0] if positions else None


# --- Fields ---------------------------------------------------------------------------------------


def id_field(declaration: Declaration) -> tuple[Any, Any]:
    """The field `id` of a view's rows."""

    async def resolve(root: Found, info: Info) -> str:
        return id_of(declaration, call(info).named(root.at), root.row)

    described = ID.format(MOMENTS)
    made = field(strawberry.ID, resolve, None, described, meaning=meaning.Id(declaration=declaration))
    return strawberry.ID, made


def is_row(declaration: Declaration) -> Any:
    """Whether something that is resolved is a row of the view: what its type's `is_type_of` says."""
    return classmethod(
        lambda _, found, __: isinstance(found, Found) and _type_of(found.row) == declaration.row.__name__
    )


def root_fields() -> dict[str, tuple[Any, Any]]:
    """The root fields that find rows by their ids."""
    rule = "An id that names a position answers the whole operation as of it, as `@asOf` does."
    one = field(
        Node | None,
        _node,
        {"id": Argument(strawberry.ID, "The id, as the row told it.")},
        f"The row with this id, of whichever type; null where there is none. {rule}",
        meaning=meaning.ById(),
    )
    many = field(
        list_of(Node | None),
        _nodes,
        {"ids": Argument(list[strawberry.ID], "The ids, 1000 at most.")},
        f"The rows with these ids, in their order; null for each that is not there. {rule}",
        meaning=meaning.ByIds(),
    )
    return {"node": (Node | None, one), "nodes": (list_of(Node | None), many)}


async def _node(_: Any, info: Info, *, id: Any) -> Found | None:
    context, node = call(info), Id(id).node
    declaration = declared(info.schema._schema, node.type)
    return await context.row(declaration.name, key_of(declaration, node), context.at)


async def _nodes(_: Any, info: Info, *, ids: list[Any]) -> list[Found | None]:
    require_page(len(ids), "ids")
    return list(await asyncio.gather(*(_node(None, info, id=id) for id in ids)))
