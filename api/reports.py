"""How a declared report looks in GraphQL: a root field with the report's arguments, answering rows."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry.types import Info

from api import meaning
from api.build import Argument, bare, field, list_of, meant, object_type
from api.call import call
from api.policy import Subject, require
from api.reads import note_report
from api.views import given, output_type
from projections.view import Report


def report_field(report: Report) -> tuple[Any, Any]:
    """The type and the root field of a report."""
    row = object_type(
        bare(report.row.__name__),
        {
            f.name: (
                output_type(f),
                strawberry.field(description=f.doc or None, metadata=meant(meaning.Column(field=f))),
            )
            for f in report.fields
        },
        report.doc,
    )
    arguments = {f.name: Argument(output_type(f), f.doc, strawberry.UNSET) for f in report.arguments}
    returns = list_of(row)

    async def resolve(_: Any, info: Info, **values: Any) -> list[dict[str, Any]]:
        context = call(info)
        require(context.caller, [Subject("report", report.name)])
        asked = {f.name: given(values.get(f.name)) for f in report.arguments}
        note_report(context.seen, report, asked)
        return await context.reader.report(report, context.standing, context.at, asked)

    return row, field(returns, resolve, arguments, report.doc, meaning=meaning.Report(report=report))
