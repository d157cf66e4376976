"""Makes strawberry types and resolvers out of declarations: here alone are types made at run time."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from enum import Enum
from types import GenericAlias
from typing import Annotated, Any

import strawberry
from strawberry.types import Info

from projections.view import member_docs

Resolve = Callable[..., Awaitable[Any]]

MEANING = "kehu-meaning"

_enums: dict[type[Enum], Any] = {}


def list_of(kind: Any) -> Any:
    """`list[kind]` of a type that is made at run time."""
    return GenericAlias(list, kind)


class Argument:
    """One argument of a field: its type, its meaning, and its default where it has one."""

    def __init__(self, type: Any, description: str = "", default: Any = inspect.Parameter.empty) -> None:
        self.type, self.description, self.default = type, description, default

    @property
    def annotation(self) -> Any:
        if not self.description:
            return self.type
        return Annotated[self.type, strawberry.argument(description=self.description)]


def enum(kind: type[Enum]) -> Any:
    """The GraphQL enum of a domain enum; made once."""
    if kind not in _enums:
        made: Any = strawberry.enum(kind, description=inspect.cleandoc(kind.__doc__ or ""))
        docs = member_docs(kind)
        for value in made.__strawberry_definition__.values:
            value.description = docs.get(value.name)
        _enums[kind] = made
    return _enums[kind]


def field(
    returns: Any,
    resolve: Resolve,
    arguments: Mapping[str, Argument] | None = None,
    description: str = "",
    name: str | None = None,
    meaning: Any = None,
) -> Any:
    """A field that `resolve(root, info, **arguments)` answers; with a `meaning`, it can be compiled, too."""

    async def resolver(root: Any, info: Info, **given: Any) -> Any:
        return await resolve(root, info, **given)

    _annotate(resolver, returns, arguments or {})
    return strawberry.field(
        resolver=resolver, description=description or None, name=name, metadata=meant(meaning)
    )


def stream(
    returns: Any,
    follow: Callable[..., AsyncGenerator[Any]],
    arguments: Mapping[str, Argument],
    description: str,
) -> tuple[Any, Any]:
    """A subscription's field and its type: each thing that `follow(info, **arguments)` finds is a message."""

    async def resolver(root: Any, info: Info, **given: Any) -> Any:
        async with aclosing(follow(info, **given)) as messages:
            async for message in messages:
                yield message

    messages = AsyncGenerator[returns, None]
    _annotate(resolver, messages, arguments)
    return messages, strawberry.subscription(resolver=resolver, description=description)


def _annotate(resolver: Any, returns: Any, arguments: Mapping[str, Argument]) -> None:
    """Say what a resolver takes and returns, for strawberry to read."""
    positional, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("root", positional),
        inspect.Parameter("info", positional, annotation=Info),
        *(
            inspect.Parameter(name, keyword, annotation=argument.annotation, default=argument.default)
            for name, argument in arguments.items()
        ),
    ]
    resolver.__signature__ = inspect.Signature(parameters, return_annotation=returns)
    resolver.__annotations__ = {
        "info": Info,
        "return": returns,
        **{name: argument.annotation for name, argument in arguments.items()},
    }


def meant(meaning: Any) -> Mapping[Any, Any]:
    """The metadata of a field that the compiler is to understand; see `api.meaning`."""
    return {} if meaning is None else {MEANING: meaning}


def bare(name: str, *interfaces: type[Any], **more: Any) -> type[Any]:
    """A class that other types may name before `object_type` fills it in."""
    return type(name, interfaces, {"__annotations__": {}, "__module__": __name__, **more})


Fields = Mapping[str, tuple[Any, Any]]
"""Each field's type, and the `strawberry.field` that describes it, or None."""


def object_type(cls: type[Any], fields: Fields, description: str = "") -> type[Any]:
    """Fill a bare class in as an object type."""
    return strawberry.type(_filled(cls, fields), name=cls.__name__, description=description)


def fill_input(cls: type[Any], fields: Fields, description: str = "") -> type[Any]:
    """Fill a bare class in as an input type."""
    return strawberry.input(_filled(cls, fields), name=cls.__name__, description=description)


def input_type(name: str, fields: Fields, description: str = "") -> type[Any]:
    return fill_input(bare(name), fields, description)


def _filled(cls: type[Any], fields: Fields) -> type[Any]:
    for name, (kind, made) in fields.items():
        cls.__annotations__[name] = kind
        if made is not None:
            setattr(cls, name, made)
    return cls
