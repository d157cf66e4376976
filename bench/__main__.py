"""`python -m bench`: measures, shows the table, and renews the page of figures in the docs."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncpg
import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import emmett, postgraphile
from bench.harness import FULL, QUICK, Figure, Run
from bench.report import Circumstances, circumstances, measured, renewed, screen
from bench.suite import BENCHES, measure
from infra.postgres.server import running

WIDTH = 200
"""Of the table, where it goes into a file or a pipe."""
NEEDS_EMMETT = {"append", "batch"}
NEEDS_POSTGRAPHILE = {"graphql"}
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


@click.command(
    help=f"Measure Kehu and its peers side by side. NAMES: {', '.join(BENCHES)}; all of them by default."
)
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHES)), metavar="[NAMES]...")
@click.option("--quick", is_flag=True, help="Small amounts and short rounds: within a minute, less exact.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures to this file.")
def main(names: tuple[str, ...], quick: bool, file: Path | None) -> None:
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    command = " ".join(["python -m bench", *names, *(["--quick"] if quick else [])])
    under, figures = asyncio.run(_run(names or tuple(BENCHES), quick, command, console))
    console.print(screen(figures))
    if file is not None:
        facts = {"circumstances": under, "figures": figures}
        file.write_bytes(msgspec.json.format(msgspec.json.encode(facts)))
    if not quick and not names:
        PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), measured(figures, under)), encoding="utf-8")
        console.print(f"Written to {PAGE.relative_to(PAGE.parent.parent)}")


async def _run(
    names: tuple[str, ...], quick: bool, command: str, console: Console
) -> tuple[Circumstances, list[Figure]]:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with (
        tempfile.TemporaryDirectory(prefix="kehu-bench-") as directory,
        running(Path(directory) / "postgres") as server,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        task = progress.add_task("starting", total=len(names))
        peer = emmett.command(console.print) if NEEDS_EMMETT & set(names) else ()
        graphile = postgraphile.command(console.print) if NEEDS_POSTGRAPHILE & set(names) else ()
        scale = QUICK if quick else FULL
        run = Run(server, scale, lambda doing: progress.update(task, description=doing), peer, graphile)
        under = circumstances(command, await _postgres(server))
        figures = await measure(run, names, lambda *_: progress.advance(task))
    return under, figures


async def _postgres(server: str) -> str:
    connection = await asyncpg.connect(server)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


main()
