"""How a view is declared: its key, its fields and their meaning, the events it follows, and the fold."""

from __future__ import annotations

import ast
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from itertools import pairwise
from operator import attrgetter
from types import MappingProxyType
from typing import Annotated, Any, Self, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from domain.events import ERASED, Event, Recorded, marks, personal_fields
from domain.policies import Policies
from domain.records import Record
from projections.digest import digest_of
from projections.source import class_definition

V = TypeVar("V", bound="View")
F = TypeVar("F", bound=Callable[..., Any])

SCALARS: tuple[type, ...] = (str, int, bool, float, datetime, date)
RESERVED = frozenset({"id", "tenant", "since", "until"})


class View(Record):
    """A row of a view as of one moment: immutable; a fold answers with the next one."""

    def but(self, **changes: Any) -> Self:
        """The same row with these fields changed."""
        return msgspec.structs.replace(self, **changes)


class DeclarationError(Exception):
    """A view is declared wrongly; the message says where, what and how to mend it."""


class FoldError(Exception):
    """A row began without a field that has no default."""


class Field(Record):
    """One column: a scalar, an enum's value, or a list of scalars."""

    name: str
    type: type
    many: bool = False
    optional: bool = False
    personal: bool = False
    ref: str | None = None
    about: bool = False
    doc: str = ""

    @property
    def erased(self) -> Any:
        """What stands for a value that was erased."""
        if self.many:
            return ()
        return ERASED if self.type is str else None


class Handler(Record):
    """What one kind of event does to the rows it touches."""

    fold: Callable[..., View | None]
    keys: Callable[[Recorded[Any]], Iterable[tuple[Any, ...]]]
    """Which rows the event touches, where `rows` does not say so."""
    rows: Mapping[str, Any] | None = None
    """The values of those live rows that all see the event."""
    policies: bool = False
    """Whether the fold also takes the policies in force."""
    looks_up: str | None = None
    """The population whose row of the customer the fold takes besides."""
    own: bool = False
    """Whether each event has rows of its own, which no other event touches: the position is in their key."""

    def after(
        self, row: View, recorded: Recorded[Any], policies: Policies, found: View | None
    ) -> View | None:
        """The row after an event, by the policies in force then and by what was found in the population."""
        if self.looks_up is not None:
            return self.fold(row, recorded, policies, found)
        return self.fold(row, recorded, policies) if self.policies else self.fold(row, recorded)


class Population(Record):
    """How all rows of a view are computed together, from other views, when a business day has ended."""

    query: str
    reads: tuple[str, ...]
    due: Callable[[Recorded[Any], Policies], Mapping[str, Any] | None]
    at: type[Event]


class Declaration(Record):
    """All that follows from one declared view."""

    row: type[View]
    name: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    forgets: bool = False
    """Whether rows go altogether with what is personal about their customer, once that is erased."""
    unset: dict[str, Any]
    """The fields without a default, unset: the key, and what a row's first event sets."""
    indexes: tuple[tuple[str, ...], ...] = ()
    handlers: Mapping[type[Event], Handler] = MappingProxyType({})
    population: Population | None = None
    doc: str
    digest: str
    """Changes with the code that computes the view: then it is built anew."""

    @property
    def watched(self) -> Mapping[str, Any] | None:
        """The condition of the rows that broadcast events reach, if the view has any."""
        return next((h.rows for h in self.handlers.values() if h.rows is not None), None)

    @property
    def reads(self) -> tuple[str, ...]:
        """The views that it is computed from, or that its folds look something up in."""
        if self.population is not None:
            return self.population.reads
        return tuple({h.looks_up: None for h in self.handlers.values() if h.looks_up is not None})

    @property
    def subject(self) -> str | None:
        """The column that says which customer a row is about, if there is one."""
        told = [field.name for field in self.fields if field.name == "customer_id" or field.about]
        return told[0] if told else None

    @property
    def personal_key(self) -> frozenset[str]:
        """The personal columns of the key: ids tell them, and what was erased has no row."""
        return frozenset(name for name in self.key if self.field(name).personal)

    @property
    def erasable(self) -> bool:
        """Whether its rows hold what is personal about a customer, or tell what such an event said."""
        each = any(map(personal_fields, self.handlers)) and all(h.own for h in self.handlers.values())
        return self.subject is not None and (
            self.forgets or each or any(field.personal for field in self.fields)
        )

    def without(self, row: V) -> V | None:
        """The row without what is personal in it; None where nothing is left of it."""
        if self.forgets or self.personal_key:
            return None
        told = [field for field in self.fields if field.personal and getattr(row, field.name)]
        return msgspec.structs.replace(row, **{field.name: field.erased for field in told})

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def key_of(self, row: View) -> tuple[Any, ...]:
        return tuple(getattr(row, name) for name in self.key)

    def blank(self, key: tuple[Any, ...]) -> View:
        """The row before its first event, which sets the fields that have no default."""
        return self.row(**self.unset | dict(zip(self.key, key, strict=True)))


