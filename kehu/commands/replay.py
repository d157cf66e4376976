"""`kehu replay`: an auditor's view of one customer, event by event."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import click
from rich.text import Text

from kehu.console import out, short, write_json
from kehu.failures import NOT_FOUND, Failure
from kehu.opening import database, opened
from kehu.options import common, moment_of
from kehu.replaying import Replayed, replay
from kehu.settings import Settings


@click.command("replay")
@click.option("--customer", "customer_id", required=True, metavar="ID", help="Whose story.")
@click.option(
    "--at",
    "moment",
    metavar="TIME",
    help="Up to a recorded time (UTC unless it names a zone), a business day's end (a date), or a position.",
)
@click.option("--position", type=click.IntRange(0), help="Up to this position of the log.")
@common
def replay_command(
    settings: Settings, customer_id: str, moment: str | None, position: int | None, as_json: bool
) -> int:
    """Show a customer's events in order: when, who, and what each changed.

    Everything about the customer is in it: the file, contacts, orders, complaints. With --json one
    object a line.

    \b
    Example:
      kehu replay --tenant demo --customer 00001 --at 1997-06-30
    """
    if moment is not None and position is not None:
        raise click.UsageError("give --at or --position, not both")
    with database(settings) as dsn:
        story = asyncio.run(_replay(settings, dsn, customer_id, moment, position))
    if as_json:
        for event in story:
            write_json(event)
    else:
        for line in _lines(customer_id, story):
            out().print(line, soft_wrap=True)
    return 0


async def _replay(
    settings: Settings, dsn: str, customer_id: str, moment: str | None, position: int | None
) -> list[Replayed]:
    async with opened(settings, dsn, (), must_exist=True) as tenant:
        until = None
        if moment is not None:
            until = await moment_of(tenant.log, "--at", moment)
        elif position is not None:
            until = await moment_of(tenant.log, "--position", str(position))
        events = await tenant.log.read_customer(customer_id, until=until)
        if not events:
            when = "" if until is None else f" up to position {until}"
            raise Failure(f"tenant {settings.tenant!r} has no customer {customer_id!r}{when}", NOT_FOUND)
        return list(replay(events))


def _lines(customer_id: str, story: list[Replayed]) -> Iterator[Text]:
    """What happened, line by line, and below each event what it changed."""
    yield Text(f"Customer {customer_id}: {len(story)} events", style="bold")
    for event in story:
        by = event.actor + (f" for {event.on_behalf_of}" if event.on_behalf_of else "")
        source = f", from {event.source}" if event.source else ""
        yield Text.assemble(
            (f"{event.position:>9}", "dim"),
            f"  {event.occurred_at:%Y-%m-%d %H:%M:%S}  ",
            (event.event, "bold"),
            f"  {event.stream}  by {by}{source}",
            (f"  (recorded {event.recorded_at:%Y-%m-%d %H:%M:%S.%f})", "dim"),
        )
        changed = {c.field for c in event.changes}
        for field, value in event.data.items():
            if field not in changed and value is not None and not field.endswith("_id"):
                yield Text(f"{'':>11}{field}: {short(value)}", style="dim")
        for c in event.changes:
            yield Text(f"{'':>11}{c.field}: {short(c.old)} → {short(c.new)}")
