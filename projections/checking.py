"""Whether declarations fit together: what a view refers to is there, and populations have an order."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from string import Formatter

import msgspec

from projections.view import Declaration, Field, Report, View, wrong


def checked(declarations: Iterable[Declaration]) -> list[Declaration]:
    """The declarations that are followed together. Raises `DeclarationError`."""
    found = {declaration.name: declaration for declaration in declarations}
    for declaration in found.values():
        _sources(declaration, found)
    for name in _in_order(found):
        found[name] = _with_sources(found[name], found)
    return [*found.values()]


def _with_sources(declaration: Declaration, views: Mapping[str, Declaration]) -> Declaration:
    """A view is computed anew where one that it reads is."""
    if not declaration.reads:
        return declaration
    digests = [declaration.digest, *(views[name].digest for name in sorted(declaration.reads))]
    digest = hashlib.sha256(" ".join(digests).encode()).hexdigest()[:16]
    return msgspec.structs.replace(declaration, digest=digest)


def check(views: Mapping[str, Declaration], reports: Mapping[str, Report]) -> None:
    """All that is declared, views and reports. Raises `DeclarationError`."""
    for declaration in checked(views.values()):
        for field in declaration.fields:
            if field.ref is not None and field.ref not in views:
                raise wrong(
                    declaration.row, f"field {field.name!r}: there is no view {field.ref!r}; {_known(views)}"
                )
    for report in reports.values():
        for name in report.reads:
            if name not in views:
                raise wrong(report.row, f"it reads {name}, which is not declared; {_known(views)}")
        _query(report.row, report.query, report.reads, report.fields)


def _sources(declaration: Declaration, views: Mapping[str, Declaration]) -> None:
    population, cls = declaration.population, declaration.row
    for name in declaration.reads:
        if name not in views:
            raise wrong(cls, f"{declaration.name} reads {name}, which is not declared; {_known(views)}")
        if population is None and (views[name].population is None or views[name].key != ("customer_id",)):
            raise wrong(cls, f"it looks up {name}, which is not a population with the key customer_id")
    if population is not None:
        _query(cls, population.query, population.reads, declaration.fields)


def _in_order(views: Mapping[str, Declaration]) -> list[str]:
    """Each view after those that it reads."""
    ordered: list[str] = []
    waiting = {d.name: {*d.reads} for d in views.values()}
    while waiting:
        free = [name for name, reads in waiting.items() if not reads & waiting.keys()]
        if not free:
            names = ", ".join(sorted(waiting))
            raise wrong(
                views[min(waiting)].row, f"these views read each other in a circle: {names}; break it"
            )
        for name in free:
            del waiting[name]
        ordered += free
    return ordered


def _known(views: Iterable[str]) -> str:
    return f"there are {', '.join(sorted(views))}"


def _query(cls: type[View], query: str, reads: Iterable[str], fields: Iterable[Field]) -> None:
    """What can be known of a query without a database. Raises `DeclarationError`."""
    try:
        named = {name for _, name, _, _ in Formatter().parse(query) if name is not None}
    except ValueError as error:
        raise wrong(cls, f"the query's braces do not match ({error}); say {{{{ for a brace") from error
    if unknown := sorted(named - {*reads}):
        raise wrong(cls, f"the query asks {{{unknown[0]}}}, which is not in `reads`; add it there")
    if unused := sorted({*reads} - named):
        raise wrong(cls, f"`reads` names {unused[0]!r}, but the query does not ask {{{unused[0]}}}")
    everything = re.search(r"(?:SELECT|,)\s+(?:\w+\.)?\*", query, re.IGNORECASE)
    missing = [field for field in fields if not re.search(rf"\b{field.name}\b", query)]
    if missing and not everything:
        raise wrong(
            cls, f"the query does not select the field {missing[0].name!r}; add it, or remove the field"
        )
