"""`kehu explain`: why a row of a view is as it is, change by change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.text import Text

from domain.events import POLICY_TAG, Event, Recorded
from infra.views.explaining import Change, explain
from kehu import plugins
from kehu.console import out, short, write_json
from kehu.failures import NOT_FOUND, USAGE, Failure
from kehu.opening import database, opened
from kehu.options import common, moment_of, own_projections, require_views
from kehu.serving import catch_up
from kehu.settings import Settings
from projections.view import Declaration, views

MOST = 1_000
"""Changes that are told at most where --last says nothing."""


@click.command("explain")
@click.argument("view")
@click.argument("key", nargs=-1, required=True)
@click.option("--field", metavar="FIELD", help="Only the changes of this field.")
@click.option(
    "--as-of",
    "moment",
    metavar="MOMENT",
    help="Up to a position, a recorded time (UTC unless it names a zone), or a business day's end (a date).",
)
@click.option("--last", type=click.IntRange(1), default=MOST, help=f"How many changes [{MOST}].")
@own_projections
@common
def explain_command(
    settings: Settings,
    view: str,
    key: tuple[str, ...],
    field: str | None,
    moment: str | None,
    last: int,
    projections: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Tell which events made a row of VIEW what it is, and what each changed.

    KEY is the row's key, its parts in the order of the view. Where all rows of a view are computed
    together, at a day's end, the policies that decided and what had happened meanwhile are told too.
    With --json one object a line, the latest first.

    \b
    Example:
      kehu explain --tenant demo customer_values 05999 --field tier --as-of 1998-03-31
    """
    for path in projections:
        plugins.load(path)
    declaration = _declared(view, field)
    row = _key(declaration, key)
    with database(settings) as dsn:
        changes = asyncio.run(_explain(settings, dsn, declaration, row, field, moment, last, as_json))
    if as_json:
        for change in changes:
            write_json(_plain(change, field))
    else:
        for line in _lines(declaration, key, changes, field):
            out().print(line, soft_wrap=True)
    return 0


def _declared(view: str, field: str | None) -> Declaration:
    """The view of that name, which has that field."""
    require_views(view)
    names = [f.name for f in views[view].fields]
    if field is not None and field not in names:
        raise Failure(f"--field: the view {view} has no field {field!r}; it has {', '.join(names)}", USAGE)
    return views[view]


def _key(declaration: Declaration, parts: Sequence[str]) -> tuple[Any, ...]:
    """The key's parts as the view has them."""
    if len(parts) != len(declaration.key):
        raise Failure(f"KEY: the key of {declaration.name} is {' '.join(declaration.key)}", USAGE)
    key: list[Any] = []
    for name, part in zip(declaration.key, parts, strict=True):
        try:
            key.append(msgspec.convert(part, declaration.field(name).type, strict=False))
        except msgspec.ValidationError as error:
            raise Failure(f"KEY: {name}: {error}", USAGE) from None
    return tuple(key)


async def _explain(
    settings: Settings,
    dsn: str,
    declaration: Declaration,
    key: tuple[Any, ...],
    field: str | None,
    moment: str | None,
    last: int,
    quiet: bool,
) -> list[Change]:
    async with opened(settings, dsn, views.values(), must_exist=True) as tenant:
        head = await catch_up(tenant, quiet=quiet)
        at = head if moment is None else await moment_of(tenant.log, "--as-of", moment)
        changes = await explain(tenant.reader, declaration.name, key, at, field=field, first=last)
        if not changes:
            words = " ".join(map(str, key))
            raise Failure(f"{declaration.name} had no row {words!r} up to position {at}", NOT_FOUND)
        return changes


# --- Telling --------------------------------------------------------------------------------------


def _plain(change: Change, field: str | None) -> dict[str, Any]:
    """A change as JSON has it."""
    return {
        "since": change.event.position,
        "until": change.until,
        **_event(change.event),
        "ended": change.after is None,
        "changes": [{"field": name, "old": old, "new": new} for name, old, new in _values(change, field)],
        "because": [{"position": e.position, **_event(e)} for e in change.because],
    }


def _event(event: Recorded[Event]) -> dict[str, Any]:
    return {
        "event": event.name,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "actor": event.actor,
        "customer_id": event.customer_id,
        "stream": event.stream,
    }


def _values(change: Change, field: str | None) -> Iterator[tuple[str, Any, Any]]:
    """The fields that changed (of one field, that one), with the values before and after."""
    before, after = (found and msgspec.to_builtins(found.row) for found in (change.before, change.after))
    for name in change.changed:
        if field in (None, name):
            yield name, before and before[name], after and after[name]


def _lines(
    declaration: Declaration, key: Sequence[str], changes: Sequence[Change], field: str | None
) -> Iterator[Text]:
    """The changes, the latest first, and below each what it changed and what lay behind it."""
    what = f"{declaration.name} {' '.join(key)}" + (f": {field}" if field else "")
    yield Text(f"{what}, {len(changes)} changes, the latest first", style="bold")
    for change in changes:
        held = f"  (until {change.until})" if change.until is not None else ""
        yield Text.assemble(_line(change.event, "bold"), (held, "dim"))
        if change.after is None:
            yield Text(f"{'':>11}the row ended")
        for name, old, new in _values(change, field):
            yield Text(f"{'':>11}{name}: {short(old)} → {short(new)}")
        for event in change.because:
            word = "because" if POLICY_TAG in event.event.tags else "meanwhile"
            yield Text.assemble((f"{'':>11}{word:<9} ", "dim"), _line(event, ""))


def _line(event: Recorded[Event], style: str) -> Text:
    about = f"  about {event.customer_id}" if event.customer_id else ""
    return Text.assemble(
        (f"{event.position:>9}", "dim"),
        f"  {event.occurred_at:%Y-%m-%d %H:%M:%S}  ",
        (event.name, style),
        f"  by {event.actor}{about}",
    )
