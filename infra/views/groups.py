"""Figures over the rows of a list that have the same values in some columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from infra.views.tables import quoted
from projections.view import Field

ADDED: frozenset[type] = frozenset({int, float})
"""What can be added up, and has a mean."""
COMPARED: frozenset[type] = ADDED | {str, date, datetime}
"""What has a least and a greatest value."""
FIGURES = {"sum": ADDED, "avg": ADDED, "min": COMPARED, "max": COMPARED}
"""The figures, and the types of the columns that have them."""


def figure(name: str, field: Field, row: str) -> str:
    """SQL for a figure of a column; sums and means do not depend on the order of the rows."""
    column = f"{row}.{quoted(field.name)}"
    match name:
        case "sum" if field.type is int:
            return f"sum({column})::bigint"
        case "sum" | "avg":
            return f"{name}({column}::numeric)::float8"
    return f"{name}({column})"


def grouping(by: Sequence[str], row: str) -> str:
    """SQL that makes a group of the rows with the same values, in the order of these; of none, one group."""
    columns = [f"{row}.{quoted(name)}" for name in by]
    if not columns:
        return " GROUP BY ()"
    return f" GROUP BY {', '.join(columns)} ORDER BY {', '.join(f'{c} NULLS LAST' for c in columns)}"