class Chart(Record):
    """How a report is drawn: which of its columns are what."""

    kind: str
    """`bars`, `pareto` (bars from the greatest on, and the cumulated share), `lines`, `control` (points with
    centre line and limits), `funnel`, or `grid` (colours)."""
    x: str
    """The column along the bottom; of a funnel, its steps."""
    y: str
    """The columns that are measured, between blanks; of `control`: the figure, its centre, its limits."""
    unit: str
    """In which unit they are."""
    series: str | None = None
    """The column that tells lines apart; of a grid, the one along its side; of bars, one that is
    named beside `x`."""

    @property
    def measured(self) -> tuple[str, ...]:
        return tuple(self.y.split())

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.x, *self.measured, *([self.series] if self.series else []))


CHARTS = ("bars", "pareto", "lines", "control", "funnel", "grid")


class Report(Record):
    """What is computed from views whenever it is asked: rows of one SELECT, as of any position."""

    row: type[View]
    name: str
    arguments: tuple[Field, ...]
    """The row's fields that have a default: the asker fills them in, as `:name` in the query."""
    fields: tuple[Field, ...]
    query: str
    reads: tuple[str, ...]
    doc: str
    chart: Chart | None = None
    """How it is drawn, where it is."""


_views: dict[str, Declaration] = {}
_reports: dict[str, Report] = {}

views: Mapping[str, Declaration] = MappingProxyType(_views)
"""Every declared view by name, in the order of declaration."""
reports: Mapping[str, Report] = MappingProxyType(_reports)
"""Every declared report by name."""


def ref(view: str) -> Any:
    """Marks a field as the key of a row in another view: `customer_id: Annotated[str, ref("customers")]`."""
    return msgspec.Meta(extra={"ref": view})


CustomerId = Annotated[str, ref("customers")]
"""The key of a row in the view `customers`; GraphQL makes a link of it, in both directions."""


about: Any = msgspec.Meta(extra={"about": True})
"""Marks a field as the id of the customer whom a row is about; `customer_id` needs no mark."""


def on(
    *events: type[Event],
    keys: Callable[[Recorded[Any]], Iterable[tuple[Any, ...]]] | None = None,
    rows: Mapping[str, Any] | None = None,
    looks_up: str | None = None,
) -> Callable[[F], F]:
    """Declare that a method folds these events: `(self, recorded[, policies]) -> next row, or None: it ends`.

    An event touches the row whose key fields it carries (in the event, else in its envelope);
    `keys` says otherwise, and `rows` sends it to every live row with these values. With `looks_up`, the
    name of a population with the key `customer_id`, the fold is `(self, recorded, policies, found)`: its
    row of the customer whom the event is about, as it was last computed before the event, or None.
    """

    def declare(fold: F) -> F:
        fold.__dict__["follows"] = (events, keys, rows, looks_up)
        return fold

    return declare


def view(
    name: str, *, key: str, indexes: Sequence[str] = (), forgets: bool = False
) -> Callable[[type[V]], type[V]]:
    """Declare a view: `name` in plural snake case, `key` and each index as field names between blanks.

    A field without a default is a key, or is set by the event that begins a row. What is personal about the
    customer whom `customer_id` names, or a field marked `about`, can be erased; with `forgets`, the whole row
    goes then.
    """

    def declare(cls: type[V]) -> type[V]:
        _register(cls, name, key, indexes, forgets=forgets, handlers=_handlers(cls, tuple(key.split())))
        return cls

    return declare


def population(
    name: str,
    *,
    key: str,
    query: str,
    reads: Sequence[str],
    at: type[Event],
    due: Callable[[Recorded[Any], Policies], Mapping[str, Any] | None],
    indexes: Sequence[str] = (),
) -> Callable[[type[V]], type[V]]:
    """Declare a view whose rows are computed all together, in SQL, from the views it reads.

    `query` selects the view's fields by name; `{orders}` in it stands for the view `orders` as of the
    event's position, `:day` for the value `day` that `due` answers with. `due` answers None where that
    event computes nothing.
    """

    def declare(cls: type[V]) -> type[V]:
        computed = Population(query=query, reads=tuple(reads), due=due, at=at)
        _register(cls, name, key, indexes, population=computed)
        return cls

    return declare


