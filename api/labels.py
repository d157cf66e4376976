"""What people read for the values of enums: `enumLabels`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import GraphQLEnumType
from strawberry.types import Info

from api.build import Argument, bare, enum, field, list_of, object_type
from api.call import call
from api.languages import Language, label
from api.views import given

OF_COLUMNS = ("Field", "Column")
"""How enums end that name columns: these are names, not terms."""


def labels_field() -> tuple[Any, Any]:
    """The type and the root field of `enumLabels`."""

    def said(description: str) -> Any:
        return strawberry.field(description=description)

    fields = {
        "enum": (str, said("The enum's name in this schema, such as `Tier`.")),
        "value": (str, said("The value's name, such as `PLATINUM`.")),
        "label": (str, said("What people read, such as 铂金.")),
    }
    made = list_of(object_type(bare("EnumLabel"), fields, "What people read for one value of an enum."))
    unset = strawberry.UNSET
    arguments = {
        "enums": Argument(list_of(str) | None, "Only of these enums, by name; of all, if left out.", unset),
        "language": Argument(
            enum(Language) | None, "In which language; by `Accept-Language`, if left out.", unset
        ),
    }
    words = "The labels of all enum values (枚举标签), for lists and forms; the schema's names stay English."
    return made, field(made, _labels, arguments, words)


async def _labels(_: Any, info: Info, enums: Any = None, language: Any = None) -> list[dict[str, str]]:
    chosen, wanted = given(language) or call(info).language, given(enums)
    return [
        {"enum": kind.name, "value": name, "label": label(kind.name, name, chosen)}
        for kind in labelled(info.schema._schema.type_map)
        if wanted is None or kind.name in wanted
        for name in kind.values
    ]


def labelled(types: Mapping[str, Any]) -> list[GraphQLEnumType]:
    """The enums of a schema whose values are terms, by name."""
    return [
        kind
        for name, kind in sorted(types.items())
        if isinstance(kind, GraphQLEnumType) and not name.startswith("__") and not name.endswith(OF_COLUMNS)
    ]
