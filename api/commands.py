"""How a declared command looks in GraphQL: a mutation with an input, a payload and typed errors."""

from __future__ import annotations

import inspect
import re
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
import strawberry
from strawberry.types import Info
from strawberry.utils.str_converters import to_camel_case

from api.build import Argument, bare, enum, field, input_type, object_type
from api.call import Call, call
from api.scalars import Int64
from api.views import ViewType, given, optional
from domain.commands import METADATA, Command, parse
from domain.decider import Decider
from domain.errors import DomainError
from infra.engine import Executed
from infra.log import CommandIdReused
from infra.view_reader import Found

SCALARS: Mapping[Any, Any] = {str: str, bool: bool, int: Int64, float: float, datetime: datetime, date: date}


# --- Errors ---------------------------------------------------------------------------------------


@strawberry.interface(description="A rule that a command broke; nothing was recorded.")
class Error:
    code: str = strawberry.field(description="The rule's stable name; the type's name too.")
    message: str = strawberry.field(description="The rule in words, with the values that broke it.")
    field: str | None = strawberry.field(description="The input's field that broke it, as `rules[0].minOrders`.")


class Refusal:
    """A domain error as GraphQL tells it."""

    def __init__(self, error: DomainError | CommandIdReused) -> None:
        if isinstance(error, DomainError):
            self.code, self.message, at = error.code, error.message, error.at
        else:
            self.code, self.message, at = "IdempotencyKeyReused", str(error), "idempotency_key"
        self.field = ".".join(to_camel_case(part) for part in at.split(".")) if at else None


def error_types() -> list[type[Any]]:
    """An object type for each error that a command can meet."""
    named = {cls.__name__: inspect.cleandoc(cls.__doc__ or "") for cls in _subclasses(DomainError)}
    named["IdempotencyKeyReused"] = "The idempotency key was used before, for another command."
    return [_error_type(name, rule) for name, rule in sorted(named.items())]


def _error_type(name: str, rule: str) -> type[Any]:
    def is_type_of(cls: Any, source: Any, _: Any) -> bool:
        return isinstance(source, Refusal) and source.code == name

    cls = type(name, (Error,), {"__annotations__": {}, "__module__": __name__, "is_type_of": classmethod(is_type_of)})
    return strawberry.type(cls, name=name, description=re.sub(r"[{}]|![rs]", "", rule))


def _subclasses(cls: type[DomainError]) -> Iterator[type[DomainError]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


# --- Inputs ---------------------------------------------------------------------------------------


class Inputs:
    """The input types of commands, and of the records in them; each made once."""

    def __init__(self) -> None:
        self._records: dict[type[Any], Any] = {}

    def of_command(self, command: type[Command]) -> Any:
        fields = self._fields(command, skip=METADATA)
        fields["idempotency_key"] = (
            str | None,
            optional("The same key again gives the first answer again; keep it until you have the answer."),
        )
        fields["occurred_at"] = (datetime | None, optional("When it happened; now, where it is left out."))
        fields["on_behalf_of"] = (str | None, optional("For whom the actor acts."))
        fields["causation_id"] = (str | None, optional("What led to this."))
        fields["correlation_id"] = (str | None, optional("The conversation that this belongs to."))
        fields["source"] = (str | None, optional("Where it came from."))
        return input_type(f"{command.__name__}Input", fields, inspect.cleandoc(command.__doc__ or ""))

    def _of_record(self, record: type[Any]) -> Any:
        if record not in self._records:
            doc = inspect.cleandoc(record.__doc__ or "")
            self._records[record] = input_type(f"{record.__name__}Input", self._fields(record), doc)
        return self._records[record]

    def _fields(self, record: type[Any], skip: Sequence[str] = ()) -> dict[str, tuple[Any, Any]]:
        hints = get_type_hints(record, include_extras=True)
        fields: dict[str, tuple[Any, Any]] = {}
        for f in msgspec.structs.fields(record):
            if f.name in skip:
                continue
            kind = self._type(hints[f.name])
            fields[f.name] = (kind, strawberry.field()) if f.required else (kind | None, optional())
        return fields

    def _type(self, hint: Any) -> Any:
        if get_origin(hint) is Annotated:
            return self._type(get_args(hint)[0])
        if get_origin(hint) in (Union, types.UnionType):
            inner = next(part for part in get_args(hint) if part is not type(None))
            return self._type(inner) | None
        if get_origin(hint) is tuple:
            return list[self._type(get_args(hint)[0])]  # type: ignore[misc]  # a type made here
        if issubclass(hint, Enum):
            return enum(hint)
        if issubclass(hint, msgspec.Struct):
            return self._of_record(hint)
        return SCALARS[hint]


def plain(value: Any) -> Any:
    """An input as `parse` takes it: what was left out is absent."""
    if hasattr(value, "__strawberry_definition__") and not isinstance(value, Enum):
        return {name: plain(part) for name, part in vars(value).items() if part is not strawberry.UNSET}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value


# --- Mutations ------------------------------------------------------------------------------------


class Payload:
    """What a mutation answers."""

    def __init__(self, done: Executed | None, row: Found | None, errors: Sequence[Refusal]) -> None:
        self.position = done and done.position
        self.recorded_at = done and done.appended.recorded_at
        self.repeated = done is not None and done.appended.repeated
        self.row, self.errors = row, errors


def mutation(command: type[Command], decider: Decider[Any], inputs: Inputs, answer: ViewType | None) -> tuple[Any, Any]:
    """The payload's type and the field of a mutation that does a command."""
    payload = _payload_type(command, answer)
    argument = Argument(inputs.of_command(command))

    async def resolve(_: Any, info: Info, input: Any) -> Payload:
        try:
            done = await call(info).tenant.engine.execute(_command(command, plain(input), call(info)))
        except (DomainError, CommandIdReused) as refused:
            return Payload(None, None, [Refusal(refused)])
        return Payload(done, await _row(call(info), decider, answer, done), [])

    return payload, field(payload, resolve, {"input": argument}, inspect.cleandoc(command.__doc__ or ""))


def _command(command: type[Command], fields: dict[str, Any], context: Call) -> Command:
    given_id = fields.pop("idempotency_key", None)
    when = fields.pop("occurred_at", None) or datetime.now(UTC)
    return parse(
        command,
        {
            **fields,
            "command_id": given_id or str(uuid.uuid4()),
            "actor": context.actor,
            "occurred_at": when,
        },
    )


async def _row(context: Call, decider: Decider[Any], answer: ViewType | None, done: Executed) -> Found | None:
    """The row that the command's aggregate shows as, right after the command."""
    if answer is None:
        return None
    id = done.appended.stream.removeprefix(f"{decider.name}-")
    customer = getattr(done.state, "customer_id", None)
    stream = done.appended.stream
    return await context.reader.row_after(answer.declaration.name, (id,), stream, customer, done.position)


def _payload_type(command: type[Command], answer: ViewType | None) -> type[Any]:
    fields: dict[str, tuple[Any, Any]] = {
        "position": (Int64 | None, strawberry.field(description="Of the last event that it led to.")),
        "recorded_at": (datetime | None, strawberry.field(description="When that was recorded.")),
        "repeated": (bool, strawberry.field(description="It was done before; this is the first answer again.")),
        "errors": (list[Error], strawberry.field(description="The rules it broke; empty where it was done.")),
    }
    if answer is not None:
        name = answer.name[0].lower() + answer.name[1:]
        fields["row"] = (
            answer.row | None,
            strawberry.field(name=name, description="How it stands right after the command."),
        )
    return object_type(bare(f"{command.__name__}Payload"), fields, f"What `{command.__name__}` led to.")


