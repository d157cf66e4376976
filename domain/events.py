"""What an event is: an immutable fact with a stored name, a schema version and its personal fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from eventsourcing.utils import register_topic

from domain.records import Record

T = TypeVar("T")
E = TypeVar("E", bound="Event")
E_co = TypeVar("E_co", bound="Event", covariant=True)

Personal = Annotated[T, msgspec.Meta(extra={"personal": True})]
"""A field that can tell who a natural person is, or what one said; declared where the event is."""
ERASED = "[erased]"
"""What stands for a personal text that was erased; anything else is missing then."""


class Event(Record, forbid_unknown_fields=True):
    """Something that happened, in the past tense, in business words."""

    TOPIC: ClassVar[str]
    """The stored name: a contract, never a module path, never changed (`eventsourcing` calls it a topic)."""
    class_version: ClassVar[int] = 1
    """The schema version written today; `upcast_v1_v2(fields)` on the class lifts older ones on read."""

    @property
    def tags(self) -> tuple[str, ...]:
        """What a condition across streams finds this event by, as `kind:value`."""
        return ()


POLICY_TAG = "kind:policy"
"""The tag of all policies: folds reckon with them, so they are found together."""


class PolicyEvent(Event):
    """A rule that is published as data, or withdrawn."""

    @property
    def tags(self) -> tuple[str, ...]:
        return (POLICY_TAG,)


class Recorded(msgspec.Struct, Generic[E_co], frozen=True, gc=False):
    """An event as the log holds it: what happened, and everything rule 4 of the domain asks about it.

    Satisfies `eventsourcing.domain.DomainEventProtocol[str]`: the originator is the stream.
    """

    position: int
    """Place in the tenant's log: 1, 2, 3 … in commit order, without a gap."""
    stream: str
    """`category-id`, e.g. `complaint-8f2c`."""
    version: int
    """Place in the stream: 1, 2, 3 … without a gap."""
    recorded_at: datetime
    """When the log took it in (UTC); strictly increasing with position."""
    occurred_at: datetime
    """When it happened (UTC), as the command said."""
    event: E_co
    customer_id: str | None
    """The customer it is about."""
    command_id: str
    """The idempotency key of the command that caused it."""
    actor: str
    """Who did it."""
    on_behalf_of: str | None = None
    """For whom the actor acted, where that is somebody else."""
    causation_id: str | None = None
    """The command or event that led to this one."""
    correlation_id: str | None = None
    """The conversation that this belongs to."""
    source: str | None = None
    """Where it came from: a channel, a file, `simulated`."""

    @property
    def name(self) -> str:
        return self.event.TOPIC

    @property
    def originator_id(self) -> str:
        return self.stream

    @property
    def originator_version(self) -> int:
        return self.version


class UnknownEvent(Exception):
    """The log holds an event that this program does not know: nothing may skip it silently."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"event {name!r} version {version} is not known to this program: "
            "load the module that declares it, or update the program"
        )


_catalogue: dict[str, type[Event]] = {}
_decoders: dict[tuple[str, int], Callable[[bytes], Event]] = {}

catalogue: Mapping[str, type[Event]] = MappingProxyType(_catalogue)
"""Every declared event by its stored name."""


def event(name: str, version: int = 1) -> Callable[[type[E]], type[E]]:
    """Declare an event's stored name and schema version; a name can be declared once only."""

    def declare(cls: type[E]) -> type[E]:
        cls.TOPIC, cls.class_version = name, version
        register_topic(name, cls)
        _catalogue[name] = cls
        _decoders[name, version] = msgspec.json.Decoder(cls).decode
        for old in range(1, version):
            _decoders[name, old] = _upcasting_decoder(cls, old)
        return cls

    return declare


def _upcasting_decoder(cls: type[Event], written: int) -> Callable[[bytes], Event]:
    lifts = [getattr(cls, f"upcast_v{v}_v{v + 1}") for v in range(written, cls.class_version)]

    def decode_old(data: bytes) -> Event:
        fields: dict[str, Any] = msgspec.json.decode(data)
        for lift in lifts:
            lift(fields)
        return msgspec.convert(fields, cls)

    return decode_old


_encode = msgspec.json.Encoder().encode
encode: Callable[[Event], bytes] = _encode
"""The bytes that are stored: JSON, UTF-8, fields in the order of their declaration."""


def split(event: Event) -> tuple[bytes, bytes | None]:
    """The stored bytes of an event in two parts: what may be kept, and what its personal fields say, if any.

    `join` puts them together again.
    """
    told = {name: value for name in personal_fields(type(event)) if (value := getattr(event, name))}
    if not told:
        return encode(event), None
    kept = {name: getattr(event, name) for name in event.__struct_fields__ if name not in told}
    return _encode(kept), _encode(told)


def join(kept: bytes, personal: bytes) -> bytes:
    """The stored bytes of an event, from its two parts."""
    return personal[:-1] + (b"," if kept != b"{}" else b"") + kept[1:]


def erased(name: str, fields: Iterable[str]) -> bytes:
    """What these personal fields of an event say once they are erased."""
    hints = get_type_hints(_catalogue[name]) if name in _catalogue else {}
    return msgspec.json.encode({field: _without(hints.get(field)) for field in fields})


def scrubbed(event: E) -> E:
    """The same event with its personal fields erased."""
    hints = get_type_hints(type(event))
    told = [name for name in personal_fields(type(event)) if getattr(event, name)]
    return msgspec.structs.replace(event, **{name: _without(hints[name]) for name in told})


def _without(hint: Any) -> Any:
    if get_origin(hint) is tuple:
        return ()
    return ERASED if str in (hint, *get_args(hint)) else None


def decode(name: str, version: int, data: bytes) -> Event:
    """The event behind stored bytes, lifted to today's schema. Raises `UnknownEvent`."""
    try:
        decoder = _decoders[name, version]
    except KeyError:
        raise UnknownEvent(name, version) from None
    return decoder(data)


@cache
def personal_fields(cls: type[Any]) -> frozenset[str]:
    """The fields of an event, a command or a row that are declared `Personal`."""
    hints = get_type_hints(cls, include_extras=True)
    return frozenset(name for name in cls.__struct_fields__ if marks(hints[name]).get("personal"))


def marks(hint: Any) -> dict[str, Any]:
    """What is noted on a type hint, or on a part of it, with `msgspec.Meta(extra=…)`."""
    found: dict[str, Any] = {}
    for meta in getattr(hint, "__metadata__", ()):
        found |= getattr(meta, "extra", None) or {}
    for part in get_args(hint):
        found |= marks(part)
    return found


__all__ = [
    "ERASED",
    "POLICY_TAG",
    "Event",
    "Personal",
    "PolicyEvent",
    "Recorded",
    "UnknownEvent",
    "catalogue",
    "decode",
    "encode",
    "erased",
    "event",
    "join",
    "marks",
    "personal_fields",
    "scrubbed",
    "split",
]