def report(
    name: str, *, reads: Sequence[str], query: str, chart: Chart | None = None
) -> Callable[[type[V]], type[V]]:
    """Declare a report: `query` as in a population; the fields with a default are its arguments."""

    def declare(cls: type[V]) -> type[V]:
        _require_free(cls, name)
        fields = {field.name: field for field in _fields(cls)}
        given = [f.name for f in msgspec.structs.fields(cls) if not f.required]
        arguments = tuple(fields.pop(argument) for argument in given)
        _require_drawable(cls, chart, fields)
        _reports[name] = Report(
            row=cls,
            name=name,
            arguments=arguments,
            chart=chart,
            fields=tuple(fields.values()),
            query=query,
            reads=tuple(reads),
            doc=inspect.cleandoc(cls.__doc__ or ""),
        )
        return cls

    return declare


def _require_drawable(cls: type[View], chart: Chart | None, fields: Iterable[str]) -> None:
    if chart is None:
        return
    if chart.kind not in CHARTS:
        raise wrong(cls, f"a chart is one of {', '.join(CHARTS)}, not {chart.kind!r}")
    if unknown := sorted({*chart.columns} - {*fields}):
        raise wrong(cls, f"its chart draws {unknown[0]!r}, which is not a column of it")


def _register(cls: type[View], name: str, key: str, indexes: Sequence[str], **how: Any) -> None:
    _require_free(cls, name)
    fields, keys = _fields(cls), tuple(key.split())
    for column in {*keys, *(part for index in indexes for part in index.split())}:
        if column not in {field.name for field in fields}:
            raise wrong(cls, f"{column!r} is a key or an index but not a field; add the field")
    for field in msgspec.structs.fields(cls):
        if field.name in RESERVED:
            raise wrong(cls, f"field {field.name!r}: the name is taken; rename it")
        if field.name in keys and not field.required:
            raise wrong(cls, f"field {field.name!r}: remove its default, it is a key")
    _views[name] = Declaration(
        row=cls,
        name=name,
        key=keys,
        fields=fields,
        unset=dict.fromkeys(_required(cls), msgspec.UNSET),
        indexes=tuple(tuple(index.split()) for index in indexes),
        doc=inspect.cleandoc(cls.__doc__ or ""),
        digest=digest_of(cls, name, key, *indexes),
        **how,
    )


def _require_free(cls: type[View], name: str) -> None:
    """Nobody else bears the name; a class whose cell or file is run once more replaces itself."""
    for known in (_views.get(name), _reports.get(name)):
        if known and (known.row.__module__, known.row.__qualname__) != (cls.__module__, cls.__qualname__):
            raise wrong(cls, f"a view or report {name!r} exists already; choose another name")


def _handlers(cls: type[View], key: tuple[str, ...]) -> Mapping[type[Event], Handler]:
    handlers: dict[type[Event], Handler] = {}
    given = [name for name in _required(cls) if name not in key]
    for fold in vars(cls).values():
        if not hasattr(fold, "follows"):
            continue
        events, keys, rows, looks_up = fold.follows
        takes_policies = _takes_policies(cls, fold, looks_up)
        if not events:
            raise wrong(cls, f"{fold.__name__} follows no event; name one: @on(SomeEvent)")
        if rows and (unknown := rows.keys() - {*cls.__struct_fields__}):
            raise wrong(cls, f"{fold.__name__}: `rows` names {min(unknown)!r}, which is not a field")
        for kind in events:
            if not (isinstance(kind, type) and issubclass(kind, Event)):
                raise wrong(cls, f"{fold.__name__}: {kind!r} is not an event; name an event's class")
            if kind in handlers:
                raise wrong(cls, f"{kind.TOPIC} is followed twice; merge the two methods")
            touched = keys or (_none if rows else _keys_carried(cls, key, kind))
            whole = _beginning(fold, given) if given else fold
            own = "position" in key and not (keys or rows) and "position" not in kind.__struct_fields__
            handlers[kind] = Handler(
                fold=whole, keys=touched, rows=rows, policies=takes_policies, looks_up=looks_up, own=own
            )
    if not handlers:
        raise wrong(cls, "it follows no event; mark a method with @on(SomeEvent)")
    if len({str(h.rows) for h in handlers.values() if h.rows is not None}) > 1:
        raise wrong(cls, "two different `rows` conditions; one view can have one")
    return MappingProxyType(handlers)


