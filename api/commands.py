"""How a declared command looks in GraphQL: a mutation with an input, a payload and typed errors."""

from __future__ import annotations

import inspect
import re
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
import strawberry
from strawberry.types import Info
from strawberry.utils.str_converters import to_camel_case

from api.build import Argument, bare, enum, field, input_type, list_of, object_type
from api.call import Call, call
from api.languages import Language, message, worded
from api.rights import require_theirs, within_reach
from api.scalars import Int64
from api.views import ViewType, optional
from domain.commands import METADATA, Command, Named, parse
from domain.decider import Decider
from domain.errors import DomainError, InvalidInput
from domain.reads import KEY as READ
from infra.engine import Executed
from infra.log.units import CommandIdReused
from infra.views.reader import Found, masked
from projections.view import member_docs

MEANINGS: Mapping[str, str] = {
    "customer_id": "Whom it is about.",
    "interaction_id": "Which interaction; chosen by whoever records it.",
    "order_id": "Which order; chosen by whoever places it.",
    "complaint_id": "Which complaint; chosen by whoever receives it.",
    "transaction_id": "Which movement of points; chosen by whoever books it.",
    "payment_id": "Which payment; chosen by whoever receives it.",
    "refund_id": "Which refund; chosen by whoever pays it.",
    "policy_version": "The version's name.",
    "calendar_version": "The version's name.",
    "deadlines_version": "The version's name.",
    "analysis_version": "The version's name.",
    "effective_from": "The first day on which it holds.",
    "currency": "ISO 4217, such as EUR.",
    "total_minor": "The whole amount, in minor units (cents).",
    "amount_minor": "The amount, in minor units (cents).",
    "cost_minor": "What it costs us, in minor units (cents); nothing, where it is left out.",
    "items": "How many pieces.",
    "description": "What was ordered, in a few words.",
    "reason": "Why.",
    "name": "The person's or the firm's name.",
    "relation": "What the customer is to us (客户分类).",
    "region": "Where the customer is at home.",
    "language": "Which one to speak and write with the customer.",
    "birthday": "A person's day of birth.",
    "kind": "Which kind of it.",
    "value": "The number, address or handle.",
    "evidence": "What proved it: a document that was seen, a code that was answered.",
    "points": "How many points.",
    "expires_on": "The last day on which the points are good; they never expire, where it is left out.",
    "through": "The last day on which they were good.",
    "label": "What the customer calls it: home, work, …",
    "owner": "Who looks after the customer from now on.",
    "cause": "Why the customer left.",
    "offer": "What was offered for it.",
    "channel": "By which way it came about (多渠道).",
    "direction": "Who began it.",
    "stage": "Where it stands to a sale (售前、售中、售后).",
    "service_stage": "How far the service has come (服务四阶段).",
    "mood": "How the customer seemed (情绪).",
    "topic": "What it was about, in a few words.",
    "text": "What was said, in the customer's own words.",
    "duration_seconds": "How long it took.",
    "taker": "Who is responsible from now on.",
    "within_remit": "Whether who received it could finish it without anybody else.",
    "category": "What it is about (投诉内容).",
    "apology": "What the customer is told.",
    "severity": "How badly it hurts the customer.",
    "safety": "Whether somebody's safety is concerned.",
    "complexity": "1 lowest, 5 highest.",
    "impact": "How far it reaches: 1 lowest, 5 highest.",
    "immediate": "Whether something must be done at once.",
    "handler": "Who works on it from now on.",
    "finding": "What was found.",
    "justified": "Whether the customer is right.",
    "remedy": "What is offered.",
    "decision": "What was decided, in the words that the customer hears.",
    "verdict": "What the customer says.",
    "note": "What there is to add; required where nobody could be asked.",
    "root_cause": "Why it came about.",
    "to": "To whom.",
    "window_days": "How many days back orders count.",
    "cadence": "At the end of which periods customers are valued; months, where it is left out.",
    "rules": "One for each tier, best first; a customer is in the first whose rule they meet.",
    "tier": "The tier that the rule leads to.",
    "min_spend_minor": "What must have been spent, in minor units (cents); nothing, where it is left out.",
    "min_orders": "How many orders there must have been; none, where it is left out.",
    "time_zone": "Of the IANA database, such as Asia/Shanghai.",
    "hours": "For each weekday, Monday first, when it is open.",
    "holidays": "Days on which it stays closed.",
    "day": "The business day.",
}
"""What a command's field means, where the command itself does not say."""

