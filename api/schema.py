"""Puts the GraphQL schema together from what is declared: views, reports, commands, and the log itself."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import strawberry
from graphql import GraphQLInputObjectType, GraphQLSchema, print_schema
from strawberry.extensions import MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from api import (
    calendar,
    comparing,
    complaints,
    customers,
    explain,
    interactions,
    orders,
    points,
    previews,
    tiers,
)
from api.build import bare, field, list_of, object_type
from api.commands import Inputs, error_types, mutation
from api.events import EventConnection, event_log, event_log_arguments
from api.execution import CACHED, TOKENS, Parsing, Schema
from api.gate import Passing
from api.groups import COLUMN_VALUE, ColumnValue
from api.introspection import Introspections
from api.labels import labels_field
from api.messages import Telling
from api.moments import AsOf, Moments, add_directive
from api.nodes import DECLARATION, root_fields
from api.nouns import Noun, plain_nouns
from api.plans import Plans
from api.policy import LOG, OWNER_OF, Subject
from api.reads import watch
from api.reassigning import reassign_field
from api.reports import report_field
from api.scalars import DATE, INT64, MOMENT, PLACE, Int64, Place
from api.subscriptions import MESSAGES, subscription
from api.views import ViewType, complete
from infra.views.reader import Found
from projections.previews import READS
from projections.view import Declaration, Report

NOUNS: Sequence[Noun] = (
    customers.NOUN,
    interactions.NOUN,
    orders.NOUN,
    complaints.NOUN,
    points.NOUN,
    *tiers.NOUNS,
    *calendar.NOUNS,
    *plain_nouns(),
)
SERVED_BY = {"reassignCustomers": "AssignOwner"}
"""The command behind a mutation that does it many times."""
SCHEMAS = 8
"""Of how many sets of views the schema is kept."""
_BUILT: dict[Hashable, tuple[Schema, Sequence[object]]] = {}


def build_schema(
    views: Mapping[str, Declaration], reports: Mapping[str, Report], *, compiled: bool = True
) -> Schema:
    """The schema of a tenant that has these views and reports; without `compiled`, resolvers answer all.

    It is made once, which takes seconds, and shared by all tenants of a process that declare the same.
    """
    declared = (*views.values(), *reports.values())
    key = (tuple(views), tuple(map(id, declared)), compiled)
    if key not in _BUILT:
        if len(_BUILT) == SCHEMAS:
            del _BUILT[next(iter(_BUILT))]
        _BUILT[key] = _build(views, reports, compiled), declared  # kept, so that nothing else gets their ids
    return _BUILT[key][0]


def _build(views: Mapping[str, Declaration], reports: Mapping[str, Report], compiled: bool) -> Schema:
    types = {name: ViewType(declaration) for name, declaration in sorted(views.items())}
    by_hand = [noun.links(types) for noun in NOUNS if noun.answer in types]
    complete(types, [*by_hand, explain.links(types)])
    rows = {
        name: report_field(report)
        for name, report in sorted(reports.items())
        if set(report.reads) <= types.keys()
    }
    inputs = Inputs()
    scalars: dict[object, ScalarDefinition] = {
        ColumnValue: COLUMN_VALUE,
        Int64: INT64,
        datetime: MOMENT,
        Place: PLACE,
        date: DATE,
    }
    schema = Schema(
        query=_query(types, rows, inputs),
        mutation=_mutation(types, inputs),
        subscription=subscription(types),
        types=[AsOf, *error_types()],
        execution_context_class=Telling,
        extensions=[
            Moments,
            lambda: MaxTokensLimiter(max_token_count=TOKENS),
            lambda: Parsing(maxsize=CACHED),
            Passing,
        ],
        config=StrawberryConfig(
            default_resolver=_attribute,
            scalar_map=scalars,
        ),
    )
    core: GraphQLSchema = schema._schema
    add_directive(core)
    as_of = core.type_map["AsOf"]
    assert isinstance(as_of, GraphQLInputObjectType)
    as_of.is_one_of = True  # strawberry keeps this to itself, and the printed schema should tell it
    by_row = {rows[name][0].__name__: reports[name] for name in rows}
    _say_what_is_read(core, types, by_row)
    _say_what_needs_a_right(core, types, by_row)
    watch(core, {kind.name: kind.declaration for kind in types.values()})
    if compiled:
        schema.plans, schema.introspections = Plans(schema), Introspections(core)
    return schema


def printed(schema: strawberry.Schema) -> str:
    """The schema in GraphQL's own language, `@asOf` included."""
    return print_schema(schema._schema) + "\n"


