"""`python -m tests.torture`: the long torture run, its progress and its report; 0 where nothing is wrong."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.torture.run import Torture, schedule, torture
from tests.torture.server import server

SHOWN = 20
"""Of the faults that were found, the first ones are shown."""


@click.command(help="Write, kill, cut and crash; then ask the oracle whether the log is whole.")
@click.option("--seed", default=7, show_default=True)
@click.option("--events", default=1_000_000, show_default=True)
@click.option("--faults", default=40, show_default=True, help="What is done to processes and server.")
@click.option("--writers", default=2, show_default=True, help="Processes that write.")
@click.option("--minutes", default=20.0, show_default=True, help="Who takes longer has failed: it is stuck.")
def main(seed: int, events: int, faults: int, writers: int, minutes: float) -> None:
    console = Console()
    try:
        found = asyncio.run(asyncio.wait_for(_run(console, seed, events, faults, writers), minutes * 60))
    except TimeoutError:
        found = [f"{events} events were not written and followed within {minutes} minutes"]
    for fault in found[:SHOWN]:
        console.print(f"[red]{fault}")
    console.print(f"[bold red]{len(found)} faults" if found else "[bold green]Nothing is wrong")
    sys.exit(bool(found))


async def _run(console: Console, seed: int, events: int, faults: int, writers: int) -> list[str]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with server() as postgres, Progress(*columns, console=console) as progress:
        todo = schedule(seed, faults)
        task = progress.add_task("starting", total=events)
        async with torture(postgres, seed, writers) as run:
            found = await run.run(
                events, todo, lambda head, doing: progress.update(task, completed=head, description=doing)
            )
            report(console, run, seed, todo, await run.log.head())
    return found


def report(console: Console, run: Torture, seed: int, faults: list[str], head: int) -> None:
    lines = [line for writer in run.writers for line in writer.told]
    kinds = {
        kind: sum(line.count(" ") for line in lines if line.startswith(kind)) for kind in ("done", "refused")
    }
    console.print(f"seed {seed}: {head:,} events by {len(run.writers)} processes")
    console.print(f"clients were told of {kinds['done']:,} commands done, {kinds['refused']:,} refused")
    console.print(", ".join(f"{fault}: {count}" for fault, count in sorted(Counter(faults).items())))


main()