def _takes_policies(cls: type[View], fold: Callable[..., Any], looks_up: str | None) -> bool:
    if not inspect.isfunction(fold) or inspect.iscoroutinefunction(fold):
        raise wrong(cls, "a fold is a plain method: (self, recorded) or (self, recorded, policies)")
    taken = inspect.signature(fold).parameters.values()
    asked, allowed = "(self, recorded) or (self, recorded, policies)", range(2, 4)
    if looks_up is not None:
        asked, allowed = "(self, recorded, policies, found), as it looks something up", range(4, 5)
    if len(taken) not in allowed or any(p.kind is not p.POSITIONAL_OR_KEYWORD for p in taken):
        names = ", ".join(p.name for p in taken)
        raise wrong(cls, f"{fold.__name__}({names}): a fold takes {asked}")
    return len(taken) > 2


def _required(cls: type[Any]) -> list[str]:
    """The fields without a default: the key, and what a row's first event sets."""
    return [field.name for field in msgspec.structs.fields(cls) if field.required]


def _beginning(fold: Callable[..., V | None], given: Sequence[str]) -> Callable[..., V | None]:
    """The fold, which must set these fields where the row begins."""

    first = attrgetter(given[0])

    def begin(row: V, recorded: Recorded[Any], *besides: Any) -> V | None:
        after = fold(row, recorded, *besides)
        if first(row) is msgspec.UNSET and after is not None:
            missing = [name for name in given if getattr(after, name) is msgspec.UNSET]
            if missing:
                raise FoldError(
                    f"view {type(row).__name__}: {recorded.name} begins a row without {', '.join(missing)};"
                    " set it there, or give it a default"
                )
        return after

    return begin


def _none(recorded: Recorded[Any]) -> Iterable[tuple[Any, ...]]:
    return ()


def _keys_carried(
    cls: type[View], key: tuple[str, ...], kind: type[Event]
) -> Callable[[Recorded[Any]], Iterable[tuple[Any, ...]]]:
    """The row whose key fields the event carries, in its own fields or else in its envelope."""
    for name in key:
        if name not in kind.__struct_fields__ and name not in Recorded.__struct_fields__:
            raise wrong(cls, f"{kind.TOPIC} does not carry the key field {name!r}; say @on(…, keys=…)")
    getters = [attrgetter(f"event.{name}" if name in kind.__struct_fields__ else name) for name in key]

    def carried(recorded: Recorded[Any]) -> Iterable[tuple[Any, ...]]:
        found = tuple([get(recorded) for get in getters])
        return () if None in found else (found,)

    def carried_one(recorded: Recorded[Any], get: Callable[[Any], Any] = getters[0]) -> Iterable[tuple[Any]]:
        found = get(recorded)
        return () if found is None else ((found,),)

    return carried if len(getters) > 1 else carried_one


def _fields(cls: type[View]) -> tuple[Field, ...]:
    hints = get_type_hints(cls, include_extras=True)
    docs, personal = member_docs(cls), personal_fields(cls)
    return tuple(
        _field(cls, name, hints[name], docs.get(name, ""), name in personal) for name in cls.__struct_fields__
    )


def _field(cls: type[View], name: str, hint: Any, doc: str, personal: bool) -> Field:
    noted = marks(hint)
    kind, optional, many = _bare(hint), False, False
    if get_origin(kind) in (Union, types.UnionType):
        parts = [part for part in get_args(kind) if part is not type(None)]
        kind, optional = _bare(parts[0]), True
    if get_origin(kind) is tuple:
        kind, many = _bare(get_args(kind)[0]), True
    if not (isinstance(kind, type) and (kind in SCALARS or issubclass(kind, Enum))):
        raise wrong(cls, f"field {name!r}: use a scalar, an enum or tuple[scalar, ...], not {hint}")
    return Field(
        name=name,
        type=kind,
        many=many,
        optional=optional,
        personal=personal,
        ref=noted.get("ref"),
        about=noted.get("about", False),
        doc=doc,
    )


def _bare(hint: Any) -> Any:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return hint


def member_docs(cls: type[Any]) -> dict[str, str]:
    """The strings that stand below fields, or an enum's values, in the sources of a class and its bases."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        written = class_definition(base) if base.__module__ != "builtins" else None
        for field, below in pairwise(written.body if written else ()):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    docs[name] = inspect.cleandoc(text)
    return docs


def wrong(cls: type[Any], advice: str) -> DeclarationError:
    """The error, with the file and line of the class."""
    try:
        line = inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        line = 0
    place = getattr(sys.modules.get(cls.__module__), "__file__", cls.__module__)
    return DeclarationError(f"{place}:{line}: view {cls.__name__}: {advice}")
