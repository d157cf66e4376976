"""Prints the schema with the views that every Kehu has: `make schema` keeps it in `schema.graphql`."""

from __future__ import annotations

from api.schema import build_schema, printed
from projections import (  # noqa: F401  # these declare the views
    cohorts,
    complaint_rates,
    complaints,
    customers,
    identifiers,
    interactions,
    orders,
    pareto,
    points,
    tiers,
)
from projections.view import reports, views

print(printed(build_schema(views, reports)), end="")