RESERVED = ("day/", "import/", "demo/", READ)
"""How the keys begin that Kehu itself gives: to ended days, imported rows, the demo's data and reads."""
AHEAD = timedelta(days=1)
"""How far a caller's clock may go before ours."""

SCALARS: Mapping[Any, Any] = {str: str, bool: bool, int: Int64, float: float, datetime: datetime, date: date}


# --- Errors ---------------------------------------------------------------------------------------


@strawberry.interface(description="A rule that a command broke; nothing was recorded.")
class Error:
    code: str = strawberry.field(description="The rule's stable name; the type's name too.")
    message: str = strawberry.field(description="The rule in words, with the values that broke it.")
    field: str | None = strawberry.field(
        description="The input's field that broke it, as `rules[0].minOrders`."
    )


class Refusal:
    """A domain error as GraphQL tells it."""

    def __init__(self, error: DomainError | CommandIdReused, language: Language = Language.EN) -> None:
        if isinstance(error, DomainError):
            self.code, at = error.code, error.at
            self.field = _path(at) if at else None
            self.message = message(error, language, self.field)
        else:
            self.code, self.field = "IdempotencyKeyReused", "idempotencyKey"
            self.message = worded(self.code, language) or str(error)


def _path(at: str) -> str:
    """A command's field as the input calls it."""
    at = "idempotency_key" if at == "command_id" else at
    return ".".join(to_camel_case(part) for part in at.split("."))


def error_types() -> list[type[Any]]:
    """An object type for each error that a command can meet."""
    met = [cls for cls in _subclasses(DomainError) if cls.__module__.startswith("domain.")]
    named = {cls.__name__: inspect.cleandoc(cls.__doc__ or "") for cls in met if not cls.__subclasses__()}
    named["IdempotencyKeyReused"] = "The idempotency key was used before, for another command."
    return [_error_type(name, rule) for name, rule in sorted(named.items())]


def _error_type(name: str, rule: str) -> type[Any]:
    def is_type_of(cls: Any, source: Any, _: Any) -> bool:
        return isinstance(source, Refusal) and source.code == name

    cls = type(
        name, (Error,), {"__annotations__": {}, "__module__": __name__, "is_type_of": classmethod(is_type_of)}
    )
    return strawberry.type(cls, name=name, description=_words(rule))


