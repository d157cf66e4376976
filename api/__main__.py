"""Prints the schema with the views that every Kehu has: `make schema` keeps it in `schema.graphql`."""

from __future__ import annotations

from api.schema import build_schema, printed
from projections import builtin  # noqa: F401  # declares the views
from projections.view import reports, views

print(printed(build_schema(views, reports)), end="")