def _query(
    types: Mapping[str, ViewType], reports: Mapping[str, tuple[Any, Any]], inputs: Inputs
) -> type[Any]:
    fields = root_fields()
    for name, kind in types.items():
        one = kind.name[0].lower() + kind.name[1:]
        fields[f"{name}__one"] = kind.one(one)
        fields[name] = kind.many()
    for name, (row, made) in reports.items():
        fields[name] = (list_of(row), made)
    if types.keys() >= {*READS}:
        fields["preview_tier_policy"] = previews.preview_field(types, inputs)
    if OWNER_OF in types:
        fields["compare_customer"] = comparing.comparison_field(types)
    fields["enum_labels"] = labels_field()
    fields["event_log"] = (
        EventConnection,
        field(EventConnection, event_log, event_log_arguments(), "The log: every event, in order."),
    )
    return object_type(bare("Query"), fields, "What can be asked; every answer is true at `extensions.asOf`.")


def _mutation(types: Mapping[str, ViewType], inputs: Inputs) -> type[Any]:
    fields = {}
    for noun in NOUNS:
        for command in noun.decider.commands:
            answer = types.get(noun.answer) if noun.answer else None
            name = command.__name__[0].lower() + command.__name__[1:]
            fields[name] = mutation(command, noun.decider, inputs, answer)
    fields["reassign_customers"] = reassign_field()
    return object_type(bare("Mutation"), fields, "What can be done; each mutation is a command.")


def _say_what_is_read(
    core: GraphQLSchema, types: Mapping[str, ViewType], reports: Mapping[str, Report]
) -> None:
    """Note on each GraphQL type whose views an answer with it is read from."""
    for kind in types.values():
        core.type_map[kind.name].extensions[DECLARATION] = kind.declaration
    read: dict[str, tuple[str, ...]] = {kind.name: (name,) for name, kind in types.items()}
    read |= {f"{kind.name}Connection": (name,) for name, kind in types.items()}
    read |= {row: report.reads for row, report in reports.items()}
    if previews.NAME in core.type_map:
        read[previews.NAME] = READS
    if comparing.NAME in core.type_map:
        read[comparing.NAME] = (OWNER_OF,)
    for name, views in read.items():
        core.type_map[name].extensions["views"] = views


def _say_what_needs_a_right(
    core: GraphQLSchema, types: Mapping[str, ViewType], reports: Mapping[str, Report]
) -> None:
    """Note on types and mutations to what they give access, as the policy calls it."""
    subjects = {kind.name: Subject("view", name) for name, kind in types.items()}
    subjects |= {f"{name}Connection": subject for name, subject in subjects.items()}
    subjects |= {row: Subject("report", report.name) for row, report in reports.items()}
    if previews.NAME in core.type_map:
        subjects[previews.NAME] = Subject("report", "preview_tier_policy")
    if comparing.NAME in core.type_map:
        subjects[comparing.NAME] = Subject("view", OWNER_OF)
    subjects |= {name: Subject("view", view) for name, view in MESSAGES.items() if name in core.type_map}
    for name in (*subjects, "Event", "EventConnection"):
        core.type_map[name].extensions["subject"] = subjects.get(name, LOG)
    assert core.mutation_type is not None
    for name, made in core.mutation_type.fields.items():
        command = SERVED_BY.get(name, name[0].upper() + name[1:])
        made.extensions["subject"] = Subject("command", command)


def _attribute(source: Any, name: str) -> Any:
    """What a plain field shows of a row, a record or a report's line."""
    if isinstance(source, Found):
        return source.since if name == "since" else getattr(source.row, name)
    return source[name] if isinstance(source, dict) else getattr(source, name)