def _words(rule: str) -> str:
    """A rule's template with the names of its values: `{open_minor}` reads `<openMinor>`."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda value: f"<{to_camel_case(value[1])}>", rule)


def _subclasses(cls: type[DomainError]) -> Iterator[type[DomainError]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


# --- Inputs ---------------------------------------------------------------------------------------


@strawberry.input(description="One stretch of a day in which the business is open.")
class OpeningHoursInput:
    opens: Int64 = strawberry.field(
        description="The minute of the local day at which it opens: 540 is 09:00."
    )
    closes: Int64 = strawberry.field(description="The minute at which it closes; 1440 is the end of the day.")


def _naming(named: Named) -> str:
    """What must hold of what an id names."""
    if named.live:
        return "It must exist, and must not have left."
    return "It must exist, and be the same customer's." if named.theirs else "It must exist."


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

    def of_record(self, record: type[Any]) -> Any:
        if record not in self._records:
            doc = inspect.cleandoc(record.__doc__ or "")
            self._records[record] = input_type(f"{record.__name__}Input", self._fields(record), doc)
        return self._records[record]

    def _fields(self, record: type[Any], skip: Sequence[str] = ()) -> dict[str, tuple[Any, Any]]:
        hints, docs = get_type_hints(record, include_extras=True), member_docs(record)
        fields: dict[str, tuple[Any, Any]] = {}
        for f in msgspec.structs.fields(record):
            if f.name in skip:
                continue
            kind, doc = self._type(hints[f.name]), docs.get(f.name) or MEANINGS.get(f.name, "")
            for named in getattr(record, "names", ()):
                doc += f" {_naming(named)}" if named.field == f.name else ""
            described = strawberry.field(description=doc or None) if f.required else optional(doc)
            fields[f.name] = (kind if f.required else kind | None, described)
        return fields

    def _type(self, hint: Any) -> Any:
        if get_origin(hint) is Annotated:
            return self._type(get_args(hint)[0])
        if get_origin(hint) in (Union, types.UnionType):
            inner = next(part for part in get_args(hint) if part is not type(None))
            return self._type(inner) | None
        if get_origin(hint) is tuple:
            first, rest = get_args(hint)
            if rest is not Ellipsis:
                return OpeningHoursInput  # the only pair that commands have
            return list_of(self._type(first))
        if issubclass(hint, Enum):
            return enum(hint)
        if issubclass(hint, msgspec.Struct):
            return self.of_record(hint)
        return SCALARS[hint]


def plain(value: Any) -> Any:
    """An input as `parse` takes it: what was left out is absent."""
    if isinstance(value, OpeningHoursInput):
        return [value.opens, value.closes]
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


def mutation(
    command: type[Command], decider: Decider[Any], inputs: Inputs, answer: ViewType | None
) -> tuple[Any, Any]:
    """The payload's type and the field of a mutation that does a command."""
    payload = _payload_type(command, answer)
    argument = Argument(inputs.of_command(command), "What to do, to whom, and by whose wish.")

    async def resolve(_: Any, info: Info, input: Any) -> Payload:
        try:
            wanted = _command(command, plain(input), call(info))
            await require_theirs(call(info), decider, wanted)
            done = await call(info).tenant.engine.execute(wanted)
        except (DomainError, CommandIdReused) as refused:
            return Payload(None, None, [Refusal(refused, call(info).language)])
        return Payload(done, await _row(call(info), decider, answer, done), [])

    return payload, field(payload, resolve, {"input": argument}, inspect.cleandoc(command.__doc__ or ""))


def _command(command: type[Command], fields: dict[str, Any], context: Call) -> Command:
    key, when = fields.pop("idempotency_key", None), fields.pop("occurred_at", None)
    now = datetime.now(UTC)
    fields["command_id"] = str(uuid.uuid4()) if key is None else key
    fields["occurred_at"] = now if when is None else when
    wanted = parse(command, fields | {"actor": context.caller.actor})
    _require_own_key(wanted)
    _require_past(wanted, now)
    return wanted


def _require_own_key(command: Command) -> None:
    if command.command_id.startswith(RESERVED):
        raise InvalidInput(
            "command_id", f"must not begin with {', '.join(RESERVED)}: these keys are Kehu's own"
        )


def _require_past(command: Command, now: datetime) -> None:
    if command.occurred_at > now + AHEAD:
        raise InvalidInput("occurred_at", "lies in the future")


async def _row(context: Call, decider: Decider[Any], answer: ViewType | None, done: Executed) -> Found | None:
    """The row that the command's aggregate shows as, right after the command."""
    if answer is None:
        return None
    id = done.appended.stream.removeprefix(f"{decider.name}-")
    customer, stream = getattr(done.state, "customer_id", None), done.appended.stream
    if not await within_reach(context, answer.declaration, customer):
        return None
    context.live.add(done.position)
    row = await context.reader.row_after(answer.declaration.name, (id,), stream, customer, done.position)
    context.standing = await context.reader.standing()
    return row and masked(row, context.sight(answer.declaration.name))


def _payload_type(command: type[Command], answer: ViewType | None) -> type[Any]:
    fields: dict[str, tuple[Any, Any]] = {
        "position": (Int64 | None, strawberry.field(description="Of the last event that it led to.")),
        "recorded_at": (datetime | None, strawberry.field(description="When that was recorded.")),
        "repeated": (
            bool,
            strawberry.field(description="It was done before; this is the first answer again."),
        ),
        "errors": (list[Error], strawberry.field(description="The rules it broke; empty where it was done.")),
    }
    if answer is not None:
        name = answer.name[0].lower() + answer.name[1:]
        fields["row"] = (
            answer.row | None,
            strawberry.field(name=name, description="How it stands right after the command."),
        )
    return object_type(bare(f"{command.__name__}Payload"), fields, f"What `{command.__name__}` led to.")
